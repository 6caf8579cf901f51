"""Paths that try to leave the store, or to be read in two ways: over a raw socket, so that no client tidies them up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

V1 = "1111111111111111"


@pytest.mark.parametrize(
    "target",
    [
        b"/songs/../outside/secret",
        b"/songs/../../outside/secret",
        b"/songs/abc/../../../outside/secret",
        b"/songs/./abc/current.json",
        b"/songs/abc/%2e%2e/abc/current.json",
        b"/songs/%2E%2E/%2e%2e/outside/secret",
        b"/songs/.%2e/x",
        b"/songs/..%2f..%2foutside%2fsecret",
        b"/songs/abc%2fcurrent.json",
        b"/songs/abc/..%5c..%5cx",
        b"/songs/abc\\current.json",
        b"/songs//abc/current.json",
        b"/songs/abc//current.json",
        b"/songs/abc/",
        b"/songs/%00",
        b"/songs/abc/current.json%00.m4s",
        b"/songs/abc/%0d%0aX:y",
        b"/songs/%c0%ae%c0%ae/x",
        b"/songs/%c0%af",
        b"/songs/%e0%80%af",
        b"/songs/%ed%a0%80",
        b"/songs/%ff",
        b"/songs/%",
        b"/songs/%2",
        b"/songs/%zz",
        b"/songs/.tonearm-lock",
        b"/songs/" + b"a" * 300,
        b"http://origin/songs/../outside/secret",
        b"/%73ongs/%2e%2e/outside/secret",
    ],
)
async def test_paths_that_mean_something_else_than_they_say(
    origin: Any, tmp_path: Path, target: bytes
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("nobody reads this")
    status, body = await origin.raw(target)
    assert status in (400, 404)
    assert json.loads(body)["status"] == status
    assert b"nobody reads this" not in body


@pytest.mark.parametrize(
    "target",
    [b"/songs/\0", b"/songs/a b", b"/songs/\xc3\xa9", b"/songs/\xff", b"songs/abc/current.json", b"", b"*"],
)
async def test_requests_that_are_not_http(origin: Any, target: bytes) -> None:
    status, body = await origin.raw(target)
    assert status == 400
    assert b"version" not in body
    # Ours or aiohttp's own refusal: a problem document, and nothing of the request in it.
    document = json.loads(body)
    assert document["status"] == 400
    assert "songs" not in document["detail"]


async def test_the_same_path_in_other_words(origin: Any) -> None:
    """Escapes of unreserved characters, a query, and the absolute form (RFC 3986 §6.2.2.2, RFC 9112 §3.2.2)."""
    for target in (
        b"/songs/abc/current%2Ejson",
        b"/songs/%61bc/current.json?x=/../y",
        b"http://origin/songs/abc/current.json",
        b"/%73ongs/abc/current.json",
    ):
        status, body = await origin.raw(target)
        assert (status, json.loads(body)["version"]) == (200, V1)


async def test_links_out_of_the_store(origin: Any, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.m4s").write_text("secret")
    (folder / "songs" / "abc" / "out").symlink_to(tmp_path)
    (folder / "songs" / "abc" / "out.m4s").symlink_to(tmp_path / "secret.m4s")
    for path in ("/songs/abc/out/secret.m4s", "/songs/abc/out.m4s"):
        status, _, body = await origin.ask(path)
        assert (status, json.loads(body)["status"]) == (404, 404)
