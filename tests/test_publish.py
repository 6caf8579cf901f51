"""``tonearm publish`` from outside: real masters in, a store out, every outcome said."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import wave
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy
import pytest

ROOT = Path(__file__).resolve().parent.parent
PROTECTIONS = ["cbcs", "cenc", "aes-128", "none"]


def tune(path: Path, seconds: float = 3.2, seed: int = 1, rate: int = 44100) -> Path:
    """A short stereo WAV with something in it: three decaying partials and a little noise."""
    t = numpy.arange(int(seconds * rate)) / rate
    rng = numpy.random.default_rng(seed)
    left = sum(numpy.sin(2 * numpy.pi * 220 * seed * n * t) / n for n in (1, 2, 3)) * numpy.exp(
        -(t % 0.5) * 4
    )
    sound = numpy.stack([left, numpy.roll(left, 300)], axis=1) * 0.25 + rng.normal(0, 0.002, (len(t), 2))
    with wave.open(str(path), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((sound * 32767).astype("<i2").tobytes())
    return path


def publish(*arguments: str | Path, home: Path | None = None) -> tuple[int, list[dict[str, Any]], str]:
    environment = os.environ | ({"TONEARM_HOME": str(home)} if home else {})
    done = subprocess.run(
        [sys.executable, "-m", "cli", "publish", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        timeout=110,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def on_a_terminal(*arguments: str) -> tuple[int, str]:
    """The exit code of a command whose standard error is a terminal, and all that it wrote there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "200"},
    )
    os.close(theirs)
    said = b""
    with suppress(OSError):  # EIO: the other side is closed
        while chunk := os.read(ours, 1 << 16):
            said += chunk
    os.close(ours)
    return process.wait(timeout=110), said.decode()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tune(tmp_path_factory.mktemp("masters") / "tune.wav")


@pytest.mark.parametrize(
    "scheme",
    [each if each == "cbcs" else pytest.param(each, marks=pytest.mark.soak) for each in PROTECTIONS],
)
def test_same_inputs_give_the_same_bytes_and_a_second_run_does_no_work(
    master: Path, tmp_path: Path, scheme: str
) -> None:
    home = tmp_path / "home"
    code, (first,), _ = publish(master, "--to", tmp_path / "a", "--protect", scheme, "--json", home=home)
    assert (code, first["status"]) == (0, "published")
    assert first["renditions"] == ["low", "normal", "high", "very_high"]
    assert first["samples"] == int(3.2 * 44100)
    assert first["sample_rate"] == 44100
    assert set(first["manifests"]) == {
        "none": {"hls", "dash"},
        "aes-128": {"hls"},
    }.get(scheme, {"hls", "hls-identity", "dash"})
    for path in first["manifests"].values():
        assert (tmp_path / "a" / path).is_file()

    before = contents(tmp_path / "a")
    code, (again,), _ = publish(master, "--to", tmp_path / "a", "--protect", scheme, "--json", home=home)
    assert (code, again["status"], again["version"]) == (0, "unchanged", first["version"])
    assert contents(tmp_path / "a") == before

    code, (elsewhere,), _ = publish(master, "--to", tmp_path / "b", "--protect", scheme, "--json", home=home)
    assert (code, elsewhere["status"], elsewhere["version"]) == (0, "published", first["version"])
    mutable = f"songs/{first['song_id']}/current.json"
    other = contents(tmp_path / "b")
    assert set(other) == set(before)
    assert [path for path in before if before[path] != other[path] and path != mutable] == []


def test_another_key_or_protection_is_another_version(master: Path, tmp_path: Path) -> None:
    versions = set()
    for home, scheme in (("one", "cbcs"), ("two", "cbcs"), ("one", "cenc")):
        _, (outcome,), _ = publish(
            master, "--to", tmp_path / "store", "--protect", scheme, "--json", home=tmp_path / home
        )
        versions.add(outcome["version"])
    assert len(versions) == 3


