"""``tonearm verify``: silent about a good presentation, and it finds what is planted in one."""

from __future__ import annotations

import asyncio
import json
import wave
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import pytest

from media.access_units import Encoded
from media.boxes import MdatBox, MoofBox, TrafBox, TrunBox, find_all, parse
from media.errors import FormatError, MasterRejected, ObjectMissing
from media.presentation import Loudness
from packager.package import Package
from packager.verify.verification import Report, verify

Packer = Callable[..., Package]
Publisher = Callable[[Package], Path]


def run(address: str | Path, key: bytes | None, master: Path | None = None) -> Report:
    return asyncio.run(verify(str(address), find_key=lambda kid: key, master=master))


def rules(report: Report) -> set[str]:
    return {finding.rule for finding in report.findings}


@pytest.fixture
def good(packed: Package, pack: Packer, encoded: Any, loudness: Loudness, published: Publisher) -> Path:
    return published(pack(encoded, packed.presentation.protection.scheme, loudness=loudness))


@pytest.fixture
def master(song_pcm: Any, tmp_path: Path) -> Path:
    path = tmp_path / "master.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, 44100, 0, "NONE", ""))
        file.writeframes(song_pcm.tobytes())
    return path


def test_a_good_presentation_has_no_findings(good: Path, key: bytes, master: Path) -> None:
    report = run(good, key, master)
    assert report.findings == ()
    assert report.clean


def test_neither_has_a_blip_of_50_ms(
    blip: tuple[Encoded, ...], pack: Packer, published: Publisher, key: bytes
) -> None:
    for scheme in ("none", "cenc"):
        assert run(published(pack(blip, scheme)), key).findings == ()


def test_the_wrong_key_is_heard(folder: Path) -> None:
    report = run(folder, bytes(16))
    assert {finding.place for finding in report.findings if finding.rule == "SOUND-1"}
    assert not report.clean


def test_the_wrong_key_does_not_open_aes_128(pack: Packer, encoded: Any, published: Publisher) -> None:
    report = run(published(pack(encoded, "aes-128")), bytes(16))
    assert "CMAF-8" in rules(report)


def test_without_the_key_it_says_what_it_could_not_check(good: Path) -> None:
    report = run(good, None)
    clear = report.presentation is not None and report.presentation.protection.scheme == "none"
    assert rules(report) == (set() if clear else {"DRM-6"})
    assert report.clean


def test_a_rendition_of_another_song_is_heard(
    pack: Packer, encoded: tuple[Encoded, ...], encode: Any, song_pcm: Any, published: Publisher, key: bytes
) -> None:
    (other,) = encode(numpy.roll(song_pcm[::-1], 5000, axis=0), (("normal", 96_000, 2),))
    report = run(published(pack([encoded[0], other, *encoded[2:]])), key)
    assert {"SOUND-4"} <= rules(report)
    assert {finding.place.split("/")[1] for finding in report.findings} == {"normal"}


def test_a_rendition_out_of_step_is_heard(
    pack: Packer, encoded: tuple[Encoded, ...], encode: Any, song_pcm: Any, published: Publisher, key: bytes
) -> None:
    (late,) = encode(numpy.roll(song_pcm, 7, axis=0), (("normal", 96_000, 2),))
    report = run(published(pack([encoded[0], late, *encoded[2:]])), key)
    (found,) = [finding for finding in report.findings if finding.rule == "SOUND-3"]
    assert (found.place, found.text[:16]) == ("audio/normal", "+7 samples late ")


def test_the_master_is_compared(
    folder: Path, key: bytes, master: Path, song_pcm: Any, tmp_path: Path
) -> None:
    other = tmp_path / "other.wav"
    with wave.open(str(other), "wb") as file:
        file.setparams((2, 2, 44100, 0, "NONE", ""))
        file.writeframes(song_pcm[100:].tobytes())
    report = run(folder, key, other)
    texts = [finding.text for finding in report.findings if finding.rule == "SOUND-6"]
    assert any(text.startswith("485877 samples, the master has 485777") for text in texts)
    assert any(text.startswith("+100 samples late") for text in texts)
    other.write_bytes(b"no sound")
    with pytest.raises(MasterRejected):
        run(folder, key, other)


