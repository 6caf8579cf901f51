"""One signal as AAC, Opus and FLAC, encoded by ffmpeg as anybody would and packaged under every protection.

The signal is known to the sample, and so is what a decoder makes of each rendition: PyAV decodes it here, Chromium in the
browser. Both have the same libraries inside, so the two agree to four decimals, and a place in a recording can be
told to the sample.

Songs are called ``aac-cbcs`` and so on. ``aac-walk`` is cut into many short segments, so that few seconds hold every switch;
``aac-half-1`` and ``aac-half-2`` are the signal cut in two. ``aac-one-file`` has one file a rendition, ``aac-drm-cbcs`` and
``aac-drm-cenc`` are signalled for every DRM system besides ClearKey, ``aac-keys`` has a key for each rendition.
"""

from __future__ import annotations

import io
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import av
import numpy
import numpy.typing as npt
import pytest
import pytest_asyncio

from drm.key_store import KeyStore
from drm.master_key import load_master_key
from drm.signalling import signal
from drm.systems import FAIRPLAY, PLAYREADY, WIDEVINE
from ingest.ffmpeg import find_ffmpeg
from media.access_units import Encoded
from media.presentation import Loudness, Presentation
from media.registry import open_store
from media.song import Song
from origin.publish import publish
from packager.encryption import Encryption
from packager.inputs import read_file
from packager.package import Package, package
from pipeline import version_of

Sound = npt.NDArray[numpy.float64]
SCHEMES = ("none", "cbcs", "cenc", "aes-128")
RATES = {"aac": 44100, "opus": 48000, "flac": 44100}
MUXERS = {"aac": "m4a", "opus": "ogg", "flac": "flac"}
# From the leanest to the richest.
RUNGS = {
    "aac": {
        "low": "-c:a aac -b:a 24k -ac 1",
        "normal": "-c:a aac -b:a 96k",
        "high": "-c:a aac -b:a 160k",
        "very_high": "-c:a aac -b:a 320k",
    },
    "opus": {"normal": "-c:a libopus -b:a 96k", "high": "-c:a libopus -b:a 160k"},
    "flac": {
        "cd": "-c:a flac -sample_fmt s16",
        "studio": "-c:a flac -sample_fmt s32 -bits_per_raw_sample 24",
    },
}
SECONDS = 7
SHORT_MS = 250


def compose(rate: int) -> Sound:
    """Four tones that swing at their own paces: like nothing else a sample earlier or later, and dear to no encoder."""
    time = (1000 + numpy.arange(SECONDS * rate + 777)) / rate  # from no silence
    tones = ((300, 150, 3.1), (900, 500, 1.7), (2000, 900, 2.3), (3300, 700, 0.9))
    swings = [
        numpy.sin(2 * numpy.pi * pitch * time + width / pace * numpy.sin(2 * numpy.pi * pace * time))
        for pitch, width, pace in tones
    ]
    return numpy.sum(swings, axis=0) / 8


def encode(folder: Path, codec: str, name: str, sound: Sound) -> Encoded:
    path = folder / f"{name}.{MUXERS[codec]}"
    samples = (numpy.stack([sound, sound], axis=1) * 2**31).astype("<i4")
    arguments = f"-v error -y -f s32le -ar {RATES[codec]} -ac 2 -i - {RUNGS[codec][name]}"
    subprocess.run(
        [find_ffmpeg().path, *arguments.split(), path], input=samples.tobytes(), check=True, timeout=60
    )
    return read_file(path, name=name)


def decode(packed: Package, rendition: str) -> Sound:
    """What a decoder makes of a clear rendition: the left channel, exactly as long as the song."""
    bodies = [body for path, body in sorted(packed.bodies.items()) if path.startswith(f"audio/{rendition}/")]
    parts = []
    with av.open(io.BytesIO(bodies[-1] + b"".join(bodies[:-1]))) as container:
        for frame in container.decode(audio=0):
            sound = frame.to_ndarray()
            left = sound[0] if frame.format.is_planar else sound[0, :: frame.layout.nb_channels]
            full = 1 if left.dtype.kind == "f" else 2 ** (8 * left.dtype.itemsize - 1)
            parts.append(left / full)
    return numpy.concatenate(parts)[: packed.presentation.samples]


