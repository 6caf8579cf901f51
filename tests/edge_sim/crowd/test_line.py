"""Where listeners go and where they do not, and what they make of answers that are none; against a server that says what the test wants."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from aiohttp import web

from edge_sim.crowd.chaos import FAULTS
from edge_sim.crowd.clients import CLIENTS
from edge_sim.crowd.clients.score import Ask
from edge_sim.crowd.commands import FAULTS as OFFERED
from edge_sim.crowd.line import line
from edge_sim.player.entrance import understood
from media import start_bundle
from media.errors import FormatError, UpstreamFailed
from media.serving import application, listening


def ask(root: str) -> Ask:
    return Ask(root, "a", {}, lambda kind: {})


@pytest.fixture
async def server():
    """The words of a bundle without media, a grant that says nothing, and 503 for all that they lead to."""
    words: dict[str, Any] = {
        "base_url": "http://127.0.0.1/t/x/songs/a/1/",
        "presentation_url": "presentation.json",
        "license_url": None,
        "license": None,
        "rendition": {
            "name": "low",
            "kid": None,
            "init": {"path": "init.mp4", "offset": 0, "size": 9},
            "first_segment": {"path": "1.m4s", "offset": 0, "size": 9},
        },
    }

    async def start(request: web.Request) -> web.Response:
        return web.Response(body=start_bundle.write(json.dumps(words).encode(), b""))

    async def stream(request: web.Request) -> web.Response:
        return web.json_response({"manifests": {}})

    async def farther(request: web.Request) -> web.Response:
        raise web.HTTPFound("http://8.8.8.8/")

    async def nothing(request: web.Request) -> web.Response:
        raise web.HTTPServiceUnavailable

    table = [
        web.get("/v1/songs/a/start", start),
        web.get("/v1/songs/a/stream", stream),
        web.get("/farther", farther),
        web.get("/{path:.*}", nothing),
    ]
    async with listening(application("test", table), "127.0.0.1", 0) as port:
        yield f"http://127.0.0.1:{port}/"


async def test_a_bundle_without_media_whose_segment_is_refused_is_a_failed_start(server):
    async with line(time.perf_counter_ns) as connection:
        with pytest.raises(UpstreamFailed, match="503"):
            await CLIENTS["bundle"].open(connection, ask(server))


@pytest.mark.parametrize("kind", ["presentation", "hls", "dash"])
async def test_a_grant_that_makes_no_sense_is_one_line(server, kind):
    async with line(time.perf_counter_ns) as connection:
        with pytest.raises(FormatError, match="makes no sense"), understood(kind):
            await CLIENTS[kind].open(connection, ask(server))


@pytest.mark.parametrize("path", ["http://8.8.8.8/", "farther"])
async def test_no_listener_leaves_this_machine_and_its_private_networks(server, path):
    url = path if "://" in path else server + path
    async with line(time.perf_counter_ns) as connection:
        with pytest.raises(UpstreamFailed):
            await connection.get("segment", url)


def test_every_fault_can_be_asked_for():
    assert tuple(FAULTS) == OFFERED
