"""``tonearm verify`` over every codec that the packager takes: silent about what is sound, and it finds what is planted."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from media.access_units import Encoded
from media.boxes import EsdsBox
from packager.inputs import read
from packager.package import Package
from packager.verify.verification import Report, verify

OPUS, FLAC = "-c:a libopus -b:a 64k", "-c:a flac"
HE_AAC_CORE = "-c:a aac -b:a 48k -ar 24000 -ac 1"
# By name: ffmpeg's arguments, the file's suffix, an AudioSpecificConfig instead of the file's
KINDS = {
    "opus": (OPUS, "opus", ""),
    "opus mono": (f"{OPUS} -ac 1", "opus", ""),
    "opus in 60 ms": (f"{OPUS} -frame_duration 60", "opus", ""),
    "flac": (FLAC, "flac", ""),
    "flac mono": (f"{FLAC} -ac 1", "flac", ""),
    "flac of 24 bits": (f"{FLAC} -sample_fmt s32 -frame_size 1000", "flac", ""),
    "aac mono": ("-c:a aac -b:a 64k -ac 1", "m4a", ""),
    "he-aac, hierarchical": (HE_AAC_CORE, "m4a", "2b098800"),
    "he-aac, backward-compatible": (HE_AAC_CORE, "m4a", "130856e598"),
    "he-aac v2": (HE_AAC_CORE, "m4a", "eb098800"),
}


@pytest.fixture
def made_rendition(
    made: Callable[[str, str], bytes], changed: Callable[..., bytes]
) -> Callable[[str], Encoded]:
    """A rendition of that kind, as `packager.inputs` reads it."""

    def make(kind: str) -> Encoded:
        arguments, suffix, config = KINDS[kind]
        data = made(arguments, suffix)
        return read(changed(data, EsdsBox, config=bytes.fromhex(config)) if config else data, name="normal")

    return make


def run(folder: Path, key: bytes) -> Report:
    return asyncio.run(verify(str(folder), find_key=lambda kid: key))


@pytest.mark.parametrize("scheme", ["none", "cbcs", "cenc", "aes-128"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_good_presentation_has_no_findings(
    kind: str,
    scheme: str,
    made_rendition: Callable[[str], Encoded],
    pack: Callable[..., Package],
    published: Callable[[Package], Path],
    key: bytes,
) -> None:
    report = run(published(pack([made_rendition(kind)], scheme)), key)
    assert report.findings == ()


def test_the_last_block_of_flac_lasts_as_long_as_it_is(
    made_rendition: Callable[[str], Encoded], pack: Callable[..., Package]
) -> None:
    """What a demuxer of others adds up is the song, so that a player's cut at its end takes nothing away."""
    packed = pack([made_rendition("flac")])
    bodies = [body for path, body in sorted(packed.bodies.items()) if path.startswith("audio/")]
    with av.open(io.BytesIO(b"".join([bodies[-1], *bodies[:-1]]))) as container:
        durations = [packet.duration for packet in container.demux(audio=0) if packet.size]
    assert durations[-1] < durations[0]
    assert sum(duration or 0 for duration in durations) == packed.presentation.samples


def overwrite(path: Path, box: bytes, offset: int, new: bytes) -> None:
    """Other bytes in the first box of that type, counted from behind its four-character type."""
    data = bytearray(path.read_bytes())
    place = data.index(box) + 4 + offset
    assert data[place : place + len(new)] != new
    data[place : place + len(new)] = new
    path.write_bytes(data)


INIT, SECOND = "audio/normal/init.mp4", "audio/normal/00002.m4s"
FAULTS: dict[str, tuple[str, Callable[[Path], None], set[str]]] = {
    "Opus with another pre-skip": (
        "opus",
        lambda at: overwrite(at / INIT, b"dOps", 2, b"\x00\x00"),
        {"CMAF-6"},
    ),
    "Opus of another number of channels": (
        "opus",
        lambda at: overwrite(at / INIT, b"dOps", 1, b"\1"),
        {"CMAF-6"},
    ),
    "Opus that rolls one unit": (
        "opus",
        lambda at: overwrite(at / INIT, b"roll", 8, b"\xff\xff"),
        {"CMAF-7"},
    ),
    "Opus outside of the roll group": (
        "opus",
        lambda at: overwrite(at / SECOND, b"roll", 8, b"\0\0\0\0"),
        {"CMAF-7"},
    ),
    "Opus that does not decode": (
        "opus",
        lambda at: overwrite(at / SECOND, b"mdat", 0, b"\xff\xff\xff\xff"),
        {"SOUND-1", "FILE-3"},
    ),
    "FLAC of another sample rate": (
        "flac",
        lambda at: overwrite(at / INIT, b"dfLa", 18, b"\x0a\xc4\x42"),
        {"CMAF-6"},
    ),
    "FLAC of other blocks": (
        "flac",
        lambda at: overwrite(at / INIT, b"dfLa", 8, b"\x04\0\x04\0"),
        {"CMAF-6"},
    ),
    "FLAC that does not decode": (
        "flac",
        lambda at: overwrite(at / SECOND, b"mdat", 0, b"\0\0\0\0"),
        {"SOUND-1", "FILE-3"},
    ),
    "HE-AAC that is told as AAC-LC": (
        "he-aac, hierarchical",
        lambda at: overwrite(at / INIT, b"esds", 28, b"\x13\x08\x80\x00"),
        {"CMAF-6"},
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_planted_fault_is_found(
    fault: str,
    made_rendition: Callable[[str], Encoded],
    pack: Callable[..., Package],
    published: Callable[[Package], Path],
    key: bytes,
) -> None:
    kind, plant, expected = FAULTS[fault]
    folder = published(pack([made_rendition(kind)]))
    plant(folder)
    report = run(folder, key)
    assert expected <= {finding.rule for finding in report.findings}, report.findings
    assert not report.clean


@pytest.mark.parametrize("kind", ["opus", "flac", "he-aac v2"])
def test_the_wrong_key_is_heard_in_every_codec(
    kind: str,
    made_rendition: Callable[[str], Encoded],
    pack: Callable[..., Package],
    published: Callable[[Package], Path],
) -> None:
    report = run(published(pack([made_rendition(kind)], "cbcs")), bytes(16))
    assert "SOUND-1" in {finding.rule for finding in report.findings}


def test_flac_has_no_roll_group(
    made_rendition: Callable[[str], Encoded],
    pack: Callable[..., Package],
    published: Callable[[Package], Path],
    key: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("packager.rendition.roll_distance", lambda *_: -1)
    report = run(published(pack([made_rendition("flac")])), key)
    assert {finding.rule for finding in report.findings} == {"CMAF-7"}