def test_a_shortened_last_sample_is_found(folder: Path, key: bytes) -> None:
    """The fault that makes a hole when two songs are joined."""
    path = folder / "audio/low/00004.m4s"
    styp, moof, mdat = parse(path.read_bytes())
    assert isinstance(moof, MoofBox)
    traf = moof.get(TrafBox)
    run_box = traf.get(TrunBox)
    durations = numpy.full(run_box.sample_count, 1024)
    durations[-1] = 501
    grown = replace(
        run_box, durations=durations, data_offset=(run_box.data_offset or 0) + 4 * run_box.sample_count
    )
    changed = MoofBox(
        (moof.children[0], TrafBox(tuple(grown if box is run_box else box for box in traf.children)))
    )
    path.write_bytes(b"".join(box.to_bytes() for box in (styp, changed, mdat)))
    assert {"CMAF-14"} <= rules(run(folder, key))


def test_two_samples_under_one_iv_are_found(
    pack: Packer, encoded: tuple[Encoded, ...], published: Publisher, key: bytes
) -> None:
    at = published(pack(encoded, "cenc"))
    path = at / "audio/low/00001.m4s"
    data = bytearray(path.read_bytes())
    first = data.index(b"senc") + 12
    data[first : first + 8] = data[first + 8 : first + 16]
    path.write_bytes(data)
    assert "DRM-5" in rules(run(at, key))


def test_a_song_is_verified_by_its_pointer_and_a_manifest_by_its_folder(folder: Path, key: bytes) -> None:
    pointer = {"song_id": "a-song", "version": folder.name, "published_ms": 0}
    (folder.parent / "current.json").write_text(json.dumps(pointer))
    for place in (
        folder.parent,
        folder.parent / "current.json",
        folder / "presentation.json",
        folder / "hls.m3u8",
        folder / "audio/low/hls.m3u8",
    ):
        report = run(place, key)
        assert (report.root, report.findings) == (str(folder), ())
    with pytest.raises(ObjectMissing):
        run(folder.parent.parent, key)
    (folder.parent / "current.json").write_text('{"version": "../../secrets"}')
    with pytest.raises(FormatError, match="names no version"):
        run(folder.parent, key)


def test_a_swapped_payload_behind_true_headers_is_heard(folder: Path, key: bytes) -> None:
    """Ciphertext of another part of the song, with a digest to match: only the ear can tell."""
    path, other = folder / "audio/normal/00002.m4s", folder / "audio/normal/00003.m4s"
    bodies = [parse(each.read_bytes()) for each in (path, other)]
    mine, theirs = (next(find_all(boxes, MdatBox)) for boxes in bodies)
    moof = next(find_all(bodies[1], MoofBox)).to_bytes()
    place = moof.index(b"tfdt") + 8
    own = path.read_bytes()
    start = own.index(b"tfdt") + 8
    number = moof.index(b"mfhd") + 8
    moved = bytearray(moof)
    moved[place : place + 8] = own[start : start + 8]
    moved[number : number + 4] = own[own.index(b"mfhd") + 8 :][:4]
    path.write_bytes(bodies[0][0].to_bytes() + bytes(moved) + theirs.to_bytes())
    assert len(mine.data) != len(theirs.data)
    document = json.loads((folder / "presentation.json").read_bytes())
    document["renditions"][1]["digest"] = ""
    document["renditions"][1]["segments"][1]["size"] = path.stat().st_size
    (folder / "presentation.json").write_text(json.dumps(document))
    assert "SOUND-4" in rules(run(folder, key))


def awkward(kind: str) -> Any:
    """Sounds that are hard to compare, 5 s of stereo: nothing in the low band, nothing in the mono sum, all periods alike."""
    time = numpy.arange(5 * 44100) / 44100
    noise = numpy.random.default_rng(0).standard_normal(len(time)) * 0.1
    left, right = {
        "treble": (numpy.sin(2 * numpy.pi * 12000 * time) * 0.5, numpy.zeros(len(time))),
        "bass": (numpy.sin(2 * numpy.pi * 30 * time) * 0.5, numpy.zeros(len(time))),
        "tone": (numpy.sin(2 * numpy.pi * 5000 * time) * 0.5,) * 2,
        "opposite phase": (noise, -noise),
        "silence, then noise": (numpy.where(time < 3, 0, noise),) * 2,
    }[kind]
    return (numpy.stack((left, right), axis=1) * 32767).astype(numpy.int16)


@pytest.mark.parametrize("kind", ["treble", "bass", "tone", "opposite phase", "silence, then noise"])
def test_sounds_that_are_hard_to_compare_are_no_faults(
    kind: str, encode: Any, pack: Packer, published: Publisher
) -> None:
    assert run(published(pack(encode(awkward(kind)))), None).findings == ()
