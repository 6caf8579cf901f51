"""``tonearm probe``, as a person and as a machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy
import pytest
from click.testing import CliRunner, Result

from ingest.commands import probe
from ingest.ffmpeg import Ffmpeg

Writer = Callable[..., Path]


@pytest.fixture
def run(ffmpeg: Ffmpeg) -> Callable[..., Result]:
    """Invoke the command; its exit status is what it returns, as `cli.main` takes it."""

    def invoke(*arguments: object) -> Result:
        context = SimpleNamespace(ffmpeg=lambda: ffmpeg)
        result = CliRunner().invoke(
            probe, [str(argument) for argument in arguments], obj=context, standalone_mode=False
        )
        if result.exception is not None:
            raise result.exception
        return result

    return invoke


def test_one_object_a_master(run: Callable[..., Result], write: Writer, tmp_path: Path) -> None:
    good = write("good.flac", rate=96000, tags={"title": "A [bold]title[/]"})
    silent = write("silent.flac", numpy.zeros((2, 5000)))
    (tmp_path / "text.flac").write_text("no")
    result = run("--json", good, silent, tmp_path / "text.flac", tmp_path / "none.flac")
    assert result.return_value == 3
    first, second, third, fourth = map(json.loads, result.stdout.splitlines())
    assert (first["status"], first["reason"], first["message"]) == ("good", None, None)
    assert (first["codec"], first["sample_rate"], first["bits"]) == ("flac", 96000, 16)
    assert first["declared_samples"] == 48_000
    assert first["programme"] == {"samples": 24_000, "sample_rate": 48000}
    assert first["tags"]["title"] == "A [bold]title[/]"
    assert first["loudness"]["integrated_lufs"] < 0
    assert (second["status"], second["reason"], second["codec"]) == ("rejected", "silent", "flac")
    assert (third["status"], third["reason"]) == ("rejected", "not-audio")
    assert (fourth["status"], fourth["reason"]) == ("rejected", "unreadable")
    assert str(tmp_path / "none.flac") in fourth["message"]


def test_a_table_for_people(run: Callable[..., Result], write: Writer) -> None:
    """What a file says of itself is shown as it stands, not read as markup."""
    result = run(write("good.flac", rate=48000, tags={"title": "A [bold]title[/] [/nonsense]"}))
    assert result.return_value == 0
    assert "A [bold]title[/] [/nonsense]" in result.stdout
    assert "0:00.500 (24000 samples at 48000 Hz)" in result.stdout
    assert "LUFS" in result.stdout


def test_the_reason_for_people(run: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "not-utf8-\udcff.wav").write_bytes(b"")
    result = run(tmp_path / "not-utf8-\udcff.wav")
    assert result.return_value == 3
    assert "the file is empty" in result.stdout


def test_several_masters_are_summed_up_for_people_only(
    run: Callable[..., Result], write: Writer, tmp_path: Path
) -> None:
    masters = write("good.flac"), tmp_path
    result = run(*masters)
    assert result.return_value == 3
    assert "a folder, not a file" in result.stdout
    assert result.stdout.splitlines()[-1] == "1 of 2 masters can be published"
    assert all(json.loads(line) for line in run("--json", *masters).stdout.splitlines())


def test_the_ffmpeg_that_fails_is_not_the_masters_fault(write: Writer, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\nexit 9\n")
    broken.chmod(0o755)
    context = SimpleNamespace(ffmpeg=lambda: Ffmpeg(str(broken), "1"))
    result = CliRunner().invoke(probe, ["--json", str(write("a.flac"))], obj=context, standalone_mode=False)
    report = json.loads(result.stdout)
    assert (result.return_value, report["status"], report["reason"]) == (3, "failed", "transcode-failed")


def test_no_master_is_wrong_usage() -> None:
    assert CliRunner().invoke(probe, []).exit_code == 2
