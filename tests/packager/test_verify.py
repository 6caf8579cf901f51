"""``tonearm verify``: silent about a good presentation, and it finds what is planted in one."""

from __future__ import annotations

import asyncio
import json
import re
import wave
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy
import pytest

from media.access_units import Encoded
from media.boxes import MdatBox, MoofBox, TrafBox, TrunBox, find_all, parse
from media.errors import FormatError, MasterRejected, ObjectMissing
from media.presentation import Loudness
from packager.fragments import read_init
from packager.package import Package
from packager.track import write_init
from packager.verify.verification import Report, verify

Packer = Callable[..., Package]
Publisher = Callable[[Package], Path]


def run(address: str | Path, key: bytes | None, master: Path | None = None) -> Report:
    return asyncio.run(verify(str(address), find_key=lambda kid: key, master=master))


def rules(report: Report) -> set[str]:
    return {finding.rule for finding in report.findings}


def edit_json(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / "presentation.json"
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document))


def edit_text(folder: Path, path: str, pattern: str, new: str) -> None:
    text = (folder / path).read_text()
    changed = re.sub(pattern, new, text, count=1)
    assert changed != text
    (folder / path).write_text(changed)


def edit_bytes(folder: Path, path: str, change: Callable[[bytearray], None]) -> None:
    data = bytearray((folder / path).read_bytes())
    change(data)
    (folder / path).write_bytes(data)


@pytest.fixture
def good(packed: Package, pack: Packer, encoded: Any, loudness: Loudness, published: Publisher) -> Path:
    return published(pack(encoded, packed.presentation.protection.scheme, loudness=loudness))


@pytest.fixture
def folder(pack: Packer, encoded: Any, loudness: Loudness, published: Publisher) -> Path:
    """A good presentation in cbcs, to plant faults in."""
    return published(pack(encoded[:3], "cbcs", loudness=loudness))


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


def swap(folder: Path) -> None:
    first, second = folder / "audio/normal/00002.m4s", folder / "audio/normal/00003.m4s"
    mine, theirs = first.read_bytes(), second.read_bytes()
    first.write_bytes(theirs)
    second.write_bytes(mine)


def shift_tfdt(data: bytearray) -> None:
    place = data.index(b"tfdt") + 8
    data[place : place + 8] = (int.from_bytes(data[place : place + 8], "big") + 1024).to_bytes(8, "big")


def shift_edit(folder: Path) -> None:
    path = folder / "audio/high/init.mp4"
    init = read_init(path.read_bytes())
    assert init.kid is not None
    boxes = path.read_bytes()
    changed = replace(init, media_time=init.media_time + 1)
    pssh = boxes[boxes.index(b"pssh") - 4 :]
    path.write_bytes(write_init(changed, tuple(parse(pssh))))


def other_kid(data: bytearray) -> None:
    place = data.index(b"tenc") + 12
    data[place : place + 16] = UUID(int=99).bytes


def garble(data: bytearray) -> None:
    place = data.index(b"mdat") + 20_000
    data[place : place + 64] = bytes(64)


def overwrite(path: str, box: bytes, offset: int, new: bytes) -> Callable[[Path], None]:
    """Other bytes in the first box of that type, counted from behind its four-character type."""

    def change(data: bytearray) -> None:
        place = data.index(box) + 4 + offset
        assert data[place : place + len(new)] != new
        data[place : place + len(new)] = new

    return lambda folder: edit_bytes(folder, path, change)


