"""What the rules look at: the presentation, its files as they came, and what is in its tracks.

Parsed once and kept. What does not parse is kept as the error that says why, so that one rule reports it and the others
pass over it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar
from uuid import UUID

from drm import aes128
from media import layout
from media.boxes import (
    Box,
    FtypBox,
    MoofBox,
    MoovBox,
    StypBox,
    TfhdBox,
    TrafBox,
    TrunBox,
    find_all,
    parse,
)
from media.errors import FormatError, KeyMissing
from media.presentation import Presentation, Rendition, Segment
from packager.fragments import Init, Units, read_init, read_segment
from packager.verify.decoding import Heard, MasterSound, decode
from packager.verify.source import Fetched

HE_AAC = "mp4a.40.5"
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Fragment:
    """One segment: its boxes and its samples, still encrypted where Common Encryption is used."""

    segment: Segment
    boxes: tuple[Box, ...]
    styp: StypBox | None
    moof: MoofBox
    units: Units

    @property
    def ticks(self) -> int:
        """How long it lasts, by its own durations where it has some."""
        durations = [run.durations for run in self.moof.get(TrafBox).all(TrunBox)]
        if any(each is None for each in durations):
            return len(self.units.units) * self.units.units.samples_per_unit
        return sum(int(each.sum()) for each in durations if each is not None)


@dataclass(frozen=True, slots=True)
class Track:
    """One rendition's bytes. `init` and each of `fragments` may be the error that came of reading them; ``None``: not there."""

    rendition: Rendition
    ftyp: FtypBox | None
    moov: MoovBox | None
    init: Init | FormatError | None
    fragments: tuple[Fragment | FormatError | None, ...]

    @property
    def place(self) -> str:
        """Where its files lie."""
        return posixpath.dirname(self.rendition.init) or self.rendition.init

    @property
    def samples_per_unit(self) -> int:
        return self.init.samples_per_unit if isinstance(self.init, Init) else 0

    @property
    def channels_heard(self) -> set[int]:
        """How many channels may come out of libavcodec, which makes two of one where SBR is: PS might come with it."""
        if not isinstance(self.init, Init):
            return set()
        channels = self.init.channels
        return {channels, 2} if channels == 1 and self.init.codec == HE_AAC else {channels}

    def sound_fragments(self) -> list[Fragment]:
        """Those that could be read."""
        return [fragment for fragment in self.fragments if isinstance(fragment, Fragment)]


