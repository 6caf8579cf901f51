"""What the player page's server promises: the right types, fresh pages at the price of a 304, and a strict policy."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession

import web
from media.serving import application, listening

PARTS = sorted(path.name for path in web.FOLDER.iterdir() if path.name != web.PAGE)


@pytest.fixture
async def page() -> AsyncIterator[tuple[ClientSession, str]]:
    async with (
        listening(application("test", web.routes()), "127.0.0.1", 0) as port,
        ClientSession() as client,
    ):
        yield client, f"http://127.0.0.1:{port}"


async def test_the_page_and_every_part_of_it_has_its_type_and_may_not_be_guessed(
    page: tuple[ClientSession, str],
) -> None:
    client, root = page
    for name in ["", *PARTS]:
        async with client.get(f"{root}/player/{name}" if name else root) as answer:
            assert answer.status == 200
            assert answer.content_type == web.MEDIA_TYPES[name[name.rfind(".") :] if name else ".html"]
            assert answer.charset == "utf-8"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Cache-Control"] == "no-cache"


async def test_a_page_that_did_not_change_costs_a_304(page: tuple[ClientSession, str]) -> None:
    client, root = page
    async with client.get(root) as first:
        etag = first.headers["ETag"]
    async with client.get(root, headers={"If-None-Match": etag}) as second:
        assert (second.status, await second.read()) == (304, b"")
        assert second.headers["ETag"] == etag
        assert "Content-Security-Policy" in second.headers
    async with client.get(root, headers={"If-None-Match": '"of another release"'}) as third:
        assert third.status == 200


async def test_head_has_the_length_and_no_body(page: tuple[ClientSession, str]) -> None:
    client, root = page
    async with client.get(root) as whole, client.head(root) as head:
        assert head.headers["Content-Length"] == str(len(await whole.read()))
        assert await head.read() == b""


@pytest.mark.parametrize(
    "path", ["/player/", "/player/nothing.js", "/player/../__init__.py", "/player/%2e%2e/__init__.py"]
)
async def test_nothing_else_is_served(page: tuple[ClientSession, str], path: str) -> None:
    client, root = page
    async with client.get(root + path) as answer:
        assert answer.status == 404
        assert answer.content_type == "application/problem+json"


def test_the_policy_allows_no_inline_script_and_no_foreign_address() -> None:
    policy = dict(directive.split(" ", 1) for directive in web.POLICY.split("; "))
    assert policy["default-src"] == "'self'"
    assert policy["media-src"] == "'self' blob:"
    assert "unsafe" not in web.POLICY
    assert "://" not in web.POLICY


def test_the_page_works_offline_and_within_its_policy() -> None:
    """No address of another host anywhere, no inline script or style, and every part it names is there."""
    xml = "http://www.w3.org/2000/svg"
    for name in [web.PAGE, *PARTS]:
        text = (web.FOLDER / name).read_text().replace(xml, "")
        assert not re.search(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", text), name
    text = (web.FOLDER / web.PAGE).read_text()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", text)
    assert set(re.findall(r'"/player/([^"]+)"', text)) <= set(PARTS)
    imported = {
        name for part in PARTS for name in re.findall(r'from "\./([^"]+)"', (web.FOLDER / part).read_text())
    }
    assert imported <= set(PARTS)
    assert imported | {"app.js"} == {part for part in PARTS if part.endswith(".js")}, (
        "a module that nobody uses"
    )


@pytest.mark.parametrize("part", [part for part in PARTS if part.endswith(".js")])
def test_every_module_says_what_it_does(part: str) -> None:
    assert (web.FOLDER / part).read_text().startswith("/**")
