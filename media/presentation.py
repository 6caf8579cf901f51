"""A presentation: everything published for one version of one song, as values and as ``presentation.json``.

Times are integers in samples of `Presentation.sample_rate` on the presentation timeline, where 0 is the first
audible sample: encoder priming lies before it. ``presentation.json`` is what our own player, the catalogue
and ``tonearm verify`` read; its shape is this module and nothing else.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints
from uuid import UUID

from media.errors import ManifestError, SettingsError
from media.song import Song

SCHEMES = ("none", "cenc", "cbcs", "aes-128")


@dataclass(frozen=True, slots=True)
class Segment:
    """One media segment: `path` relative to the version's folder, `start` and `duration` in samples, `size` in bytes.

    `offset` is where it begins in the file: above 0 in a rendition of one file, which its segments are byte ranges of.
    """

    path: str
    start: int
    duration: int
    size: int
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Rendition:
    """One encoding of the song. Bandwidths are bit/s of the media segments (RFC 8216bis §4.4.6.2)."""

    name: str
    codec: str
    bitrate: int
    sample_rate: int
    channels: int
    priming: int
    bandwidth: int  # the peak: the largest over any run of segments that RFC 8216bis §4.4.6.2 names
    average_bandwidth: int
    init: str
    init_size: int
    segments: tuple[Segment, ...]
    iv: str = ""  # hex, 16 bytes: cbcs constant IV or AES-128 IV; empty for none and cenc
    digest: str = ""  # hex SHA-256 of init and segments as published, end to end
    kid: str = ""  # of a content key of its own; empty: the presentation's
    index_size: int = 0  # bytes of sidx behind the init, in a rendition of one file

    @property
    def one_file(self) -> bool:
        """Whether init and segments are byte ranges of one file."""
        return any(segment.path == self.init for segment in self.segments)


@dataclass(frozen=True, slots=True)
class Protection:
    """How the segments are encrypted. The key itself is never part of a presentation.

    `kid` is that of every rendition that names none of its own. `license_url` and `key_url` go into the manifests as they
    stand; relative ones are relative to the root of what the token opens (see `media.layout`) and are made relative to each
    manifest by the packager. `systems` are the names of the DRM systems that are signalled besides ClearKey (`drm.systems`).
    """

    scheme: str = "none"
    kid: UUID | None = None
    license_url: str = ""
    key_url: str = ""
    systems: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.scheme not in SCHEMES:
            raise ValueError(f"unknown protection scheme {self.scheme!r}")
        if (self.kid is None) != (self.scheme == "none"):
            raise ValueError("a protected presentation has a KID, a clear one has none")


@dataclass(frozen=True, slots=True)
class Loudness:
    """EBU R 128 of the programme as encoded: LUFS, LU and dBTP. ``None`` where the meter has no answer (a 50 ms blip)."""

    integrated_lufs: float | None
    range_lu: float | None
    true_peak_dbtp: float | None


@dataclass(frozen=True, slots=True)
class Presentation:
    song: Song
    version: str
    samples: int
    sample_rate: int
    renditions: tuple[Rendition, ...]
    protection: Protection
    loudness: Loudness
    manifests: dict[str, str]  # kind ("hls", "hls-identity", "dash") → path relative to the version's folder
    cover: str = ""  # path of public/cover.jpg or .png, empty when the master has none
    peaks: str = ""
    preview: str = ""
    start_rendition: str = "normal"
    steering_url: str = ""  # of a content steering server, for the manifests
    master: dict[str, Any] = field(
        default_factory=dict
    )  # what the master was: format, sample_rate, bits, channels, sha256

    def rendition(self, name: str) -> Rendition:
        """The rendition of that name; `KeyError` when there is none."""
        for rendition in self.renditions:
            if rendition.name == name:
                return rendition
        raise KeyError(name)

    def kid_of(self, rendition: Rendition) -> UUID | None:
        """The KID of the rendition's content key; ``None`` in the clear."""
        return UUID(rendition.kid) if rendition.kid else self.protection.kid

    @property
    def kids(self) -> tuple[UUID, ...]:
        """The KIDs of all renditions, each once."""
        found = (self.kid_of(rendition) for rendition in self.renditions)
        return tuple(dict.fromkeys(kid for kid in found if kid is not None))

    def to_json(self) -> bytes:
        """The canonical text: sorted keys, no spaces, so that equal values are equal bytes."""
        document = asdict(replace(self, renditions=()))
        # By hand: asdict would copy hundreds of segments three times over.
        document["renditions"] = [
            _members(each) | {"segments": [_segment(segment) for segment in each.segments]}
            for each in self.renditions
        ]
        kid = self.protection.kid
        document["protection"]["kid"] = None if kid is None else str(kid)
        return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @classmethod
    def from_json(cls, text: bytes | str) -> Presentation:
        """Read what `to_json` wrote. Raises `ManifestError` on anything else: unknown members, members of another type."""
        try:
            document = json.loads(text)
            json.dumps(
                document, ensure_ascii=False
            ).encode()  # JSON can spell half a surrogate pair, UTF-8 cannot
            song, protection = document.pop("song"), document.pop("protection")
            for name in ("artists", "genres"):
                song[name] = tuple(song[name]) if isinstance(song[name], list) else song[name]
            if protection["kid"] is not None:
                protection["kid"] = UUID(protection["kid"])
            if isinstance(systems := protection.get("systems", []), list):
                protection["systems"] = tuple(systems)
            renditions = tuple(
                Rendition(**(item | {"segments": tuple(Segment(**segment) for segment in item["segments"])}))
                for item in document.pop("renditions")
            )
            presentation = cls(
                song=Song(**song),
                protection=Protection(**protection),
                renditions=renditions,
                loudness=Loudness(**document.pop("loudness")),
                **document,
            )
            _check_types(presentation, "presentation")
            for rendition in presentation.renditions:
                presentation.kid_of(rendition)
            return presentation
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError, SettingsError) as error:
            raise ManifestError(f"presentation.json: {type(error).__name__}: {error}") from None


def _members(value: Rendition | Segment) -> dict[str, Any]:
    return {each.name: getattr(value, each.name) for each in fields(value)}


def _segment(segment: Segment) -> dict[str, Any]:
    members = _members(segment)
    if not segment.offset:  # in most presentations none has one
        del members["offset"]
    return members


def _check_types(value: Any, place: str) -> None:
    """A dataclass keeps whatever it is given; a reader of `Presentation` relies on the types. Raises `TypeError`."""
    for name, hint in get_type_hints(type(value)).items():
        member, where = getattr(value, name), f"{place}.{name}"
        if get_origin(hint) is tuple:
            _check_type(member, tuple, where)
            for index, item in enumerate(member):
                _check_type(item, get_args(hint)[0], f"{where}[{index}]")
        elif get_origin(hint) is dict:
            for item in (member, *member.values()):
                _check_type(item, dict if item is member else get_args(hint)[1], where)
        else:
            _check_type(member, hint, where)


def _check_type(value: Any, hint: Any, place: str) -> None:
    if is_dataclass(hint):
        _check_types(value, place)
    elif hint is not Any:
        allowed = get_args(hint) if isinstance(hint, UnionType) else (hint,)
        if float in allowed:
            allowed = (*allowed, int)
        if type(value) not in allowed:  # not isinstance: True is no number of samples
            raise TypeError(f"{place} is of type {type(value).__name__}")
