"""The whole way of one master, on one page: probe, transcode, package, protect, publish.

    outcome = await publish_master(Path("song.flac"), recipe=Recipe(), services=services)

A master becomes visible in the store by one last write, or not at all: everything before it lies in a temporary
folder that is gone afterwards, whatever happens. The version is known before any CPU is spent, from the master's
bytes, the recipe, the encoder and the key; when the store's pointer already names it there is nothing to do.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from drm.keys import ContentKey
from ingest.ffmpeg import Ffmpeg
from ingest.ladder import DEFAULT_LADDER, Ladder
from ingest.peaks import peaks
from ingest.preview import preview
from ingest.probe import Master, probe
from ingest.transcode import Transcoded, transcode
from media import layout
from media.errors import FormatError, MasterRejected, ObjectMissing, TonearmError
from media.ports import ObjectStore, read_all
from media.presentation import Presentation
from media.song import Song
from origin.publish import current, publish
from packager.encryption import Encryption
from packager.package import Package, package
from packager.version import FORMAT, digest, fingerprint

if TYPE_CHECKING:
    from drm.key_store import KeyStore, Unkept

log = logging.getLogger("tonearm.pipeline")


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings that shape a presentation. Addresses empty: relative to the stream URL's token (`media.layout`)."""

    ladder: Ladder = DEFAULT_LADDER
    scheme: str = "cbcs"
    license_url: str = ""
    key_url: str = ""
    first_ms: int = 1000
    target_ms: int = 4000

    def digest_input(self) -> dict[str, Any]:
        return {
            "ladder": self.ladder.digest_input(),
            "scheme": self.scheme,
            "license_url": self.license_url,
            "key_url": self.key_url,
            "first_ms": self.first_ms,
            "target_ms": self.target_ms,
        }


