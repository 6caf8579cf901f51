"""``tonearm verify`` over boxes and over manifests that contradict each other: each fault by the rule that is meant for it."""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy
import pytest

from drm import playready, widevine
from drm.signalling import signal
from drm.systems import PLAYREADY, WIDEVINE
from drm.widevine import WidevineData
from media.boxes import Box, EsdsBox, MoovBox, PsshBox, SttsBox, parse
from media.findings import Finding
from packager.package import Package
from packager.verify.verification import verify

Plant = Callable[[Path], None]
KID = UUID("0a1b2c3d-0000-4000-8000-00000000cafe")
INIT, SEGMENT = "audio/low/init.mp4", "audio/low/00002.m4s"


def findings(folder: Path, key: bytes | None = None) -> list[Finding]:
    """Without the key nothing is decoded, which is quick."""
    return list(asyncio.run(verify(str(folder), find_key=lambda kid: key)).findings)


def rules(folder: Path, key: bytes | None = None) -> set[str]:
    return {finding.rule for finding in findings(folder, key)}


def overwrite(path: str, box: bytes, offset: int, new: bytes) -> Plant:
    """Other bytes in the first box of that type, counted from behind its four-character type."""

    def plant(at: Path) -> None:
        data = bytearray((at / path).read_bytes())
        place = data.index(box) + 4 + offset
        assert data[place : place + len(new)] != new
        data[place : place + len(new)] = new
        (at / path).write_bytes(data)

    return plant


def remade(kind: type[Box], **fields: Any) -> Plant:
    """Other fields in the boxes of that class in the header."""

    def again(box: Any) -> Any:
        if isinstance(box, kind):
            return replace(box, **fields)
        children = getattr(box, "children", None)
        return box if children is None else replace(box, children=tuple(map(again, children)))

    def plant(at: Path) -> None:
        boxes = parse((at / INIT).read_bytes())
        (at / INIT).write_bytes(b"".join(again(box).to_bytes() for box in boxes))

    return plant


def with_pssh(*added: PsshBox, path: str = INIT) -> Plant:
    """More of them at the end of moov."""

    def plant(at: Path) -> None:
        boxes = parse((at / path).read_bytes())
        grown = [
            replace(box, children=(*box.children, *added)) if isinstance(box, MoovBox) else box
            for box in boxes
        ]
        (at / path).write_bytes(b"".join(box.to_bytes() for box in grown))

    return plant


def edit(path: str, pattern: str, new: str) -> Plant:
    def plant(at: Path) -> None:
        text = (at / path).read_text()
        changed = re.sub(pattern, new, text, count=1)
        assert changed != text
        (at / path).write_text(changed)

    return plant


def both(*plants: Plant) -> Plant:
    def plant(at: Path) -> None:
        for each in plants:
            each(at)

    return plant


def widevine_box(scheme: str = "cbcs", kid: UUID = KID, provider: str = "") -> PsshBox:
    return widevine.pssh(WidevineData((kid,), provider, b"", scheme))


