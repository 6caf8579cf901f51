"""``tonearm inspect`` over what we write, what ffmpeg writes, and what is broken."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from aiohttp import web
from click.testing import CliRunner, Result
from hypothesis import given, settings

from media.access_units import Encoded
from media.boxes import UnknownBox, parse
from media.errors import FormatError, ObjectMissing, StoreUnavailable
from media.serving import application, listening
from packager.commands import inspect as command
from packager.inspect import inspection
from packager.package import Package

KID = "0a1b2c3d-0000-4000-8000-00000000cafe"


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(each) for each in arguments], standalone_mode=False)


def shown(*arguments: str | Path) -> list[str]:
    result = call(*arguments)
    assert result.return_value == 0, result.output
    return result.stdout.splitlines()


def line(lines: list[str], kind: str) -> str:
    """The line of the first box of that type, without the branches in front."""
    return next(text.lstrip("│├└─ ") for text in lines if text.lstrip("│├└─ ").startswith(f"{kind} @"))


@pytest.fixture
def folder(
    pack: Callable[..., Package], encoded: tuple[Encoded, ...], published: Callable[[Package], Path]
) -> Path:
    return published(pack(encoded, "cbcs"))


@pytest.fixture
def file(folder: Path) -> Path:
    """Init and segments of one rendition as one file."""
    rendition = folder / "audio/normal"
    path = folder / "song.mp4"
    path.write_bytes(
        b"".join(each.read_bytes() for each in (rendition / "init.mp4", *sorted(rendition.glob("*.m4s"))))
    )
    return path


def test_an_init_segment_says_what_a_decoder_must_know(folder: Path) -> None:
    lines = shown(folder / "audio/normal/init.mp4")
    assert lines[0].endswith("CMAF init segment, 854 bytes")
    assert lines[1].split() == (
        f"track 1 mp4a.40.2, 2 ch, 44,100 Hz, programme 11.017619 s, priming 1,024 samples, cbcs, KID {KID}".split()
    )
    assert line(lines, "elst").endswith("from 1,024 samples (0.023220 s), 485,877 ticks (11.017619 s)")
    assert f"default_KID {KID}" in line(lines, "tenc")
    assert "codec mp4a.40.2 (44,100 Hz, 2 ch, 1,024 samples an access unit)" in line(lines, "esds")
    assert "1077efec-c0b2-4d02-ace3-3c1e52e2fb4b (common)" in line(lines, "pssh")
    assert line(lines, "sgpd").endswith("grouping_type roll · roll_distance -1")


def test_a_segment_beside_its_init_is_told_in_seconds(folder: Path, tmp_path: Path) -> None:
    segment = folder / "audio/normal/00002.m4s"
    lines = shown(segment)
    second = json.loads((folder / "presentation.json").read_text())["renditions"][1]["segments"][1]
    time = second["start"] + 1024  # the priming
    assert line(lines, "tfdt").endswith(f"baseMediaDecodeTime {time:,} samples ({time / 44100:.6f} s)")
    assert f"total_duration {second['duration']:,} samples (" in line(lines, "trun")
    alone = tmp_path / "alone.m4s"
    alone.write_bytes(segment.read_bytes())
    assert line(shown(alone), "tfdt").endswith(f"baseMediaDecodeTime {time:,} ticks")


def test_offsets_and_sizes_are_those_of_the_file(file: Path) -> None:
    data = file.read_bytes()
    document = json.loads("\n".join(shown(file, "--json")))

    def check(boxes: list[dict[str, Any]], start: int, stop: int) -> None:
        for box in boxes:
            assert start <= box["offset"] < box["offset"] + box["size"] <= stop
            head = data[box["offset"] : box["offset"] + 8]
            assert head == box["size"].to_bytes(4, "big") + box["type"].encode()
            check(box.get("children", []), box["offset"] + 8, box["offset"] + box["size"])

    check(document["children"], 0, len(data))
    # All of it, although people see fragments folded.
    assert sum(box["size"] for box in document["children"]) == len(data) == document["size"]
    assert sum(box["type"] == "moof" for box in document["children"]) == 5


def test_fragments_are_folded_for_people(
    pack: Callable[..., Package], encoded: tuple[Encoded, ...], tmp_path: Path
) -> None:
    packed = pack(encoded, target_ms=1000)
    bodies = [body for path, body in packed.objects() if path.startswith("audio/low/") and "m3u8" not in path]
    path = tmp_path / "song.mp4"
    path.write_bytes(b"".join(bodies))
    lines = shown(path)
    assert sum(text.startswith("moof") for text in lines) == 3
    (fold,) = [text for text in lines if "more fragments" in text]
    assert fold.startswith(f"… {len(bodies) - 1 - 3} more fragments @")
    assert not any(text.startswith(" ") for text in shown(path, "--depth", "0")[2:])
    assert not any("│" in text for text in shown(path, "--depth", "1"))


def test_manifests_are_summed_up(folder: Path) -> None:
    variants = shown(folder / "hls.m3u8")
    assert "HLS multivariant playlist" in variants[0]
    assert any(
        text.startswith("audio/low/hls.m3u8  BANDWIDTH ") and "CODECS mp4a.40.2" in text for text in variants
    )
    media = shown(folder / "audio/low/hls-identity.m3u8")
    assert "  sum              11.017619 s" in media
    assert "  segments         5" in media
    assert any(text.startswith("EXT-X-KEY  METHOD SAMPLE-AES · KEYFORMAT identity · URI ") for text in media)
    mpd = shown(folder / "dash.mpd")
    assert any("Representation low  codecs mp4a.40.2" in text and f"KID {KID}" in text for text in mpd)
    assert sum("sum 11.017619 s" in text for text in mpd) == 4
    presentation = shown(folder / "presentation.json")
    assert any("485,877 samples (11.017619 s)" in text for text in presentation)


def test_a_key_in_a_manifest_is_not_repeated(tmp_path: Path) -> None:
    path = tmp_path / "hls.m3u8"
    path.write_text(
        '#EXTM3U\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI="data:text/plain;base64,AAECAwQFBgcICQoLDA0ODw=="\n'
        "#EXTINF:1.5,\na.m4s\n#EXTINF:2,\nb.m4s\n"
    )
    text = "\n".join([*shown(path), *shown(path, "--json")])
    assert "AAECAw" not in text
    assert "data:text/plain;base64,…" in text
    assert "3.500000 s" in text


@pytest.mark.parametrize(
    ("arguments", "suffix", "expected"),
    [
        ("-c:a libopus", "opus", ["codec             opus", "priming           312 samples (0.006500 s)"]),
        ("-c:a flac", "flac", ["codec             fLaC", "priming           0 samples"]),
        ("-c:a aac", "aac", ["codec             mp4a.40.2", "config            1190"]),
        ("-c:a flac", "mp4", ["track 1  fLaC, 2 ch, 48,000 Hz, programme 3.016188 s"]),
        ("-c:a alac -metadata title=Song", "m4a", ["value “Song”", "track 1  alac, 2 ch, 48,000 Hz"]),
        ("-c:a aac", "mov", ["QuickTime", "mp4a @"]),
        ("-c:a ac3", "mp4", ["ac-3 @"]),
    ],
)
def test_what_others_write(
    made: Callable[[str, str], bytes], tmp_path: Path, arguments: str, suffix: str, expected: list[str]
) -> None:
    path = tmp_path / f"song.{suffix}"
    path.write_bytes(made(arguments, suffix))
    text = "\n".join(shown(path))
    for each in expected:
        assert each in text


@pytest.fixture(scope="session")
def made(ffmpeg: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], bytes]:
    folder = tmp_path_factory.mktemp("made")

    def make(arguments: str, suffix: str) -> bytes:
        path = folder / f"song.{suffix}"
        command = f"{ffmpeg} -y -v error -f lavfi -i sine=sample_rate=48000:duration=3.0161875 -ac 2 {arguments} {path}"
        subprocess.run(command.split(), check=True)
        return path.read_bytes()

    return make


def test_a_broken_file_is_shown_as_far_as_it_goes(file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data[:900])
    result = call(file)
    assert result.return_value == 5
    assert "pssh @" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("moof @882")
    assert result.stderr.endswith("song.mp4: moof at byte 882: 248 bytes claimed, 18 are there\n")
    assert len(result.stderr.splitlines()) == 1
    # A box that is broken inside is named, and what follows it is shown.
    place = data.index(b"tenc")
    file.write_bytes(data[: place + 8] + b"\1\1\1\xff" + data[place + 12 :])
    document = json.loads(call(file, "--json").stdout)
    assert "tenc" in document["error"]
    assert [box["type"] for box in document["children"]][-1] == "mdat"


def test_what_a_file_says_does_not_reach_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "evil.mp4"
    path.write_bytes(
        b"\0\0\0\x2chdlr"
        + bytes(8)
        + b"soun"
        + bytes(12)
        + b"\x1b[2Jname\x07  \0"
        + b"\xff\xff\xff\xff\x1b[2J"
    )
    result = call(path)
    assert result.return_value == 5
    assert "\x1b" not in result.output
    assert "\x07" not in result.output


@pytest.mark.parametrize("text", [b"", b"RIFF....WAVEfmt ", b"{}", b"<MPD", b"\0\0\0\7abcd"])
def test_what_is_none_of_the_formats_is_an_error(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "what"
    path.write_bytes(text)
    with pytest.raises(FormatError):
        inspection.inspect(str(path))


async def test_an_address_is_as_good_as_a_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    async def serve(request: web.Request) -> web.Response:
        path = folder / request.match_info["path"]
        if not path.is_file():
            raise web.HTTPNotFound
        return web.Response(body=path.read_bytes())

    async with listening(application("test", [web.get("/{path:.+}", serve)]), "127.0.0.1", 0) as port:
        base = f"http://127.0.0.1:{port}"
        found = await asyncio.to_thread(inspection.inspect, f"{base}/audio/low/init.mp4")
        assert found.kind == "CMAF init segment"
        with pytest.raises(ObjectMissing, match="status 404"):
            await asyncio.to_thread(inspection.inspect, f"{base}/nothing.mp4")
        monkeypatch.setattr(inspection, "LARGEST", 100)
        with pytest.raises(StoreUnavailable, match="more than"):
            await asyncio.to_thread(inspection.inspect, f"{base}/audio/low/init.mp4")
    with pytest.raises(StoreUnavailable):
        await asyncio.to_thread(inspection.inspect, f"{base}/audio/low/init.mp4")


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ObjectMissing, match="no such file"):
        inspection.inspect(str(tmp_path / "nowhere"))
    os.mkfifo(tmp_path / "pipe")
    for place in (str(tmp_path), "/", "", str(tmp_path / "pipe"), "/dev/zero"):
        with pytest.raises((ObjectMissing, StoreUnavailable)):
            inspection.inspect(place)
    for address in ("http://[::1", "http://", "http://127.0.0.1:99999/"):
        with pytest.raises(StoreUnavailable, match="not an address"):
            inspection.inspect(address)


def test_a_file_that_is_all_brands_is_told_in_a_line(tmp_path: Path) -> None:
    """What a wrong size at the very beginning makes of any file."""
    path = tmp_path / "brands\x1b[2J\n.mp4"
    path.write_bytes((400_016).to_bytes(4, "big") + b"ftypisom" + bytes(4) + b"iso6" * 100_000)
    said = call(path).output
    assert "brands\\x1b[2J\\n.mp4" in said
    assert "iso6 … 99,968 more" in said
    assert len(said) < 1000


@pytest.fixture(scope="session")
def blips(pack: Callable[..., Package], blip: tuple[Encoded, ...]) -> list[dict[str, bytes]]:
    """The objects of a short song in three protections."""
    return [dict(pack(blip, scheme).objects()) for scheme in ("none", "cenc", "cbcs")]


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_mutated_files_are_reported_not_raised(data: st.DataObject, blips: list[dict[str, bytes]]) -> None:
    bodies = data.draw(st.sampled_from(blips))
    kinds = [
        ("audio/low/init.mp4", "audio/low/00001.m4s"),
        ("hls.m3u8",),
        ("dash.mpd",),
        ("presentation.json",),
    ]
    broken = bytearray(b"".join(bodies[path] for path in data.draw(st.sampled_from(kinds))))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, min(1400, len(broken))))
        broken[place : place + 4] = data.draw(st.binary(min_size=1, max_size=8))
    with suppress(FormatError):
        report = inspection.report("file", memoryview(bytes(broken)))
        json.dumps(report.to_dict(None))


def test_a_file_of_nothing_but_boxes_has_an_end() -> None:
    report = inspection.report("file", memoryview(b"\0\0\0\x08free" * 300_001))
    assert report.error == "file at byte 2400000: more than 300000 boxes"


def test_the_walk_and_the_parser_agree(file: Path) -> None:
    """Where the whole file parses, the tree has its boxes."""
    data = file.read_bytes()
    report = inspection.report("file", memoryview(data))
    boxes = parse(data + UnknownBox(b"\0\0\0\x08free").to_bytes())
    names = [box["type"] for box in report.to_dict(None)["children"]]
    assert [*names, "free"] == [box.type.decode() for box in boxes]
