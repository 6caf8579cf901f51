"""``tonearm verify`` over presentations without a presentation.json: judged by manifests and boxes alone."""

from __future__ import annotations

import asyncio
import re
import subprocess
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web
from click.testing import CliRunner

from media.errors import ManifestError, ObjectMissing
from media.serving import application, listening
from packager.commands import verify as command
from packager.package import Package
from packager.verify.verification import Report, verify

Plant = Callable[[Path], None]
Packer = Callable[..., Package]
KID = UUID("0a1b2c3d-0000-4000-8000-00000000cafe")


def run(address: Path | str, key: bytes | None = None, other: Path | None = None) -> Report:
    return asyncio.run(
        verify(str(address), find_key=lambda kid: key, other=None if other is None else str(other))
    )


def rules(report: Report) -> set[str]:
    return {finding.rule for finding in report.findings}


@pytest.fixture
def stripped(pack: Packer, encoded: Any, published: Callable[[Package], Path]) -> Callable[..., Path]:
    """A presentation of ours as another packager's: without presentation.json and the second family of playlists."""

    def strip(scheme: str, **changes: Any) -> Path:
        folder = published(pack(encoded[:2], scheme, **changes))
        for path in (folder / "presentation.json", *folder.rglob("hls-identity.m3u8")):
            path.unlink(missing_ok=True)
        return folder

    return strip


@pytest.mark.parametrize("one_file", [False, True])
@pytest.mark.parametrize("scheme", ["none", "cbcs", "cenc"])
def test_a_good_presentation_has_no_findings(
    stripped: Callable[..., Path], key: bytes, scheme: str, one_file: bool
) -> None:
    folder = stripped(scheme, one_file=one_file)
    for address in (folder, folder / "hls.m3u8", folder / "dash.mpd"):
        report = run(address, key)
        assert (report.findings, report.ours) == ((), False)
        assert report.presentation is not None
        assert report.presentation.manifests == {"hls": "hls.m3u8", "dash": "dash.mpd"}
        assert report.presentation.protection.scheme == scheme
    alone = run(folder / "audio/low/hls.m3u8", key)
    assert (alone.findings, alone.root) == ((), str(folder / "audio/low"))


def test_each_manifest_alone_is_enough(stripped: Callable[..., Path], key: bytes) -> None:
    for name, left in (("hls.m3u8", "dash"), ("dash.mpd", "hls")):
        folder = stripped("cbcs")
        (folder / name).unlink()
        report = run(folder, key)
        assert report.findings == ()
        assert report.presentation is not None
        assert list(report.presentation.manifests) == [left]


def test_two_manifests_in_two_folders(stripped: Callable[..., Path], key: bytes) -> None:
    folder = stripped("cbcs")
    (folder / "dash").mkdir()
    text = (folder / "dash.mpd").read_text().replace("<Period", "<BaseURL>../</BaseURL><Period", 1)
    (folder / "dash.mpd").unlink()
    (folder / "dash/all.mpd").write_text(text)
    report = run(folder / "hls.m3u8", key, other=folder / "dash/all.mpd")
    assert report.root == str(folder)
    assert report.presentation is not None
    assert report.presentation.manifests == {"hls": "hls.m3u8", "dash": "dash/all.mpd"}
    assert report.findings == ()


def test_aes_128_is_opened_by_a_key_that_the_playlist_holds(
    stripped: Callable[..., Path], key: bytes
) -> None:
    folder = stripped("aes-128")
    assert rules(run(folder)) == {"DRM-6"}
    uri = f"data:text/plain;base64,{b64encode(key).decode()}"
    for path in folder.glob("audio/*/hls.m3u8"):
        path.write_text(re.sub(r'URI="[^"]*keys[^"]*"', f'URI="{uri}"', path.read_text()))
    assert run(folder).findings == ()


def edit(path: str, pattern: str, new: str, count: int = 1) -> Plant:
    def plant(at: Path) -> None:
        text = (at / path).read_text()
        changed = re.sub(pattern, new, text, count=count)
        assert changed != text
        (at / path).write_text(changed)

    return plant


def overwrite(path: str, box: bytes, offset: int, new: bytes) -> Plant:
    def plant(at: Path) -> None:
        data = bytearray((at / path).read_bytes())
        place = data.index(box) + 4 + offset
        data[place : place + len(new)] = new
        (at / path).write_bytes(data)

    return plant