LOW = "audio/low/init.mp4"
FAULTS: dict[str, tuple[Callable[[Path], None], set[str]]] = {
    "missing segment": (lambda at: (at / "audio/low/00002.m4s").unlink(), {"FILE-1"}),
    "truncated segment": (
        lambda at: edit_bytes(at, "audio/low/00002.m4s", lambda data: data.__delitem__(slice(-100, None))),
        {"FILE-2", "CMAF-8"},
    ),
    "swapped segments": (swap, {"CMAF-10", "CMAF-12", "CMAF-15"}),
    "wrong EXTINF": (
        lambda at: edit_text(at, "audio/low/hls.m3u8", r"#EXTINF:0\.998458", "#EXTINF:0.998558"),
        {"LIST-4"},
    ),
    "wrong TARGETDURATION": (
        lambda at: edit_text(at, "audio/low/hls.m3u8", r"(TARGETDURATION):\d+", r"\1:2"),
        {"LIST-5"},
    ),
    "generous TARGETDURATION": (
        lambda at: edit_text(at, "audio/low/hls.m3u8", r"(TARGETDURATION):\d+", r"\1:40"),
        {"LIST-5"},
    ),
    "wrong tfdt": (lambda at: edit_bytes(at, "audio/normal/00002.m4s", shift_tfdt), {"CMAF-10", "CMAF-11"}),
    "wrong KID in the MPD": (
        lambda at: edit_text(at, "dash.mpd", r'default_KID="[^"]+"', f'default_KID="{UUID(int=9)}"'),
        {"MPD-6"},
    ),
    "wrong KID in a playlist": (
        lambda at: edit_text(at, "audio/low/hls-identity.m3u8", r"keys/[0-9a-f-]+", f"keys/{UUID(int=9)}"),
        {"LIST-7"},
    ),
    "wrong KID in tenc": (lambda at: edit_bytes(at, "audio/low/init.mp4", other_kid), {"DRM-2"}),
    "garbled ciphertext": (lambda at: edit_bytes(at, "audio/high/00003.m4s", garble), {"SOUND-1", "FILE-3"}),
    "stale size": (
        lambda at: edit_json(at, lambda it: it["renditions"][1]["segments"][1].update(size=99)),
        {"FILE-2", "PRES-8"},
    ),
    "DASH duration": (
        lambda at: edit_text(
            at, "dash.mpd", r'mediaPresentationDuration="PT11', 'mediaPresentationDuration="PT12'
        ),
        {"MPD-1"},
    ),
    "DASH timeline": (lambda at: edit_text(at, "dash.mpd", r' d="44032"', ' d="44033"'), {"MPD-5"}),
    "wrong edit list": (shift_edit, {"CMAF-4"}),
    "rendition missing from the multivariant playlist": (
        lambda at: edit_text(at, "hls.m3u8", r"#EXT-X-STREAM-INF[^\n]+\naudio/high[^\n]+\n", ""),
        {"LIST-1"},
    ),
    "rendition missing from the MPD": (
        lambda at: edit_text(at, "dash.mpd", r'(?s)<Representation id="high".+?</Representation>', ""),
        {"MPD-2"},
    ),
    "wrong IV in a playlist": (
        lambda at: edit_text(at, "audio/low/hls-identity.m3u8", r"IV=0x.{4}", "IV=0xffff"),
        {"LIST-6"},
    ),
    "wrong length of the song": (
        lambda at: edit_json(at, lambda it: it.update(samples=it["samples"] + 1)),
        {"PRES-5", "CMAF-4", "CMAF-5", "MPD-1"},
    ),
    "understated bandwidth": (
        lambda at: edit_text(at, "hls.m3u8", r",AVERAGE-BANDWIDTH=\d+", ",AVERAGE-BANDWIDTH=1"),
        {"LIST-2"},
    ),
    "manifest missing": (lambda at: (at / "dash.mpd").unlink(), {"FILE-1"}),
    "manifest of garbage": (lambda at: (at / "dash.mpd").write_bytes(b"\xff<"), {"DASH-1"}),
    "wrong loudness": (
        lambda at: edit_json(at, lambda it: it["loudness"].update(integrated_lufs=-3.5)),
        {"SOUND-5"},
    ),
    "paths that climb": (
        lambda at: edit_json(at, lambda it: it["renditions"][0].update(init="../../../../etc/passwd")),
        {"PRES-2"},
    ),
    "header of garbage": (lambda at: (at / LOW).write_bytes(b"\0\0\0\x08free"), {"CMAF-1"}),
    "no CMAF brand": (overwrite(LOW, b"ftyp", 12, b"nono"), {"CMAF-2"}),
    "a time of creation": (overwrite(LOW, b"mvhd", 4, b"\1\2\3\4"), {"CMAF-3"}),
    "wrong channels": (overwrite(LOW, b"enca", 16, b"\0\5"), {"CMAF-6"}),
    "wrong roll distance": (overwrite(LOW, b"roll", 8, b"\0\0"), {"CMAF-7"}),
    "wrong KID in pssh": (overwrite(LOW, b"pssh", 24, UUID(int=9).bytes), {"DRM-3"}),
    "a box behind mdat": (
        lambda at: edit_bytes(at, "audio/low/00001.m4s", lambda data: data.extend(b"\0\0\0\x08free")),
        {"CMAF-9"},
    ),
    "a song shorter than its units": (
        lambda at: edit_json(at, lambda it: it.update(samples=it["samples"] - 3000)),
        {"CMAF-13", "SOUND-2"},
    ),
    "another scheme": (
        lambda at: edit_json(at, lambda it: it["protection"].update(scheme="cenc")),
        {"DRM-1", "DRM-4"},
    ),
    "segment missing from a playlist": (
        lambda at: edit_text(at, "audio/high/hls.m3u8", r"#EXTINF[^\n]+\n00003.m4s\n", ""),
        {"LIST-3", "LIST-4"},
    ),
    "wrong codec in the MPD": (
        lambda at: edit_text(at, "dash.mpd", r'codecs="mp4a\.40\.2"', 'codecs="mp4a.40.5"'),
        {"MPD-3"},
    ),
    "wrong addresses in the MPD": (lambda at: edit_text(at, "dash.mpd", "%05d", "%06d"), {"MPD-4"}),
    "no such start rendition": (
        lambda at: edit_json(at, lambda it: it.update(start_rendition="best")),
        {"PRES-3"},
    ),
    "a priming of its own": (
        lambda at: edit_json(at, lambda it: it["renditions"][1].update(priming=0)),
        {"PRES-4", "CMAF-4"},
    ),
    "a cut of its own": (
        lambda at: edit_json(at, lambda it: it["renditions"][1]["segments"][1].update(start=44000)),
        {"PRES-5", "PRES-6"},
    ),
    "manifest not named": (lambda at: edit_json(at, lambda it: it["manifests"].pop("dash")), {"PRES-7"}),
    "presentation.json of garbage": (
        lambda at: (at / "presentation.json").write_bytes(b"{}"),
        {"PRES-1"},
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_planted_fault_is_found(folder: Path, key: bytes, fault: str) -> None:
    plant, expected = FAULTS[fault]
    plant(folder)
    report = run(folder, key)
    assert expected <= rules(report), report.findings
    assert not report.clean


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
    edit_bytes(
        at,
        "audio/low/00001.m4s",
        lambda data: data.__setitem__(slice(i := data.index(b"senc") + 12, i + 8), data[i + 8 : i + 16]),
    )
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
    edit_json(folder, lambda it: it["renditions"][1].update(digest=""))
    edit_json(folder, lambda it: it["renditions"][1]["segments"][1].update(size=path.stat().st_size))
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
