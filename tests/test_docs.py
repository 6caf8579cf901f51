"""The documentation, held against what is there: links, commands, options, make targets, routes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import cli
from control_api.app import Api
from control_api.database import Database
from control_api.endpoint import Access
from drm.key_store import KeyStore
from media.registry import open_store
from origin.tokens import TokenKeys

ROOT = Path(__file__).resolve().parent.parent
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub names them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pages
def test_relative_links_resolve(page: Path) -> None:
    missing = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            missing.append(target)
    assert missing == []


def code(page: Path) -> Iterator[str]:
    """Every command line of a page: indented, in a fence behind ``$``, or between backticks."""
    text = page.read_text()
    yield from re.findall(r"^(?:    |\$ )(.+)$", text, re.MULTILINE)
    yield from re.findall(r"`([^`\n]+)`", text)


def tonearm_calls(page: Path) -> Iterator[tuple[list[click.Command], list[str]]]:
    """The commands that a call of ``tonearm`` names, outermost first, and its options."""
    for line in code(page):
        for call in re.findall(r"(?:^|[\s;(])tonearm ([a-z].*)", line):
            words = re.split(r"\s+#|[|;&]", call.replace("\\|", " "))[0]
            named: list[click.Command] = [cli.root]
            options = []
            for word in words.split():
                if word.startswith("--"):
                    options.append(word.strip("[]").partition("=")[0])
                elif isinstance(named[-1], click.Group):
                    found = named[-1].get_command(click.Context(named[-1]), word.strip("`,.]"))
                    assert found is not None or len(named) > 1, f"{page.name}: tonearm {words}"
                    named += [found] if found is not None else []
            yield named, options


@pages
def test_commands_and_options_are_there(page: Path) -> None:
    for named, options in tonearm_calls(page):
        known = {
            option
            for command in named
            for each in command.params
            for option in (*each.opts, *each.secondary_opts)
        } | {
            "--help",
            "--version",
        }
        assert set(options) <= known, f"{named[-1].name}: {sorted(set(options) - known)}"


def test_the_readme_has_every_command() -> None:
    table = (ROOT / "README.md").read_text()
    assert [name for name in cli.COMMANDS if not re.search(rf"`(tonearm )?{name}\b", table)] == []


@pages
def test_make_targets_are_there(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in code(page):
        if call := re.match(r"make ([a-z][^#]*)", line):
            words = [word for word in call[1].split() if "=" not in word]
            assert set(words) <= targets, line


def test_the_table_of_routes_is_that_of_the_api(tmp_path: Path) -> None:
    needs = {Access.ANYONE: "–", Access.ACCOUNT: "session", Access.ADMIN: "session of an admin"}
    api = Api(
        store=open_store(f"file:{tmp_path}"),
        database=Database("sqlite+aiosqlite://"),
        key_store=KeyStore(tmp_path / "keys", bytes(32)),
        token_keys=TokenKeys({"k": bytes(32)}, "k"),
        session_key=bytes(32),
    )
    served = {
        (each.method, each.path, "stream token" if "{token}" in each.path else needs[each.access])
        for each in api.operations
    }
    section = (ROOT / "docs/api.md").read_text().partition("## Control API")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([A-Z]+) \| `([^`]+)` \| ([^|]+) \|", section, re.MULTILINE)
    assert {*rows} == served
    assert len(rows) == len(served)


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs/decisions"
    index = (folder / "README.md").read_text()
    assert [page.name for page in folder.glob("0*.md") if f"({page.name})" not in index] == []