def rounded_up(at: Path) -> None:
    """A millisecond more in every EXTINF: what rounding can come to."""

    def longer(match: re.Match[str]) -> str:
        return f"#EXTINF:{float(match.group(1)) + 0.001:.3f},"

    path = at / "audio/low/hls.m3u8"
    path.write_text(re.sub(r"#EXTINF:([\d.]+),", longer, path.read_text()))


def same_keystream(at: Path) -> None:
    for one, other in zip(sorted(at.glob("audio/low/0*")), sorted(at.glob("audio/normal/0*")), strict=True):
        mine, theirs = one.read_bytes(), bytearray(other.read_bytes())
        places = mine.index(b"senc") + 12, theirs.index(b"senc") + 12
        size = 8 * int.from_bytes(mine[places[0] - 4 : places[0]], "big")
        theirs[places[1] : places[1] + size] = mine[places[0] : places[0] + size]
        other.write_bytes(theirs)


KEY_LINE = "#EXT-X-KEY[^\n]+\n"
IDENTITY = '#EXT-X-KEY:METHOD=SAMPLE-AES,KEYFORMAT="identity",URI="data:text/plain;base64,'
CLEAR = "#EXT-X-KEY:METHOD=NONE\n"
# What Shaka Packager was seen to write (each in FACTS): protection, what it does, the rule that says so
DEFECTS: dict[str, tuple[str, Plant, str]] = {
    "EXTINF in thousandths, whose sum drifts": ("none", rounded_up, "AGREE-9"),
    "a sum that is not the MPD's": ("none", rounded_up, "AGREE-5"),
    "a last segment of no length": (
        "none",
        edit("audio/low/hls.m3u8", r"#EXTINF:[\d.]+,(\n\S+\n#EXT-X-ENDLIST)", r"#EXTINF:0.000,\1"),
        "HLS-24",
    ),
    "a target duration that is rounded up": (
        "none",
        edit("audio/low/hls.m3u8", r"TARGETDURATION:\d+", "TARGETDURATION:7"),
        "HLS-52",
    ),
    "the KID instead of the key": (
        "cbcs",
        edit("audio/low/hls.m3u8", KEY_LINE, f'{IDENTITY}{b64encode(KID.bytes).decode()}"\n'),
        "DRM-8",
    ),
    "one key and IV for two renditions": ("cenc", same_keystream, "DRM-5"),
    "session keys again": ("cbcs", edit("hls.m3u8", r"(#EXT-X-SESSION-KEY[^\n]+\n)", r"\1\1\1\1"), "HLS-45"),
    "the time of day in the header": (
        "none",
        overwrite("audio/low/init.mp4", b"mvhd", 4, b"\xe3\0\0\0"),
        "CMAF-3",
    ),
    "a break between clear and encrypted": (
        "cbcs",
        edit("audio/low/hls.m3u8", r"(#EXTINF[^\n]+\n00002)", r"#EXT-X-DISCONTINUITY\n\1"),
        "HLS-36",
    ),
    "segments in the clear": (
        "cbcs",
        edit("audio/low/hls.m3u8", r"(#EXTINF[^\n]+\n00003)", rf"{CLEAR}\1"),
        "HLS-37",
    ),
    "no key at all for cenc over HLS": ("cenc", edit("audio/low/hls.m3u8", KEY_LINE, ""), "AGREE-7"),
    "alignment that is only claimed": (
        "none",
        edit(
            "dash.mpd",
            r'(<Representation id="low"[^>]+>)',
            r'\1<SegmentTemplate><SegmentTimeline><S t="0" d="48000" r="9"/></SegmentTimeline></SegmentTemplate>',
        ),
        "DASH-9",
    ),
    "an edit list that was lost": ("none", overwrite("audio/low/init.mp4", b"edts", -4, b"free"), "BOX-11"),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_what_other_packagers_get_wrong_is_found(
    stripped: Callable[..., Path], key: bytes, defect: str
) -> None:
    scheme, plant, rule = DEFECTS[defect]
    folder = stripped(scheme)
    plant(folder)
    assert rule in rules(run(folder, key))


def test_the_wrong_key_and_a_missing_segment(stripped: Callable[..., Path]) -> None:
    folder = stripped("cbcs")
    assert "SOUND-1" in rules(run(folder, bytes(16)))
    (folder / "audio/low/00002.m4s").unlink()
    found = [finding for finding in run(folder).findings if finding.rule == "FILE-1"]
    assert [(finding.place, finding.text[:18]) for finding in found] == [
        ("audio/low/00002.m4s", "it is not there (e")
    ]


@pytest.mark.parametrize(
    "address",
    [
        "../../../secret.m4s",
        "/etc/hostname",
        "file:///etc/hostname",
        "http://127.0.0.1:1/a",
        "%2e%2e/%2e%2e/%2e%2e/%2e%2e/a",
    ],
)
def test_a_manifest_sends_the_verifier_nowhere_else(stripped: Callable[..., Path], address: str) -> None:
    folder = stripped("none")
    (folder.parent.parent / "secret.m4s").write_bytes(b"secret")
    if address.startswith("."):
        address = "../" * 4 + "secret.m4s"
    edit("audio/low/hls.m3u8", "00002.m4s", address)(folder)
    found = [finding.text for finding in run(folder).findings if finding.rule == "FILE-1"]
    assert [text[:19] for text in found] == ["it lies elsewhere, "]


def test_what_is_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(ObjectMissing, match="nor a manifest is there"):
        run(tmp_path)
    (tmp_path / "a.mpd").write_bytes(b"<MPD")
    with pytest.raises(ManifestError):
        run(tmp_path)
    (tmp_path / "a.mpd").write_text('<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"/>')
    assert {"DASH-2", "DASH-3", "DASH-4"} <= rules(run(tmp_path))


async def test_over_http(stripped: Callable[..., Path], key: bytes) -> None:
    folder = stripped("cbcs")

    async def serve(request: web.Request) -> web.Response:
        path = folder / request.match_info["path"]
        if not path.is_file() or "signed" not in request.query_string + request.path:
            raise web.HTTPNotFound
        return web.Response(body=path.read_bytes())

    app = application("test", [web.get("/signed/{path:.+}", serve)])
    async with listening(app, "127.0.0.1", 0) as port:
        base = f"http://127.0.0.1:{port}/signed"
        report = await verify(f"{base}/hls.m3u8", find_key=lambda kid: key, other=f"{base}/dash.mpd")
        assert (report.root, report.findings) == (base, ())
        with pytest.raises(ObjectMissing):
            await verify(f"{base}/nothing/", find_key=lambda kid: key)


def test_on_the_command_line(stripped: Callable[..., Path], key: bytes) -> None:
    folder = stripped("cbcs")
    arguments = [str(folder / "hls.m3u8"), str(folder / "dash.mpd"), "--key", f"{KID}:{key.hex()}"]
    result = CliRunner().invoke(command, arguments, obj=None, standalone_mode=False)
    assert result.return_value == 0, result.output
    assert "2 renditions" in result.output
    edit("hls.m3u8", r'CODECS="mp4a\.40\.2"', 'CODECS="mp4a.40.5"')(folder)
    result = CliRunner().invoke(command, arguments, obj=None, standalone_mode=False)
    assert result.return_value == 5
    assert "AGREE-2" in result.output


@pytest.mark.parametrize("kind", ["hls", "dash"])
def test_what_ffmpeg_writes(ffmpeg: str, song_pcm: Any, tmp_path: Path, kind: str) -> None:
    """A packager by other hands: it is read, heard, and its one known fault for songs is found."""
    options = {
        "hls": "-f hls -hls_time 2 -hls_playlist_type vod -hls_segment_type fmp4 -master_pl_name all.m3u8 media.m3u8",
        "dash": "-f dash -seg_duration 2 all.mpd",
    }[kind]
    source = "-v error -f s16le -ar 44100 -ac 2 -i - -c:a aac -b:a 96k"
    subprocess.run(
        [ffmpeg, *f"{source} {options}".split()], input=song_pcm.tobytes(), cwd=tmp_path, check=True
    )
    report = run(tmp_path)
    assert report.presentation is not None
    (rendition,) = report.presentation.renditions
    assert (rendition.codec, rendition.channels, len(rendition.segments)) == ("mp4a.40.2", 2, 6)
    assert not {rule for rule in rules(report) if rule.startswith(("SOUND-", "FILE-", "CENC-"))}
    assert {"hls": "BOX-11", "dash": "CMAF-7"}[kind] in rules(report), report.findings