@dataclass(frozen=True, slots=True)
class Services:
    """What the pipeline works with; all of it is put together by the caller."""

    store: ObjectStore
    keys: KeyStore | Unkept
    ffmpeg: Ffmpeg


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one master. `reason` explains a rejection or a failure, names the master that a copy copies, and is
    empty otherwise."""

    master: str
    status: str  # published, unchanged, planned (by a dry run), rejected, failed
    song_id: str | None = None
    version: str | None = None
    renditions: tuple[str, ...] = ()
    samples: int | None = None
    sample_rate: int | None = None
    loudness_lufs: float | None = None
    manifests: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    reason: str = ""

    @property
    def good(self) -> bool:
        return self.status in ("published", "unchanged", "planned")

    def to_json(self) -> str:
        return json.dumps(asdict(self))  # ASCII: a file name need not be valid UTF-8


Progress = Callable[[int, "int | None"], None]


async def publish_master(
    path: Path,
    *,
    recipe: Recipe,
    services: Services,
    song_id: str | None = None,
    on_progress: Progress | None = None,
) -> Outcome:
    """Take one master all the way. Never raises for a bad master or a failing store: the outcome says what happened."""
    started = time.monotonic()
    try:
        master = await asyncio.to_thread(probe, path)
        status, presentation = await _publish(master, recipe, services, song_id, on_progress)
        return _outcome(path, status, presentation, time.monotonic() - started)
    except MasterRejected as error:
        return _refused(path, "rejected", f"{error.reason}: {error}", started)
    except (TonearmError, OSError) as error:
        return _refused(path, "failed", str(error), started)
    except Exception as error:
        # A bug of ours, or of a library, on one master must not stop the thousand others.
        log.exception("%s: unexpected", path)
        return _refused(path, "failed", f"{path}: unexpected {type(error).__name__}: {error}", started)


async def _publish(
    master: Master, recipe: Recipe, services: Services, song_id: str | None, on_progress: Progress | None
) -> tuple[str, Presentation]:
    song = master.song(song_id or song_id_of(master.sha256))
    # The song's words count too: an untagged master is called by its file's name, which is no part of its bytes.
    settings = digest(FORMAT, master.sha256, asdict(song), recipe.digest_input(), services.ffmpeg.version)
    scope = f"{song.song_id}.{settings}"
    protected = recipe.scheme != "none"
    key = services.keys.find(scope) if protected else None
    # Asked even when the answer must be no: a store that is not there is said before any encoding.
    there = await published(services.store, song.song_id, version_of(scope, key))
    if there is not None and (key is not None or not protected):
        return "unchanged", there

    with TemporaryDirectory(prefix="tonearm-") as work:
        made = await transcode(
            master,
            recipe.ladder,
            ffmpeg=services.ffmpeg,
            work=Path(work),
            on_progress=on_progress or (lambda *_: None),
        )
        public = await _public(master, made, services.ffmpeg, Path(work))
    # Only a master that was sound to its last sample gets a key.
    key = services.keys.for_scope(scope) if protected else None
    packed = await asyncio.to_thread(
        _package, master, made, public, recipe, song, version_of(scope, key), key
    )
    await publish(
        services.store, song_id=song.song_id, version=packed.presentation.version, objects=packed.objects()
    )
    return "published", packed.presentation


async def _public(master: Master, made: Transcoded, ffmpeg: Ffmpeg, work: Path) -> dict[str, bytes]:
    """What anyone may fetch without a token: cover, waveform and a 30-second preview."""
    public = {
        "public/peaks.json": await asyncio.to_thread(peaks, made.pcm, made.sample_rate),
        "public/preview.m4a": await preview(made.pcm, made.sample_rate, ffmpeg=ffmpeg, work=work),
    }
    if master.cover is not None:
        public["public/cover.jpg"] = master.cover.jpeg
    return public


def _package(
    master: Master,
    made: Transcoded,
    public: dict[str, bytes],
    recipe: Recipe,
    song: Song,
    version: str,
    key: ContentKey | None,
) -> Package:
    return package(
        made.encoded,
        song=song,
        version=version,
        encryption=Encryption(
            scheme=recipe.scheme,
            keys={} if key is None else {each.name: key for each in made.encoded},
            license_url=recipe.license_url,
            key_url=recipe.key_url,
        ),
        loudness=made.loudness,
        public=public,
        master=master.facts(),
        first_ms=recipe.first_ms,
        target_ms=recipe.target_ms,
    )


async def published(store: ObjectStore, song_id: str, version: str) -> Presentation | None:
    """The presentation when the store's pointer names exactly this version and it can be read; else ``None``."""
    pointer = await current(store, song_id)
    if pointer is None or pointer.version != version:
        return None
    try:
        return Presentation.from_json(
            await read_all(store, layout.folder(song_id, version) + layout.PRESENTATION)
        )
    except (ObjectMissing, FormatError):
        return None


def song_id_of(sha256: str) -> str:
    """The default identity of a song: its master's content, so that a moved or renamed file stays the same song."""
    return f"s{sha256[:19]}"


def version_of(scope: str, key: ContentKey | None) -> str:
    """16 hex digits that name a presentation. The key takes part as a hash, so another key is another version."""
    if key is None:
        return digest(scope)
    return digest(scope, str(key.kid), fingerprint(key.key))


def _outcome(path: Path, status: str, presentation: Presentation, seconds: float) -> Outcome:
    folder = layout.folder(presentation.song.song_id, presentation.version)
    return Outcome(
        master=str(path),
        status=status,
        song_id=presentation.song.song_id,
        version=presentation.version,
        renditions=tuple(rendition.name for rendition in presentation.renditions),
        samples=presentation.samples,
        sample_rate=presentation.sample_rate,
        loudness_lufs=presentation.loudness.integrated_lufs,
        manifests={kind: folder + name for kind, name in sorted(presentation.manifests.items())},
        seconds=round(seconds, 3),
    )


def _refused(path: Path, status: str, reason: str, started: float) -> Outcome:
    return Outcome(
        master=str(path), status=status, seconds=round(time.monotonic() - started, 3), reason=reason
    )
