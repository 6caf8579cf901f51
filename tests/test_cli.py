"""The front door: settings in their order, errors as one line and an exit code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import cli
from media.errors import SettingsError


def tonearm(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    import os

    return subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(Path(cli.__file__).parent)} | environment,
        timeout=60,
    )


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_loads_and_explains_itself(name: str) -> None:
    result = CliRunner().invoke(cli.root, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert "Usage:" in result.output


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_option_has_a_help_text(name: str) -> None:
    context = click.Context(cli.root)
    command = cli.root.get_command(context, name)
    assert command is not None
    commands = [command, *(command.commands.values() if isinstance(command, click.Group) else [])]
    silent = [
        f"{each.name} {parameter.name}"
        for each in commands
        for parameter in each.params
        if isinstance(parameter, click.Option) and not parameter.help
    ]
    assert not silent


def test_settings_file_feeds_options_and_environment_goes_before_it(tmp_path: Path) -> None:
    (tmp_path / "tonearm.toml").write_text('[publish]\nto = "nonsense://from-file"\n')
    master = tmp_path / "song.wav"
    master.write_bytes(b"")
    from_file = tonearm("publish", str(master), cwd=tmp_path)
    assert "nonsense://from-file" in from_file.stderr
    from_environment = tonearm(
        "publish", str(master), cwd=tmp_path, TONEARM_PUBLISH_TO="other://from-environment"
    )
    assert "other://from-environment" in from_environment.stderr
    from_option = tonearm("publish", str(master), "--to", "third://from-option", cwd=tmp_path)
    assert "third://from-option" in from_option.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[publihs]\n", "no command is named 'publihs'"),
        ("[publish]\nlader = 1\n", "[publish] has no option 'lader'"),
        ("publish = 3\n", "[publish] is not a table"),
        ("[publish\n", "tonearm.toml"),
    ],
)
def test_a_wrong_settings_file_is_one_line_and_exit_code_2(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "tonearm.toml").write_text(text)
    done = tonearm("publish", str(tmp_path), "--to", "x", cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_wrong_usage_is_exit_code_2(tmp_path: Path) -> None:
    assert tonearm("publish", cwd=tmp_path).returncode == 2
    assert tonearm("publish", "no-such-file.flac", "--to", "x", cwd=tmp_path).returncode == 2
    assert tonearm("sing", cwd=tmp_path).returncode == 2


@pytest.mark.parametrize("arguments", [("publish", ".", "--to", "store"), ("serve", "--store", "store")])
def test_a_home_that_cannot_be_made_is_one_line(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "song.wav").write_bytes(b"")
    done = tonearm("--home", str(tmp_path / "song.wav" / "home"), *arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"tonearm: {tmp_path}")
    assert len(done.stderr.strip().splitlines()) == 1


def test_an_unreadable_settings_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="gone"):
        cli.read_settings(tmp_path / "gone.toml")
