"""``tonearm package`` from outside: encoded files in, a store out, and `verify` as the judge of what lies there."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import imageio_ffmpeg
import pytest

import cli
from drm.cpix import CpixKey, Document, UsageRule, audio_filter, write
from tests.test_publish import tune

KID, KEY = "0a1b2c3d-0000-4000-8000-00000000cafe", "00112233445566778899aabbccddeeff"
GIVEN = ("--key", f"{KID}:{KEY}")
LADDER = {"low": ("-ac", "1", "-b:a", "24k"), "normal": ("-b:a", "96k"), "High": ("-b:a", "160k")}

Call = Callable[..., tuple[int, list[dict[str, Any]], str]]


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """The command line in this process: exit code, standard output, standard error."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # the test process keeps its own handlers

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tonearm", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out, err

    return call


@pytest.fixture
def package(run: Run, tmp_path: Path) -> Call:
    """``package(…)``: exit code, the JSON objects, standard error."""

    def call(*arguments: str | Path, to: str = "out") -> tuple[int, list[dict[str, Any]], str]:
        code, out, err = run("package", *arguments, "--out", tmp_path / to, "--json")
        return code, [json.loads(line) for line in out.splitlines()], err

    return call


@pytest.fixture
def verified(run: Run, tmp_path: Path) -> Callable[..., list[str]]:
    """What `verify` finds in the one song of a store."""

    def call(*arguments: str, store: str = "out") -> list[str]:
        (song,) = (tmp_path / store / "songs").iterdir()
        _, out, err = run("verify", song, "--json", *arguments)
        assert err == ""
        return [f"{each['rule']} {each['place']}: {each['text']}" for each in json.loads(out)["findings"]]

    return call