class Shelf:
    """What lies on the stage: presentations by song id, and by (codec, song) each rendition's decoded sound."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home, self.store = folder, folder / "home", folder / "store"
        self.home.mkdir()
        self.keys = KeyStore(self.home / "keys", load_master_key(self.home, None))
        self.songs: dict[str, Presentation] = {}
        self.sounds: dict[str, dict[str, Sound]] = {}

    async def put(
        self,
        song: Song,
        encoded: list[Encoded],
        scheme: str,
        *,
        drm: bool = False,
        own_keys: bool = False,
        **plan: Any,
    ) -> None:
        """Publish. `drm` signals the three systems that have clients of their own, `own_keys` gives each rendition its key."""
        keys = {
            each.name: self.keys.for_scope(f"{song.song_id}.{each.name}" if own_keys else song.song_id)
            for each in encoded
            if scheme != "none"
        }
        first = next(iter(keys.values()), None)
        systems = [each for each in (WIDEVINE, PLAYREADY, FAIRPLAY) if drm and scheme in each.schemes]
        signalling = [signal(each, first.kid, scheme) for each in systems if first]
        encryption = Encryption(scheme, keys, signalling=signalling)
        await self.publish(packaged(song, encoded, encryption, version_of(song.song_id, first), **plan))

    async def publish(self, packed: Package) -> None:
        presentation = packed.presentation
        self.songs[presentation.song.song_id] = presentation
        await publish(
            open_store(f"file:{self.store}"),
            song_id=presentation.song.song_id,
            version=presentation.version,
            objects=packed.objects(),
        )

    def listen(self, name: str, encoded: list[Encoded]) -> None:
        packed = packaged(Song(name, name), encoded, Encryption(), version_of(name, None))
        self.sounds[name] = {each.name: decode(packed, each.name) for each in encoded}


def packaged(
    song: Song, encoded: list[Encoded], encryption: Encryption, version: str, **plan: Any
) -> Package:
    return package(
        encoded,
        song=song,
        version=version,
        encryption=encryption,
        loudness=Loudness(None, None, None),
        public={},
        master={},
        **plan,
    )


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    shelf = Shelf(tmp_path_factory.mktemp("shelf"))
    for codec, rungs in RUNGS.items():
        whole = compose(RATES[codec])
        cut = len(whole) // 2 + 333
        encoded = [encode(shelf.folder, codec, name, whole) for name in rungs]
        shelf.listen(codec, encoded)
        for scheme in SCHEMES:
            title = f"{codec} {scheme}"
            await shelf.put(Song(f"{codec}-{scheme}", title, artists=("Swing",)), encoded, scheme)
        walk = Song(f"{codec}-walk", f"{codec} walk", artists=("Swing",))
        await shelf.put(walk, encoded, "cbcs", first_ms=SHORT_MS, target_ms=SHORT_MS)
        if codec == "aac":
            for scheme in ("cbcs", "cenc"):
                await shelf.put(Song(f"aac-drm-{scheme}", f"DRM {scheme}"), encoded, scheme, drm=True)
            await shelf.put(Song("aac-keys", "Keys"), encoded, "cbcs", own_keys=True)
        await shelf.put(Song(f"{codec}-one-file", f"{codec} one file"), encoded, "cbcs", one_file=True)
        for number, half in enumerate((whole[:cut], whole[cut:]), start=1):
            song = f"{codec}-half-{number}"
            encoded = [
                encode(shelf.folder, codec, name, half) for name in rungs if name in ("normal", "studio")
            ]
            shelf.listen(song, encoded)
            words = Song(song, song, artists=("Halves",), album=f"{codec} halves", track_number=number)
            await shelf.put(words, encoded, "cbcs")
    return shelf


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shelf_stage(chromium: Any, shelf: Shelf, serve: Callable[..., Any]) -> AsyncIterator[Any]:
    async with serve(shelf.home, shelf.store, shelf.songs) as stage:
        yield stage
