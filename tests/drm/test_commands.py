"""``tonearm keys``: what it shows, and that it shows no key unless asked."""

from __future__ import annotations

import io
import json
import re
import stat
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from drm.commands import keys
from drm.key_store import KeyStore
from media.errors import KeyMissing, SettingsError

HEX_KEY = re.compile(r"\b[0-9a-f]{32}\b")


@dataclass
class Context:
    folder: Path
    console: Console

    def key_store(self) -> KeyStore:
        return KeyStore(self.folder, bytes(32), now_ms=lambda: 1_700_000_000_000)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(tmp_path / "keys", Console(file=io.StringIO(), width=200))


def run(context: Context, *arguments: str) -> tuple[Result, str]:
    """The result, and everything that was printed anywhere."""
    result = CliRunner().invoke(keys, arguments, obj=context)
    assert isinstance(context.console.file, io.StringIO)
    return result, result.output + context.console.file.getvalue()


def test_create_twice_gives_one_key_and_prints_none(context: Context) -> None:
    first, printed = run(context, "create", "song.a", "--json")
    second, _ = run(context, "create", "song.a", "--json")
    row = json.loads(first.stdout)
    assert row == {
        "kid": str(context.key_store().for_scope("song.a").kid),
        "scope": "song.a",
        "created": "2023-11-14T22:13:20+00:00",
    }
    assert second.stdout == first.stdout
    assert not HEX_KEY.search(printed)


def test_people_see_a_line_a_key_without_the_key(context: Context) -> None:
    made = [
        context.key_store().for_scope(scope) for scope in ("song.a", "[bold]song.b[/]" + "x" * 200, "c\nd")
    ]
    result, printed = run(context, "list")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert {line.split()[0]: line.split()[1] for line in lines} == {
        str(key.kid): key.scope.replace("\n", "\\n") for key in made
    }
    assert not HEX_KEY.search(printed)


def test_an_empty_scope_is_wrong_usage(context: Context) -> None:
    result, _ = run(context, "create", " ")
    assert result.exit_code == click.UsageError.exit_code
    assert context.key_store().list() == []


def test_a_key_shows_itself_only_when_asked(context: Context) -> None:
    key = context.key_store().for_scope("song.a")
    _, printed = run(context, "show", str(key.kid), "--json")
    assert key.key.hex() not in printed
    _, printed = run(context, "show", str(key.kid))
    assert key.key.hex() not in printed
    revealed, _ = run(context, "show", str(key.kid), "--reveal", "--json")
    assert json.loads(revealed.stdout)["key"] == key.key.hex()
    _, printed = run(context, "show", str(key.kid), "--reveal")
    assert key.key.hex() in printed


def test_an_unknown_kid_and_a_kid_that_is_none(context: Context) -> None:
    result, _ = run(context, "show", "00112233-4455-4677-8899-aabbccddeeff")
    assert isinstance(result.exception, KeyMissing)
    result, _ = run(context, "show", "nonsense")
    assert result.exit_code == click.UsageError.exit_code


def test_export_writes_a_file_for_the_owner_alone(context: Context, tmp_path: Path) -> None:
    made = [context.key_store().for_scope(scope) for scope in ("song.a", "song.b")]
    out = tmp_path / "exported.json"
    _, printed = run(context, "export", "--out", str(out))
    assert json.loads(out.read_text()) == {str(key.kid): key.key.hex() for key in made}
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert not HEX_KEY.search(printed)

    again, _ = run(context, "export", "--out", str(out))
    assert isinstance(again.exception, SettingsError)
    assert str(again.exception) == f"{out}: File exists"


def test_export_of_one_key_for_shaka_packager(context: Context, tmp_path: Path) -> None:
    chosen, _ = (context.key_store().for_scope(scope) for scope in ("song.a", "song.b"))
    out = tmp_path / "keys.txt"
    run(context, "export", str(chosen.kid), "--out", str(out), "--format", "shaka")
    assert out.read_text() == f"label={chosen.kid}:key_id={chosen.kid.hex}:key={chosen.key.hex()}\n"
