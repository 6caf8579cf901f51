"""The front door: settings in their order, errors as one line and an exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
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
        ("[publish]\njobs = [1]\n", "[publish] jobs: one value expected"),
        ("[publish]\nto = {a = 1}\n", "[publish] to: one value expected"),
        ("[publish]\nas_json = true\n", "[publish] has no option 'as_json'"),
        ("[publish\n", "tonearm.toml"),
    ],
)
def test_a_wrong_settings_file_is_one_line_and_exit_code_2(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "tonearm.toml").write_text(text)
    done = tonearm("publish", str(tmp_path), "--to", "x", cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def options(command: click.Command, path: str) -> Iterator[tuple[str, click.Option]]:
    """Every option of a command and of those below it, each with the words that lead to it."""
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            yield path, parameter
    if isinstance(command, click.Group):
        for name, nested in command.commands.items():
            yield from options(nested, f"{path} {name}")


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_option_has_its_variable_and_its_line_under_the_name_that_people_know(name: str) -> None:
    command = cli.root.get_command(click.Context(cli.root), name)
    assert command is not None
    for path, option in options(command, name):
        long = max(option.opts, key=len)
        assert long.startswith("--")
        assert option.envvar == f"TONEARM {path} {long[2:]}".replace(" ", "_").replace("-", "_").upper()
        table: object = ["x"] if option.multiple else "x"
        words = [*path.split()[1:], long[2:].replace("-", "_")]
        for word in reversed(words):
            table = {word: table}
        settled = cli.settled(command, table, Path("t.toml"), name)
        for word in words[:-1]:
            settled = settled[word]
        assert list(settled) == [option.name]


def test_a_flag_and_a_store_from_the_environment_and_from_the_file(tmp_path: Path) -> None:
    for variables, settings in (
        ({"TONEARM_DOCTOR_JSON": "1"}, ""),
        ({}, "[doctor]\njson = true\n"),
    ):
        (tmp_path / "tonearm.toml").write_text(settings)
        assert "checks" in json.loads(tonearm("doctor", cwd=tmp_path, **variables).stdout)
    for variables, settings in (
        ({"TONEARM_SERVE_STORE": "nonsense://x"}, ""),
        ({}, '[serve]\nstore = "nonsense://x"\n'),
    ):
        (tmp_path / "tonearm.toml").write_text(settings)
        assert "no backend for 'nonsense'" in tonearm("serve", cwd=tmp_path, **variables).stderr


def test_an_error_is_one_line_whatever_is_in_it(tmp_path: Path) -> None:
    done = tonearm("verify", "no\nsuch\x1b[2Jplace", cwd=tmp_path)
    assert done.returncode == 7
    assert done.stderr.startswith("tonearm: no\\nsuch\\x1b[2Jplace: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_reader_that_leaves_is_no_error_of_ours(tmp_path: Path) -> None:
    """`tonearm … | head`: the exit code of a program that SIGPIPE ended, and not a word."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", "doctor", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path(cli.__file__).parent,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=60) == 141


def test_the_doctor_sees_a_home_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    home = tmp_path / "file" / "home"
    done = tonearm("doctor", "--json", cwd=tmp_path, TONEARM_HOME=str(home))
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert (done.returncode, checks["home"]["status"]) == (1, "broken")
    assert checks["home"]["detail"] == f"{home}: {tmp_path / 'file'} cannot be written to"


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


def test_doctor_prints_the_settings_but_no_secret(tmp_path: Path) -> None:
    (tmp_path / "tonearm.toml").write_text(
        '[origin]\nport = 9000\nstore = "s3://music"\n[play]\npassword = "hunter2"\n'
    )
    said = tonearm("doctor", "--json", cwd=tmp_path).stdout
    checks = {check["name"]: check["detail"] for check in json.loads(said)["checks"]}
    assert checks["setting origin.port"] == "9000"
    assert checks["setting origin.store"] == '"s3://music"'
    assert checks["setting play.password"] == "(set)"
    assert "hunter2" not in said
    assert checks["codings"].startswith("br, ")
