"""The registry opens what a person wrote, and nothing that came out of a manifest or a request."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from media.errors import SettingsError
from media.registry import STORES, open_store

ROOT = Path(__file__).resolve().parents[2]
ROOMS = [
    "commands",
    "control_api",
    "drm",
    "edge_sim",
    "ingest",
    "manifests",
    "media",
    "origin",
    "packager",
    "web",
]


def test_only_commands_open_stores() -> None:
    """Nobody else has it at hand, so no address out of a manifest or a request can reach it."""
    importers = {
        path.relative_to(ROOT)
        for path in [
            *(ROOT / "pipeline.py", ROOT / "cli.py"),
            *(p for room in ROOMS for p in (ROOT / room).rglob("*.py")),
        ]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == "media.registry"
    }
    assert importers
    assert [path for path in importers if path.name != "commands.py" and path.parts[0] != "commands"] == []


@pytest.mark.parametrize("url", ["http://example.org/x", "FILES:x", "sqlite:x"])
def test_an_unknown_scheme_is_said_with_those_there_are(url: str) -> None:
    with pytest.raises(SettingsError, match="file, minio, s3"):
        open_store(url)


def test_a_plain_path_is_a_folder(tmp_path: Path) -> None:
    assert repr(open_store(str(tmp_path))) == repr(open_store(f"file:{tmp_path}"))
    assert "file" in STORES