@dataclass
class Evidence:
    """`files` by the path of those that could be fetched, `missing` why others could not; `keys` those that are known, by KID.

    `playlists` are the paths of media playlists by rendition and family where a presentation is not ours (`others`); then the
    presentation is derived and tells nothing that manifests and boxes do not.
    """

    presentation: Presentation
    files: Mapping[str, Fetched]
    missing: Mapping[str, str]
    keys: Mapping[UUID, bytes] = field(default_factory=dict, repr=False)
    master: MasterSound | None = None
    playlists: Mapping[tuple[str, str], str] | None = None

    _kept: dict[str, Any] = field(default_factory=dict, repr=False)

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """What `make` returns, made the first time only: several rules ask for it."""
        if name not in self._kept:
            self._kept[name] = make()
        made: Made = self._kept[name]
        return made

    @cached_property
    def tracks(self) -> list[Track]:
        return [self._track(rendition) for rendition in self.presentation.renditions]

    @cached_property
    def heard(self) -> list[tuple[Track, Heard]]:
        """What libav makes of each track that can be read and, when it is protected, opened."""
        best = max((track.rendition.bitrate for track in self.tracks), default=0)
        return [
            (track, self._heard(track, meter=track.rendition.bitrate == best))
            for track in self.tracks
            if isinstance(track.init, Init)
            and track.sound_fragments()
            and (track.init.scheme == "none" or self.key_of(track.rendition) is not None)
        ]

    @property
    def best(self) -> Heard | None:
        """The track of the highest bit rate that can be heard; the others are compared with it."""
        audible = [(track.rendition.bitrate, heard) for track, heard in self.heard if heard.decoded]
        return max(audible, key=lambda pair: pair[0])[1] if audible else None

    def kid_of(self, rendition: Rendition) -> UUID | None:
        """The KID of a rendition's content key; ``None`` in the clear."""
        return self.presentation.kid_of(rendition)

    def key_of(self, rendition: Rendition) -> bytes | None:
        """The content key of a rendition, where it is known."""
        kid = self.kid_of(rendition)
        return None if kid is None else self.keys.get(kid)

    def playlist_path(self, rendition: str, kind: str) -> str:
        """Where the media playlist of a rendition lies in the family `kind`."""
        if self.playlists is not None:
            return self.playlists.get((rendition, kind), "")
        return layout.media_playlist(rendition, kind)

    @property
    def ours(self) -> bool:
        """Whether there is a presentation.json."""
        return self.playlists is None

    def body(self, path: str) -> bytes | None:
        fetched = self.files.get(path)
        return None if fetched is None else fetched.body

    def init_bytes(self, rendition: Rendition) -> bytes | None:
        """The header, which is the front of the file where a rendition is one."""
        body = self.body(rendition.init)
        return body[: rendition.init_size] if body is not None and rendition.one_file else body

    def segment_bytes(self, rendition: Rendition, segment: Segment) -> bytes | None:
        """The segment as published."""
        body = self.body(segment.path)
        if body is None or (self.ours and not rendition.one_file):
            return body
        return body[segment.offset : segment.offset + segment.size]

    def clear_segment(self, rendition: Rendition, segment: Segment) -> bytes | None:
        """The segment as a file format sees it: without HLS's own AES-128. Raises `FormatError`."""
        body = self.segment_bytes(rendition, segment)
        if body is None or self.presentation.protection.scheme != "aes-128":
            return body
        key = self.key_of(rendition)
        if key is None:
            raise KeyMissing(f"{segment.path}: no key for KID {self.kid_of(rendition)}")
        try:
            return aes128.decrypt(body, key=key, iv=bytes.fromhex(rendition.iv))
        except ValueError as error:
            raise FormatError(f"{segment.path}: {error}") from None

    def _heard(self, track: Track, *, meter: bool) -> Heard:
        assert isinstance(track.init, Init)
        segments = [
            self.clear_segment(track.rendition, fragment.segment) or b""
            for fragment in track.sound_fragments()
        ]
        return decode(
            b"".join((self.init_bytes(track.rendition) or b"", *segments)),
            key=None if track.init.scheme == "none" else self.key_of(track.rendition),
            sample_rate=track.init.sample_rate,
            channels=track.channels_heard,
            samples=self.presentation.samples,
            meter=meter,
        )

    def _track(self, rendition: Rendition) -> Track:
        body = self.init_bytes(rendition)
        boxes: list[Box] = []
        init: Init | FormatError | None = None
        if body is not None:
            try:
                boxes = parse(body)
                init = self._with_unit(read_init(body), rendition)
            except FormatError as error:
                init = error
        fragments = tuple(self._fragment(rendition, segment, init) for segment in rendition.segments)
        return Track(
            rendition,
            next(find_all(boxes, FtypBox), None),
            next(find_all(boxes, MoovBox), None),
            init,
            fragments,
        )

    def _with_unit(self, init: Init, rendition: Rendition) -> Init:
        """With the duration of a sample from the first fragment, where trex leaves it to the fragments (§8.8.3)."""
        if init.samples_per_unit or not rendition.segments:
            return init
        with suppress(FormatError):
            body = self.clear_segment(rendition, rendition.segments[0]) or b""
            traf = next(find_all(parse(body), MoofBox)).get(TrafBox)
            durations = traf.get(TrunBox).durations
            told = traf.get(TfhdBox).sample_duration
            unit = told or (int(durations[0]) if durations is not None and len(durations) else 0)
            return replace(init, samples_per_unit=unit)
        return init

    def _fragment(
        self, rendition: Rendition, segment: Segment, init: Init | FormatError | None
    ) -> Fragment | FormatError | None:
        if not isinstance(init, Init):
            return None
        try:
            body = self.clear_segment(rendition, segment)
            if body is None:
                return None
            boxes = tuple(parse(body))
            units = read_segment(body, replace(init, scheme="none", kid=None))
        except KeyMissing:
            return None
        except FormatError as error:
            return error
        return Fragment(
            segment,
            boxes,
            next(find_all(boxes, StypBox), None),
            next(find_all(boxes, MoofBox)),
            units,
        )