def test_one_bad_master_never_stops_the_others(tmp_path: Path) -> None:
    masters = tmp_path / "masters"
    (masters / "deep").mkdir(parents=True)
    tune(masters / "a.wav", 0.4)
    tune(masters / "deep" / "c.wav", 0.4, seed=2)
    (masters / "b.flac").write_bytes(b"this is not music")
    (masters / "notes.txt").write_text("left alone")
    (masters / ".hidden.wav").write_bytes(b"left alone too")
    code, outcomes, errors = publish(masters, "--to", tmp_path / "store", "--json")
    assert code == 3
    assert errors == ""
    said = {Path(outcome["master"]).name: outcome for outcome in outcomes}
    assert {name: outcome["status"] for name, outcome in said.items()} == {
        "a.wav": "published",
        "b.flac": "rejected",
        "c.wav": "published",
    }
    assert "b.flac" in said["b.flac"]["reason"]
    assert len(list((tmp_path / "store" / "songs").iterdir())) == 2


def test_a_pipe_stays_quiet_when_all_is_well(master: Path, tmp_path: Path) -> None:
    assert publish(master, "--to", tmp_path / "store") == (0, [], "")


def test_a_pipe_hears_of_a_bad_master_by_its_path_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "disc 1" / ("long " * 30)
    folder.mkdir(parents=True)
    (folder / "01.flac").write_bytes(b"this is not music")
    code, _, errors = publish(tmp_path, "--to", tmp_path / "store", home=tmp_path / "home")
    assert code == 3
    line, total = errors.splitlines()
    assert line.split() == f"rejected {folder / '01.flac'} not-audio: not audio of any kind we know".split()
    assert total.startswith("1 rejected in")


def test_copies_of_a_master_are_one_song_named_after_the_first_and_a_second_run_does_no_work(
    tmp_path: Path,
) -> None:
    masters, arguments = tmp_path / "masters", ("--to", tmp_path / "store", "--json", "--jobs", "8")
    masters.mkdir()
    original = tune(masters / "b.wav", 0.4)
    for name in ("a.wav", "c.wav"):
        (masters / name).write_bytes(original.read_bytes())
    tune(masters / "other.wav", 0.4, seed=2)  # of the same size
    for name in ("bad1.flac", "bad2.flac"):
        (masters / name).write_bytes(b"this is not music")
    seen = []
    for expected in ("published", "unchanged"):
        code, outcomes, errors = publish(masters, *arguments)
        said = {Path(outcome["master"]).name: outcome for outcome in outcomes}
        assert (code, errors, len(said)) == (3, "", 6)
        assert {name: outcome["status"] for name, outcome in said.items()} == {
            "a.wav": expected,
            "b.wav": "unchanged",
            "c.wav": "unchanged",
            "other.wav": expected,
            "bad1.flac": "rejected",
            "bad2.flac": "rejected",
        }
        assert said["c.wav"]["reason"] == f"the same bytes as {masters / 'a.wav'}"
        assert len({said[name]["version"] for name in ("a.wav", "b.wav", "c.wav")}) == 1
        seen.append(contents(tmp_path / "store"))
    assert seen[0] == seen[1]
    assert [
        b'"title":"a"' in body for path, body in seen[0].items() if path.endswith("presentation.json")
    ].count(True) == 1


def test_a_folder_that_cannot_be_read_is_said_and_stops_nothing(tmp_path: Path) -> None:
    """Here one whose path is too long: root, as whom tests may run, is denied no other."""
    masters = tmp_path / "masters"
    masters.mkdir()
    tune(masters / "a.wav", 0.4)
    (masters / "loop.flac").symlink_to("loop.flac")
    (masters / "dangling.flac").symlink_to("nowhere")
    folder = os.open(masters, os.O_RDONLY)
    for _ in range(17):
        os.mkdir("d" * 250, dir_fd=folder)
        below = os.open("d" * 250, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)
    code, outcomes, errors = publish(masters, "--to", tmp_path / "store", "--json")
    assert (code, errors) == (3, "")
    said = {Path(outcome["master"]).name: (outcome["status"], outcome["reason"]) for outcome in outcomes}
    assert said.pop("a.wav") == ("published", "")
    assert said.pop("loop.flac")[1].endswith(": Too many levels of symbolic links")
    status, reason = said.pop("d" * 250)
    assert (status, reason.rpartition(": ")[2]) == ("rejected", "File name too long")
    assert not said


