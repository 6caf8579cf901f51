"""Content steering: the document, its file, and changes of the file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from media.errors import SettingsError
from media.ports import ObjectStore
from origin.app import Options
from origin.steering import load


def write(path: Path, text: str) -> None:
    """Replace the file in one step, as an operator's tool should."""
    new = path.with_suffix(".new")
    new.write_text(text)
    os.replace(new, path)


async def test_the_document_follows_its_file(
    published: ObjectStore, tmp_path: Path, serve: Any, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "steering.toml"
    write(file, 'ttl = 120\npriority = ["cdn-a", "cdn-b"]')
    async with serve(published, Options(steering=file)) as origin:
        status, headers, body = await origin.ask("/steering/hls?_HLS_pathway=cdn-b&_HLS_throughput=5000000")
        assert (status, headers["Content-Type"], headers["Cache-Control"]) == (
            200,
            "application/json; charset=utf-8",
            "no-cache",
        )
        assert headers["Access-Control-Allow-Origin"] == "*"
        assert json.loads(body) == {
            "VERSION": 1,
            "TTL": 120,
            "RELOAD-URI": "/steering/hls",
            "PATHWAY-PRIORITY": ["cdn-a", "cdn-b"],
        }
        write(file, 'priority = ["cdn-b", "cdn-a"]')
        document = json.loads((await origin.ask("/steering/dash"))[2])
        assert (document["TTL"], document["PATHWAY-PRIORITY"]) == (300, ["cdn-b", "cdn-a"])
        for broken in ("priority = [", "priority = []"):
            write(file, broken)
            assert json.loads((await origin.ask("/steering/dash"))[2]) == document
        file.unlink()
        assert json.loads((await origin.ask("/steering/dash"))[2]) == document
        assert caplog.text.count("steering stays as it was") == 3


async def test_without_a_file_there_is_nothing(origin: Any) -> None:
    assert (await origin.ask("/steering/hls"))[0] == 404


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "priority"),
        ('priority = "a"', "priority"),
        ('priority = ["a", "a"]', "priority"),
        ('priority = ["a b"]', "priority"),
        ("priority = [1]", "priority"),
        ('priority = ["a"]\nttl = 0', "ttl 0"),
        ('priority = ["a"]\nttl = 1.5', "ttl 1.5"),
        ('priority = ["a"]\nttl = true', "ttl True"),
        ('priority = ["a"]\nclones = []', "'clones'"),
        ("priority = [", "steering.toml"),
    ],
)
def test_files_that_make_no_sense(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "steering.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=complaint):
        load(file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        load(tmp_path / "steering.toml")