GARBAGE = PsshBox(version=0, system_id=WIDEVINE.system_id.bytes, kids=(), data=b"\xff\xff")
HALF = PsshBox(version=0, system_id=PLAYREADY.system_id.bytes, kids=(), data=b"\x06\0\0\0\1\0")
IN_MPD = b64encode(widevine_box(provider="another").to_bytes()).decode()
WIDEVINE_IN_MPD = f'<ContentProtection schemeIdUri="{WIDEVINE.scheme_id_uri}"><cenc:pssh>{IN_MPD}</cenc:pssh></ContentProtection>'
# In cbcs; the rule, and what is planted
FAULTS: dict[str, tuple[str, Plant]] = {
    "a scheme of another version": ("CENC-1", overwrite(INIT, b"schm", 8, b"\0\2\0\0")),
    "a scheme that nobody knows": ("CENC-1", overwrite(INIT, b"schm", 4, b"cbcd")),
    "tenc without room for a pattern": ("CENC-1", overwrite(INIT, b"tenc", 0, b"\0")),
    "the KID of nothing": ("CENC-2", overwrite(INIT, b"tenc", 8, bytes(16))),
    "a pattern in audio": ("CENC-3", overwrite(INIT, b"tenc", 5, b"\x19")),
    "a pssh that is no protobuf": ("CENC-6", with_pssh(GARBAGE)),
    "half a PlayReady Object": ("CENC-6", with_pssh(HALF)),
    "a pssh of version 2": ("CENC-6", overwrite(INIT, b"pssh", 0, b"\2")),
    "a pssh of another KID": ("CENC-7", with_pssh(widevine_box(kid=UUID(int=5)))),
    "the common pssh of another KID": ("CENC-7", overwrite(INIT, b"pssh", 24, UUID(int=9).bytes)),
    "a pssh twice": ("CENC-8", with_pssh(widevine_box(), widevine_box())),
    "a Widevine pssh for cenc": ("CENC-9", with_pssh(widevine_box(scheme=""))),
    "a PlayReady pssh for cenc": ("CENC-9", with_pssh(playready.pssh(playready.header([KID], "cenc")))),
    "a track of video": ("BOX-1", overwrite(INIT, b"hdlr", 8, b"vide")),
    "samples in the header": ("BOX-2", remade(SttsBox, entries=numpy.array([[1, 1024]]))),
    "media in another file": ("BOX-2", overwrite(INIT, b"url ", 3, b"\0")),
    "a fragment of another track": ("BOX-3", overwrite(SEGMENT, b"tfhd", 4, b"\0\0\0\7")),
    "samples that depend on others": ("BOX-4", overwrite(SEGMENT, b"tfhd", 12, b"\1\1\0\0")),
    "an edit in slow motion": ("BOX-5", overwrite(INIT, b"elst", 24, b"\0\0\x80\0")),
    "an empty sample": ("BOX-6", overwrite(SEGMENT, b"trun", 12, bytes(4))),
    "five channels of the core profile": ("BOX-7", overwrite(INIT, b"enca", 16, b"\0\5")),
    "a bit rate of its own": ("BOX-8", remade(EsdsBox, avg_bitrate=1000)),
    "a mean above the largest": ("BOX-8", remade(EsdsBox, max_bitrate=1)),
    "a segment that does not say what it is": (
        "BOX-9",
        overwrite(SEGMENT, b"styp", 0, b"isom\0\0\0\0" + b"isom" * 3),
    ),
    "another loudness in the header": ("CMAF-16", overwrite(INIT, b"tlou", 12, b"\1")),
    "no loudness in the header": ("CMAF-16", overwrite(INIT, b"ludt", -4, b"free")),
    "a stream that one manifest lacks": (
        "AGREE-1",
        edit("hls-identity.m3u8", r"#EXT-X-STREAM-INF[^\n]+\naudio/high[^\n]+\n", ""),
    ),
    "other codecs in DASH": ("AGREE-2", edit("dash.mpd", r'codecs="mp4a\.40\.2"', 'codecs="mp4a.40.5"')),
    "half the bandwidth in DASH": ("AGREE-3", edit("dash.mpd", r'bandwidth="(\d+)\d"', r'bandwidth="\1"')),
    "a segment missing in one manifest": (
        "AGREE-4",
        edit("audio/high/hls.m3u8", r"#EXTINF[^\n]+\n00003.m4s\n", ""),
    ),
    "another boundary": (
        "AGREE-5",
        edit("audio/low/hls-identity.m3u8", r"#EXTINF:(\d+)\.\d+", r"#EXTINF:\1.5"),
    ),
    "another length": (
        "AGREE-5",
        edit("dash.mpd", r'mediaPresentationDuration="PT11', 'mediaPresentationDuration="PT12'),
    ),
    "another KID in the MPD": (
        "AGREE-6",
        edit("dash.mpd", r'default_KID="[^"]+"', f'default_KID="{UUID(int=9)}"'),
    ),
    "another KID in a playlist": (
        "AGREE-6",
        edit("audio/low/hls.m3u8", "METHOD=SAMPLE-AES,", f"METHOD=SAMPLE-AES,KEYID=0x{UUID(int=9).hex},"),
    ),
    "another scheme in a playlist": (
        "AGREE-7",
        edit("audio/low/hls.m3u8", "METHOD=SAMPLE-AES,", "METHOD=SAMPLE-AES-CTR,"),
    ),
    "no key in a playlist": ("AGREE-7", edit("audio/low/hls.m3u8", "#EXT-X-KEY[^\n]+\n", "")),
    "another pssh in the MPD": (
        "AGREE-8",
        both(
            with_pssh(widevine_box()),
            edit("dash.mpd", "<ContentProtection", f"{WIDEVINE_IN_MPD}<ContentProtection"),
        ),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_planted_fault_is_found(folder: Path, fault: str) -> None:
    rule, plant = FAULTS[fault]
    assert rule not in rules(folder)
    plant(folder)
    assert rule in rules(folder)


CENC_FAULTS: dict[str, tuple[str, Plant]] = {
    "no saiz": ("CENC-4", overwrite(SEGMENT, b"saiz", -4, b"free")),
    "no senc": ("CENC-4", overwrite(SEGMENT, b"senc", -4, b"free")),
    "saiz of another number of samples": ("CENC-5", overwrite(SEGMENT, b"saiz", 5, b"\0\0\0\1")),
    "saiz of another size": ("CENC-5", overwrite(SEGMENT, b"saiz", 4, b"\x10")),
    "saio that misses the IVs": ("CENC-5", overwrite(SEGMENT, b"saio", 8, b"\0\0\0\1")),
    "subsamples in audio": ("CENC-3", overwrite(SEGMENT, b"senc", 3, b"\2")),
    "a pattern that cenc does not have": ("CENC-1", overwrite(INIT, b"tenc", 0, b"\1")),
    "a default of clear samples": ("CENC-2", overwrite(INIT, b"tenc", 6, b"\0")),
    "IVs of five bytes": ("CENC-2", overwrite(INIT, b"tenc", 7, b"\5")),
    "the checksum of another key": (
        "CENC-10",
        with_pssh(playready.pssh(playready.header([KID], "cenc", keys=[bytes(16)]))),
    ),
    "scheme and scheme in a manifest": (
        "AGREE-7",
        edit("dash.mpd", 'value="cenc"', 'value="cbcs"'),
    ),
}


@pytest.mark.parametrize("fault", CENC_FAULTS)
def test_every_fault_of_cenc_is_found(
    pack: Callable[..., Package],
    encoded: Any,
    published: Callable[[Package], Path],
    key: bytes,
    fault: str,
) -> None:
    rule, plant = CENC_FAULTS[fault]
    folder = published(pack(encoded[:1], "cenc"))
    assert rule not in rules(folder, key)
    plant(folder)
    assert rule in rules(folder, key)


@pytest.mark.parametrize("scheme", ["cbcs", "cenc"])
def test_boxes_of_drm_systems_that_are_right(
    pack: Callable[..., Package], blip: Any, published: Callable[[Package], Path], key: bytes, scheme: str
) -> None:
    folder = published(pack(blip[:1], scheme))
    made = [signal(system, KID, scheme, key=key) for system in (WIDEVINE, PLAYREADY)]
    boxes = [box for each in made for box in parse(each.pssh) if isinstance(box, PsshBox)]
    with_pssh(*boxes)(folder)
    inside = "".join(
        f'<ContentProtection schemeIdUri="urn:uuid:{box_id}">{each.content_protection}</ContentProtection>'
        for each, box_id in zip(made, (WIDEVINE.system_id, PLAYREADY.system_id), strict=True)
    )
    edit("dash.mpd", "<ContentProtection", f"{inside}<ContentProtection")(folder)
    for each in made:
        edit("audio/low/hls.m3u8", "#EXTINF", f"{each.media_tag}\n#EXTINF")(folder)
    found = {finding.rule for finding in findings(folder, key)}
    assert not {rule for rule in found if rule.startswith(("CENC-", "AGREE-"))}, findings(folder, key)
    # The three of them are looked at: another pssh in any is found.
    other = signal(WIDEVINE, KID, scheme, provider="another")
    edit("audio/low/hls.m3u8", re.escape(made[0].media_tag), other.media_tag)(folder)
    assert "AGREE-8" in rules(folder, key)


def test_a_file_without_sound_is_said_to_have_none(folder: Path, key: bytes) -> None:
    overwrite(INIT, b"hdlr", 8, b"vide")(folder)
    texts = [finding.text for finding in findings(folder, key) if finding.rule == "SOUND-1"]
    assert any("no track of sound" in text for text in texts)


def test_a_header_that_tells_another_loudness_than_is_heard(folder: Path, key: bytes) -> None:
    assert "SOUND-7" not in rules(folder, key)
    overwrite("audio/high/init.mp4", b"tlou", 12, b"\1")(folder)
    assert {"SOUND-7", "CMAF-16"} <= rules(folder, key)
