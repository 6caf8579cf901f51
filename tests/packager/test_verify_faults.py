"""``tonearm verify`` finds what is planted in a good presentation, each fault by the rules that are meant for it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from media.boxes import parse
from packager.fragments import read_init
from packager.track import write_init
from packager.verify.verification import verify


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
        lambda at: edit_text(at, "audio/low/hls.m3u8", r"#EXTINF:0\.(\d{6})", "#EXTINF:0.7"),
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
    "DASH timeline": (
        lambda at: edit_text(at, "dash.mpd", r' t="0" d="\d+"', ' t="0" d="34817"'),
        {"MPD-5"},
    ),
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
    report = asyncio.run(verify(str(folder), find_key=lambda kid: key))
    assert expected <= {finding.rule for finding in report.findings}, report.findings
    assert not report.clean


def reverse_variants(folder: Path) -> None:
    path = folder / "hls.m3u8"
    head, *variants = path.read_text().split("#EXT-X-STREAM-INF")
    path.write_text("#EXT-X-STREAM-INF".join((head, *reversed(variants))))


def shorten_first_segment(document: dict[str, Any]) -> None:
    """Of every rendition, in words only."""
    for rendition in document["renditions"]:
        first, second = rendition["segments"][:2]
        spare, first["duration"] = first["duration"] - 4096, 4096
        second["start"], second["duration"] = 4096, second["duration"] + spare


def grow(path: str) -> Callable[[Path], None]:
    return lambda at: (at / path).write_text((at / path).read_text() + "# and so on\n" * 1000)


ADVICE: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "a first segment of many bytes": (
        lambda at: edit_json(at, lambda it: it["renditions"][1]["segments"][0].update(size=20_000)),
        "START-1",
        "audio/normal/00001.m4s",
    ),
    "another variant first": (reverse_variants, "START-2", "hls.m3u8 line "),
    "a long buffer": (
        lambda at: edit_text(at, "dash.mpd", r'minBufferTime="[^"]+"', 'minBufferTime="PT2S"'),
        "START-3",
        "dash.mpd",
    ),
    "a long second segment": (
        lambda at: edit_json(at, shorten_first_segment),
        "START-4",
        "audio/normal/00002.m4s",
    ),
    "a long multivariant playlist": (grow("hls.m3u8"), "START-5", "hls.m3u8"),
    "a long media playlist": (grow("audio/normal/hls.m3u8"), "START-5", "audio/normal/hls.m3u8"),
    "a long MPD": (
        lambda at: edit_text(at, "dash.mpd", "<Period", f"<!--{'and so on' * 1200}--><Period"),
        "START-5",
        "dash.mpd",
    ),
}


@pytest.mark.parametrize("fault", ADVICE)
def test_what_delays_the_start_is_found(folder: Path, key: bytes, fault: str) -> None:
    plant, rule, place = ADVICE[fault]
    plant(folder)
    report = asyncio.run(verify(str(folder), find_key=lambda kid: key))
    found = [finding for finding in report.findings if finding.rule == rule]
    assert [finding.place[: len(place)] for finding in found] == [place], report.findings
    assert {finding.severity for finding in found} == {"warning"}


def test_lossless_sound_is_not_advised_to_be_smaller(folder: Path, key: bytes) -> None:
    """A flight of it is a tenth of a second: no segment is worth that."""
    edit_json(folder, lambda it: it["renditions"][1]["segments"][0].update(size=100_000))
    report = asyncio.run(verify(str(folder), find_key=lambda kid: key))
    assert "START-1" not in {finding.rule for finding in report.findings}
