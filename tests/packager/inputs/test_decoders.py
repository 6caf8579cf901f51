"""Whole presentations before decoders that are not ours: what is protected, sought into or switched to sounds as the clear song does.

Noise that the AAC encoder leaves to the decoder to make up (PNS) depends on what was decoded before: it is switched off here,
so that two decodes can be compared to the sample.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import av
import numpy
import pytest

from media.access_units import Encoded
from packager.inputs import read
from packager.package import Package

ROOT = Path(__file__).resolve().parents[3]
AAC, OPUS, FLAC = "-c:a aac -b:a 96k -aac_pns 0", "-c:a libopus -b:a 96k", "-c:a flac"
KINDS = {"aac": (AAC, "m4a"), "opus": (OPUS, "opus"), "flac": (FLAC, "flac")}
TENTHS = {
    "first_ms": 250,
    "target_ms": 250,
}  # segments of a tenth of the song, so that each tenth has its own
OPUS_ERROR, OPUS_SETTLED = 1e-3, 24000  # of full scale at first; samples until there is none
Pack = Callable[..., Package]


@pytest.fixture(params=[*KINDS, "he-aac mono", "he-aac"])
def rendition(
    request: pytest.FixtureRequest, made: Callable[[str, str], bytes], he_aac: Callable[[int], bytes]
) -> Encoded:
    """The song in each codec."""
    if request.param in KINDS:
        return read(made(*KINDS[request.param]), name="normal")
    return read(he_aac(1 if "mono" in request.param else 2), name="normal")


def heard(encoded: Encoded) -> int:
    """Channels that come out of ffmpeg, which makes two of one where there might be parametric stereo."""
    return 2 if encoded.codec == "mp4a.40.5" else encoded.channels


def media(packed: Package, name: str = "normal") -> tuple[bytes, list[bytes]]:
    """Init and segments of a rendition."""
    rendition = packed.presentation.rendition(name)
    return packed.bodies[rendition.init], [packed.bodies[segment.path] for segment in rendition.segments]


@pytest.mark.parametrize("scheme", ["cbcs", "cenc"])
def test_what_is_encrypted_decodes_to_the_same_samples(
    rendition: Encoded, scheme: str, pack: Pack, decoded: Callable[..., Any], key: bytes
) -> None:
    init, segments = media(pack([rendition]))
    secret_init, secret = media(pack([rendition], scheme))
    clear = decoded(b"".join((init, *segments)), heard(rendition))
    opened = decoded(b"".join((secret_init, *secret)), heard(rendition), key)
    assert numpy.array_equal(opened, clear)
    assert len(clear) >= rendition.samples
    assert all(bytes(rendition.units.payload(0, 1)) not in segment for segment in secret)


def test_aes_128_decodes_to_the_same_samples(
    rendition: Encoded, pack: Pack, decoded: Callable[..., Any], key: bytes, ffmpeg: str, tmp_path: Path
) -> None:
    """Through ffmpeg's HLS demuxer, with the key in a file."""
    sounds = []
    for scheme in ("none", "aes-128"):
        packed = pack([rendition], scheme)
        folder = tmp_path / scheme / "songs" / packed.presentation.song.song_id / packed.presentation.version
        for path, body in packed.objects():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(body)
        (tmp_path / scheme / "keys").mkdir()
        (tmp_path / scheme / "keys" / str(packed.presentation.protection.kid)).write_bytes(key)
        command = f"{ffmpeg} -v error -xerror -allowed_extensions ALL -extension_picky 0 -i {folder}/hls.m3u8 -map 0:a:0 -f f32le -"
        done = subprocess.run(command.split(), capture_output=True, check=True)
        assert done.stderr == b""
        sounds.append(numpy.frombuffer(done.stdout, dtype="<f4").reshape(-1, heard(rendition)))
    assert numpy.array_equal(sounds[0], sounds[1])
    init, segments = media(pack([rendition]))
    clear = decoded(b"".join((init, *segments)), heard(rendition))
    assert numpy.array_equal(sounds[0][: rendition.samples], clear[: rendition.samples])


@pytest.mark.parametrize("scheme", ["none", "cbcs", "cenc"])
def test_flac_is_the_source(
    scheme: str,
    made: Callable[[str, str], bytes],
    pcm: Any,
    pack: Pack,
    decoded: Callable[..., Any],
    key: bytes,
) -> None:
    init, segments = media(pack([read(made(FLAC, "flac"), name="normal")], scheme))
    sound = decoded(b"".join((init, *segments)), key=None if scheme == "none" else key)
    assert numpy.array_equal(sound * 32768, pcm)


def frames(data: bytes) -> tuple[int, Any]:
    """What PyAV makes of a file: the sample on the presentation timeline where it begins, and shape (channels, samples)."""
    with av.open(io.BytesIO(data)) as container:
        found = list(container.decode(audio=0))
    first = found[0]
    assert first.pts is not None
    assert first.time_base is not None
    start = first.pts * first.time_base * first.sample_rate
    assert start.denominator == 1
    sounds = [
        each.to_ndarray()
        if each.format.is_planar
        else each.to_ndarray().reshape(-1, each.layout.nb_channels).T
        for each in found
    ]
    return start.numerator, numpy.concatenate(sounds, axis=1)


