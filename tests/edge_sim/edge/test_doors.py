"""Who may come in: tokens, public objects, canonical paths; and what passes through to the control API."""

from __future__ import annotations

import json

import pytest


async def test_the_token_is_verified_before_anything_else(talk, origin, clock):
    origin.says("x", b"x")
    await talk.get("x")
    good = talk.token
    for bad in (good[:-1], "A" * 79, talk.sign("songs/other/0123456789abcdef/")):
        talk.token = bad
        answer = await talk.get("x")
        assert (answer.status, answer.headers["Content-Type"]) == (403, "application/problem+json")
    talk.token = good
    clock.ms += 1_800_000
    expired = await talk.get("x")
    assert json.loads(expired.body)["type"].endswith("token-expired")
    assert good.encode() not in expired.body
    assert len(origin.asked("x")) == 1


async def test_public_objects_need_no_token(talk, origin):
    origin.says("public/cover.jpg", b"jpg")
    for cache in ("tonearm-edge; fwd=uri-miss; stored", "tonearm-edge; hit"):
        answer = await talk.ask("/songs/a-song/0123456789abcdef/public/cover.jpg")
        assert (answer.body, answer.cache) == (b"jpg", cache)
    assert (await talk.get("public/cover.jpg")).cache == "tonearm-edge; hit"


@pytest.mark.parametrize(
    "target",
    [
        "/songs/a-song/0123456789abcdef/audio/low/init.mp4",
        "/songs/a-song/current.json",
        "/songs/a-song/0123456789abcdef/public/../audio/init.mp4",
        "/songs/a-song/0123456789abcdef/public/%2e%2e/audio/init.mp4",
        "/songs/a-song/0123456789abcdef/public/x/y",
        "/songs/a-song/public/public/public/x",
        "/songs//0123456789abcdef/public/x",
    ],
)
async def test_the_rest_does(talk, origin, target):
    assert (await talk.ask(target)).status in (400, 404)
    assert not origin.heard


@pytest.mark.parametrize(
    "name",
    [
        "../../other-song/0123456789abcdef/init.mp4",
        "%2e%2e/%2e%2e/other-song/0123456789abcdef/init.mp4",
        "..%2f..%2fother",
        "audio//init.mp4",
        "./init.mp4",
        ".hidden",
        "a%00b",
        "a%5cb",
        "a%252e",
        "a b",
        "%c0%ae%c0%ae/x",
        "café",
        "x;y",
        "x?/../y#z%",
    ],
)
async def test_no_path_leads_out_of_the_song(talk, origin, name):
    answer = await talk.get(name.replace(" ", "%20"))
    assert answer.status in (400, 403) or [question.path for question in origin.heard] == [
        "songs/a-song/0123456789abcdef/x"
    ]


@pytest.mark.parametrize("name", ["a" * 256, "/".join(["a" * 200] * 6)])
async def test_a_path_too_long_for_any_store_is_the_listeners_fault_not_the_origins(talk, origin, name):
    answer = await talk.get(name)
    assert (answer.status, json.loads(answer.body)["type"].rpartition(":")[2]) == (400, "bad-path")
    assert not origin.heard


async def test_percent_encoding_makes_no_second_copy(talk, origin):
    origin.says("init.mp4", b"init")
    await talk.get("init.mp4")
    assert (await talk.get("%69nit%2Emp4")).cache == "tonearm-edge; hit"


async def test_only_get_and_head(talk, origin):
    origin.says("x", b"x")
    for method in ("POST", "PUT", "DELETE"):
        answer = await talk.get("x", method=method)
        assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD")
    assert not origin.heard


async def test_preflight(talk):
    answer = await talk.get(
        "x", method="OPTIONS", Access_Control_Request_Method="GET", Origin="http://player"
    )
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, "*")


async def test_healthz(talk):
    answer = await talk.ask("/healthz")
    assert (answer.status, json.loads(answer.body)) == (200, {"status": "ok"})


async def test_the_control_api_passes_through_uncached(talk, origin):
    origin.says("/api/v1/sessions", b'{"access_token": "a"}', status=201, headers={"Set-Cookie": "a=b"})
    for _ in range(2):
        answer = await talk.ask(
            "/v1/sessions?x=%2F",
            method="POST",
            body=b"{}",
            Authorization="Bearer b",
            Connection="close, X-Hop",
            X_Hop="1",
            X_Forwarded_Proto="gopher",
        )
        assert (answer.status, answer.body) == (201, b'{"access_token": "a"}')
        assert (answer.cache, answer.headers["Set-Cookie"]) == ("tonearm-edge; fwd=bypass", "a=b")
    assert len(origin.heard) == 2
    question = origin.heard[0]
    assert (question.method, question.body, question.headers["Authorization"]) == ("POST", b"{}", "Bearer b")
    assert "X-Hop" not in question.headers
    # The API grants addresses at the edge, by what the listener calls it.
    assert question.headers["Host"] == talk.base.removeprefix("http://")
    assert question.headers.getall("X-Forwarded-Proto") == ["http"]


async def test_a_redirect_of_the_api_is_the_listeners_to_follow(talk, origin):
    origin.says("/api/v1/old", status=307, headers={"Location": "/v1/new"})
    async with talk.session.get(f"{talk.base}/v1/old", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (307, "/v1/new")
    assert not origin.asked("/api/v1/new")


async def test_licences_and_keys_pass_through_uncached(talk, origin):
    for name, method in (("licence/clearkey", "POST"), ("keys/0000", "GET")):
        path = f"/t/{talk.token}/{name}"
        origin.says(f"/api{path}", b"key", cache_control="no-store")
        for _ in range(2):
            answer = await talk.ask(path, method=method)
            assert (answer.body, answer.cache) == (b"key", "tonearm-edge; fwd=bypass")
        assert [question.method for question in origin.asked(f"/api{path}")] == [method, method]


async def test_an_api_that_is_down(talk, origin):
    await origin.dies()
    answer = await talk.ask("/v1/me")
    assert (answer.status, json.loads(answer.body)["type"].rpartition(":")[2]) == (502, "upstream-failed")