@pytest.fixture(scope="session")
def ladder(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three renditions of one song in M4A, and it in FLAC, Opus, ALAC and MP3."""
    folder = tmp_path_factory.mktemp("ladder")
    master = tune(folder / "master.wav", seconds=9.1)
    wanted = {f"{name}.m4a": ("-c:a", "aac", *options) for name, options in LADDER.items()}
    wanted |= {"song.flac": (), "song.opus": ("-b:a", "96k"), "alac.m4a": ("-c:a", "alac"), "song.mp3": ()}
    for name, options in wanted.items():
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", master, *options, folder / name]
        subprocess.run(command, check=True, timeout=60)
    return {name: folder / name for name in wanted}


@pytest.fixture
def files(ladder: dict[str, Path]) -> list[Path]:
    return [ladder[f"{name}.m4a"] for name in LADDER]


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "current.json"
    }


@pytest.mark.parametrize("scheme", ["cbcs", "cenc", "aes-128", "none"])
def test_files_become_a_song_that_verify_has_nothing_against(
    package: Call, verified: Callable[..., list[str]], files: list[Path], scheme: str
) -> None:
    code, (song,), err = package(*files, "--protect", scheme)
    assert (code, err, song["status"]) == (0, "", "packaged")
    assert [each["name"] for each in song["renditions"]] == ["low", "normal", "high"]
    assert song["samples"] == round(9.1 * 44100)
    assert song["first_flight"] <= 11_000
    assert len(song["kids"]) == (scheme != "none")
    assert verified() == []
    # A second run finds it there.
    code, (again,), _ = package(*files, "--protect", scheme)
    assert (code, again["status"], again["version"]) == (0, "unchanged", song["version"])


@pytest.mark.parametrize("scheme", ["cbcs", "cenc", "none"])
def test_one_file_for_each_rendition(package: Call, files: list[Path], tmp_path: Path, scheme: str) -> None:
    code, (song,), _ = package(*files, "--protect", scheme, "--single-file")
    assert code == 0
    made = [path.name for path in (tmp_path / "out").rglob("*.m*4*")]
    assert made == ["track.mp4"] * 3
    assert song["segments"] > 3


@pytest.mark.parametrize("name", ["song.flac", "song.opus"])
def test_other_codecs(
    package: Call, verified: Callable[..., list[str]], ladder: dict[str, Path], name: str
) -> None:
    code, (song,), _ = package(ladder[name])
    assert code == 0
    assert song["name"] == "song"
    assert verified() == []


def test_aac_and_flac_of_one_song_are_cut_at_the_same_samples(
    package: Call, ladder: dict[str, Path], tmp_path: Path
) -> None:
    code, (song,), _ = package(ladder["low.m4a"], ladder["song.flac"])
    assert code == 0
    text = (tmp_path / "out" / song["manifests"]["dash"]).read_text()
    assert text.count("<AdaptationSet") == 2
    assert text.count('segmentAlignment="true"') == 2


def test_the_same_files_and_key_give_the_same_bytes_in_any_order(
    package: Call, files: list[Path], tmp_path: Path
) -> None:
    for scheme in ("cbcs", "cenc"):
        package(*files, *GIVEN, "--protect", scheme, to=f"one-{scheme}")
        package(*reversed(files), *GIVEN, "--protect", scheme, to=f"two-{scheme}")
        assert tree(tmp_path / f"one-{scheme}") == tree(tmp_path / f"two-{scheme}")


def test_a_named_iv_is_the_first_renditions_and_none_is_used_twice(
    package: Call, verified: Callable[..., list[str]], files: list[Path], tmp_path: Path
) -> None:
    package(*files, *GIVEN, "--iv", "ab" * 16)
    document = next((tmp_path / "out").rglob("presentation.json"))
    ivs = [each["iv"] for each in json.loads(document.read_text())["renditions"]]
    assert ivs == ["ab" * 16, "ab" * 15 + "ac", "ab" * 15 + "ad"]
    assert verified(*GIVEN) == []
    package(*files, *GIVEN, "--protect", "cenc", "--iv", "ab" * 8, to="cenc")
    assert verified(*GIVEN, store="cenc") == []
    code, (refused,), _ = package(*files, *GIVEN, "--protect", "cenc", "--iv", "ab" * 16, to="none")
    assert (code, refused["reason"].endswith("an IV of 16 bytes; cenc has 8")) == (5, True)


def test_every_drm_system_is_told_everywhere(package: Call, files: list[Path], tmp_path: Path) -> None:
    urls = ("--license-url", "https://clear.example/", "--license-url", "playready=https://pr.example/rm")
    code, (song,), _ = package(*files, *GIVEN, "--drm", "widevine,playready,fairplay", *urls)
    assert (code, song["systems"]) == (0, ["widevine", "playready", "fairplay"])
    folder = tmp_path / "out" / song["manifests"]["hls"]
    multivariant = folder.read_text()
    assert multivariant.count("#EXT-X-SESSION-KEY") == 4
    assert f'URI="skd://{KID}"' in multivariant
    assert "https://clear.example/" in multivariant
    mpd = folder.with_name("dash.mpd").read_text()
    assert mpd.count("<ContentProtection ") == 5
    assert "https://pr.example/rm" in mpd
    assert (folder.parent / "audio/low/init.mp4").read_bytes().count(b"pssh") == 3


def test_a_cpix_document_gives_each_rendition_its_key(
    package: Call, files: list[Path], tmp_path: Path
) -> None:
    mono, stereo = UUID(int=1), UUID(int=2)
    rules = (UsageRule(mono, (audio_filter(1, 1),)), UsageRule(stereo, (audio_filter(2, 2),)))
    keys = (CpixKey(mono, b"1" * 16, "cbcs"), CpixKey(stereo, b"2" * 16, "cbcs"))
    document = tmp_path / "keys.xml"
    document.write_bytes(write(Document("song", keys, (), rules)))
    code, (song,), _ = package(*files, "--cpix", document)
    assert code == 0
    assert song["kids"] == [str(mono), str(stereo)]
    # Half of it would be in the clear.
    document.write_bytes(write(Document("song", keys, (), rules[:1])))
    code, (song,), _ = package(*files, "--cpix", document, to="half")
    assert (code, song["reason"]) == (
        5,
        "CPIX: no key for rendition normal, and nothing stays in the clear unasked",
    )
    assert not (tmp_path / "half").exists()


def test_the_words_of_a_song_come_out_of_the_tags_of_its_files(
    package: Call, ladder: dict[str, Path], tmp_path: Path
) -> None:
    tagged = tmp_path / "low.m4a"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", ladder["low.m4a"], "-c", "copy"]
    words = ("-metadata", "title=Salt Air", "-metadata", "artist=Aeolian Harp", "-metadata", "date=2026")
    subprocess.run([*command, *words, tagged], check=True, timeout=60)
    for title, due in ((), "Salt Air"), (("--title", "Another"), "Another"):
        package(tagged, *title, to=due)
        song = json.loads(next((tmp_path / due).rglob("presentation.json")).read_text())["song"]
        assert (song["title"], song["artists"], song["date"]) == (due, ["Aeolian Harp"], "2026")
    package(ladder["song.opus"], to="untagged")
    assert (
        json.loads(next((tmp_path / "untagged").rglob("presentation.json")).read_text())["song"]["title"]
        == "song"
    )


def test_folders_are_songs_and_one_that_is_refused_stops_nobody(
    package: Call, ladder: dict[str, Path], tmp_path: Path
) -> None:
    for name, contents in {
        "one": ["low.m4a", "normal.m4a"],
        "bad": ["song.mp3"],
        "two": ["song.opus"],
    }.items():
        (tmp_path / name).mkdir()
        for each in contents:
            (tmp_path / name / each).symlink_to(ladder[each])
    code, songs, _ = package(*(tmp_path / name for name in ("one", "bad", "two")))
    assert code == 3
    assert [(song["name"], song["status"]) for song in songs] == [
        ("one", "packaged"),
        ("bad", "failed"),
        ("two", "packaged"),
    ]
    assert songs[1]["reason"].startswith(f"{tmp_path}/bad/song.mp3: MP3 or other MPEG audio is not packaged")
    assert len(list((tmp_path / "out" / "songs").iterdir())) == 2


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["alac.m4a"], "alac.m4a: alac: Apple Lossless; no browser plays it in MP4, encode it anew"),
        (["low.m4a", "song.opus"], "rendition song: sample_rate 48000, low has 44100"),
        (["low.m4a", "low.m4a"], "all of them would be rendition low"),
    ],
)
def test_what_cannot_be_packaged_is_refused_by_name_and_leaves_nothing(
    run: Run, package: Call, ladder: dict[str, Path], tmp_path: Path, names: list[str], reason: str
) -> None:
    code, (song,), _ = package(*(ladder[name] for name in names))
    assert (code, song["status"]) == (5, "failed")
    assert reason in song["reason"]
    assert not (tmp_path / "out").exists()
    # And for people: one line.
    code, out, err = run("package", *(ladder[name] for name in names), "--out", tmp_path / "out")
    assert (code, out, err.count("\n")) == (5, "", 1)
    assert reason in err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--protect", "none", *GIVEN], "--protect none goes with no key"),
        (["--protect", "aes-128", "--drm", "widevine"], "--drm needs Common Encryption"),
        (["--drm", "vidwine"], "'vidwine'"),
        (["--iv", "xyz"], "32 hex digits"),
        (["--license-url", "javascript:x"], "is not an address such as"),
        (["--license-url", 'https://x/"'], "is not an address such as"),
        (["--license-url", "vidwine=https://x/"], "'vidwine'"),
        ([*GIVEN, "--key", f"{UUID(int=3)}:{KEY}"], "one --key for all renditions"),
        (["--protect", "cenc", "--drm", "fairplay"], "FairPlay does not decrypt 'cenc'"),
    ],
)
def test_usage_that_makes_no_sense(
    package: Call, files: list[Path], tmp_path: Path, arguments: list[str], reason: str
) -> None:
    code, songs, err = package(*files, *arguments)
    assert code == 2
    assert reason in (err or songs[0]["reason"])
    assert not (tmp_path / "out").exists()