def from_segment(packed: Package, number: int, name: str = "normal") -> Any:
    """What is heard from a segment's start on by a player that sought there and decodes the one before, too (roll)."""
    init, segments = media(packed, name)
    first, sound = frames(b"".join((init, *segments[max(0, number - 1) :])))
    start = packed.presentation.rendition(name).segments[number].start
    assert first <= start, "what comes before the segment does not suffice to decode its start"
    return sound[:, start - first :]


def test_a_seek_into_each_tenth_lands_to_the_sample(rendition: Encoded, pack: Pack) -> None:
    packed = pack([rendition], **TENTHS)
    starts = [segment.start for segment in packed.presentation.renditions[0].segments]
    whole = from_segment(packed, 0)
    places = (tenth * rendition.samples // 10 for tenth in range(10))
    sought = {max(number for number, start in enumerate(starts) if start <= place) for place in places}
    assert len(sought) >= 9
    for number in sought:
        sound, expected = from_segment(packed, number), whole[:, starts[number] :]
        assert sound.shape == expected.shape
        if rendition.codec == "opus":  # its decoder leans on all that went before, ever less (RFC 7845 §4.6)
            assert numpy.abs(sound - expected).max() < OPUS_ERROR
            sound, expected = sound[:, OPUS_SETTLED:], expected[:, OPUS_SETTLED:]
        assert numpy.array_equal(sound, expected)


def test_a_switch_between_any_two_renditions_loses_no_sample(
    encoded: tuple[Encoded, ...], pack: Pack, song_pcm: Any, lag: Callable[[Any, Any], int]
) -> None:
    """Up to each boundary from one, from there on from another; the four have different rates and channels."""
    packed = pack(encoded)
    names = [each.name for each in encoded]
    starts = [segment.start for segment in packed.presentation.renditions[0].segments]
    mono = song_pcm.astype(float).mean(axis=1)
    assert len(starts) > 3
    for number, start in list(enumerate(starts))[1:]:
        before, behind = {}, {}
        for name in names:
            init, segments = media(packed, name)
            first, sound = frames(b"".join((init, *segments[:number])))
            assert (first, sound.shape[1]) == (0, start)
            before[name] = sound.mean(axis=0)
            behind[name] = from_segment(packed, number, name).mean(axis=0)
            assert lag(mono[start:], behind[name]) == 0
        for one, other in permutations(names, 2):
            joined = numpy.concatenate((before[one], behind[other]))
            assert len(song_pcm) <= len(joined) < len(song_pcm) + 1024
            assert lag(mono, joined[: len(song_pcm)]) == 0


PROCESS = """
import sys, time
from hashlib import sha256
from pathlib import Path
from uuid import UUID
now = int(sys.argv[1])
time.time, time.time_ns, time.localtime = lambda: float(now), lambda: now * 10**9, lambda *_: time.gmtime(now)
from drm.keys import ContentKey
from media.presentation import Loudness
from media.song import Song
from packager.encryption import Encryption
from packager.inputs import read_file
from packager.package import package
for scheme in ("none", "cbcs", "cenc", "aes-128"):
    encoded = [read_file(Path(path), name=f"r{place}") for place, path in enumerate(sys.argv[2:])]
    keys = {each.name: ContentKey(UUID(int=7), bytes(range(16)), "a-song", 0) for each in encoded}
    packed = package(
        encoded, song=Song("a-song", "A Song", genres=("a", "b")), version="0" * 16,
        encryption=Encryption(scheme, {} if scheme == "none" else keys), loudness=Loudness(-14.0, 6.0, -1.0),
        public={"public/cover.jpg": b"cover"}, master={"format": "flac", "bits": 16},
    )
    for path, body in packed.objects():
        print(scheme, path, sha256(body).hexdigest())
"""


def test_another_process_at_another_time_and_place_makes_the_same_bytes(
    made: Callable[[str, str], bytes], tmp_path: Path
) -> None:
    paths = []
    for rate in ("48k", "96k"):
        paths.append(tmp_path / f"{rate}.m4a")
        paths[-1].write_bytes(made(f"-c:a aac -b:a {rate}", "m4a"))
    told = []
    for seed, zone, now in (("1", "Pacific/Kiritimati", 1), ("77", "America/St_Johns", 4_000_000_000)):
        done = subprocess.run(
            [sys.executable, "-c", PROCESS, str(now), *map(str, paths)],
            env=os.environ | {"PYTHONHASHSEED": seed, "TZ": zone, "PYTHONPATH": str(ROOT)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        told.append(done.stdout.splitlines())
    assert told[0] == told[1]
    assert len(told[0]) > 40