def test_a_file_name_is_text_on_the_terminal_and_nothing_else(tmp_path: Path) -> None:
    tune(tmp_path / "fine\x1b]0;title\x07.wav", 0.4)
    (tmp_path / "bad\x1b[2J\nname\udcff.flac").write_bytes(b"this is not music")
    code, said = on_a_terminal("publish", str(tmp_path), "--to", str(tmp_path / "store"))
    assert code == 3
    assert "bad\\x1b[2J\\nname\\udcff.flac" in said
    assert "\x1b]" not in said
    assert "\x1b[2J" not in said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_costs_the_journal_not_the_run(master: Path, tmp_path: Path) -> None:
    journal = tmp_path / "home" / "journal"
    journal.mkdir(parents=True)
    (journal / "publish.jsonl").symlink_to("/dev/full")
    code, outcomes, errors = publish(master, "--to", tmp_path / "store", "--json", home=tmp_path / "home")
    assert (code, [outcome["status"] for outcome in outcomes]) == (0, ["published"])
    assert errors == f"{journal / 'publish.jsonl'}: No space left on device; the journal is not complete\n"


def test_an_empty_folder_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    code, outcomes, errors = publish(tmp_path / "nothing", "--to", tmp_path / "store")
    assert (code, outcomes) == (2, [])
    assert "no masters" in errors


def test_a_store_that_cannot_be_written_fails_and_leaves_no_temporary_files(
    master: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "songs").write_text("a file where the songs should be")
    code, outcomes, _ = publish(master, "--to", tmp_path / "store", "--json")
    assert (code, [outcome["status"] for outcome in outcomes]) == (3, ["failed"])
    assert list((tmp_path / "tmp").iterdir()) == []


BAD = {
    "corrupt-middle.flac": "corrupt",
    "digital-silence.flac": "silent",
    "empty.wav": "empty",
    "header-only.wav": "no-samples",
    "lying-data-size.wav": "header-lies",
    "random.mp3": "not-audio",
    "text-named.flac": "not-audio",
    "truncated.flac": "truncated",
    "video-only.mp4": "no-audio-stream",
}


def test_each_bad_master_has_its_own_reason_and_nothing_becomes_visible(
    bad_masters: Path, tmp_path: Path
) -> None:
    code, outcomes, _ = publish(bad_masters, "--to", tmp_path / "store", "--json", home=tmp_path / "home")
    assert code == 3
    assert {outcome["status"] for outcome in outcomes} == {"rejected"}
    assert {Path(outcome["master"]).name: outcome["reason"].split(":")[0] for outcome in outcomes} == BAD
    assert [path for path in (tmp_path / "store").rglob("*") if path.is_file()] == []
    keys = subprocess.run(
        [sys.executable, "-m", "cli", "--home", str(tmp_path / "home"), "keys", "list", "--json"],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    assert json.loads(keys.stdout or "[]") == []


def test_a_dry_run_says_what_would_be_written_and_writes_nothing(tmp_path: Path) -> None:
    """Neither to the store nor to the key store."""
    master, store = tune(tmp_path / "tune.wav"), tmp_path / "store"
    code, lines, err = publish(master, "--to", store, "--dry-run", "--json")
    assert (code, err) == (0, "")
    outcome, *notes = lines
    assert outcome["status"] == "planned"
    assert not store.exists()
    keys = [note["key"] for note in notes]
    assert keys[-1] == f"songs/{outcome['song_id']}/current.json"
    assert sum(key.endswith(".m4s") for key in keys) == 4 * 3
    assert {note["cache_control"] for note in notes} == {"no-cache", "public, max-age=31536000, immutable"}
    code, keys_there, _ = run_keys()
    assert (code, keys_there) == (0, [])


def run_keys() -> tuple[int, list[str], str]:
    done = subprocess.run(
        [sys.executable, "-m", "cli", "keys", "list"], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    return done.returncode, done.stdout.splitlines(), done.stderr
