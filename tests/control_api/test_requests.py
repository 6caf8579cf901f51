"""What requests may not do, whatever they carry: every body and every query of every operation."""

from __future__ import annotations

import gzip
import json
from typing import Any
from urllib.parse import quote

import pytest
from yarl import URL

INJECTIONS = [
    "'; DROP TABLE accounts; --",
    '" OR ""="',
    "%' UNION SELECT password FROM accounts --",
    "<script>alert(1)</script>",
    "{{7*7}} ${7*7} #{7*7}",
    "../../etc/passwd",
    "\u202egnp.exe",
    "ＳＥＬＥＣＴ",
    "𝕌nicode 🎵 नमस्ते",
    "\\u0000 \\x00 %00",
]
BODIES = [
    ("POST", "/v1/accounts"),
    ("POST", "/v1/sessions"),
    ("POST", "/v1/playlists"),
    ("PATCH", "/v1/playlists/{playlist}"),
    ("POST", "/v1/playlists/{playlist}/items"),
    ("PATCH", "/v1/playlists/{playlist}/items"),
    ("POST", "/v1/plays"),
]
DEEP = 20_000


@pytest.fixture
async def playlist(ann: Any) -> str:
    return str((await ann.ok("POST", "/v1/playlists", 201, json={"title": "Evening"}))["playlist_id"])


async def test_bodies_that_are_no_json_object(ann: Any, playlist: str) -> None:
    as_json = {"Content-Type": "application/json"}
    bodies = [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe{}", 400),
        (b'{"title": "\\ud800"}', 400),  # half a character
        (b"[" * DEEP + b"]" * DEEP, 400),  # nesting
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 400),
        (b"null", 422),
        (b"[]", 422),
        (b"1e999", 422),
        (b'"title"', 422),
        (b'{"title": NaN}', 422),
        (b" " * 70_000 + b"{}", 413),
        (b'{"title": "' + b"a" * 70_000 + b'"}', 413),
    ]
    for method, path in BODIES:
        for body, status in bodies:
            where = path.format(playlist=playlist)
            assert (await ann.refused(status, method, where, data=body, headers=as_json))["detail"]


async def test_bodies_of_other_types(ann: Any, playlist: str) -> None:
    for method, path in BODIES:
        for content_type in (
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "text/json",
            "",
        ):
            headers = {"Content-Type": content_type}
            await ann.refused(415, method, path.format(playlist=playlist), data=b"{}", headers=headers)


async def test_compressed_bodies_are_not_unpacked(ann: Any) -> None:
    bomb = gzip.compress(b'{"title": "' + b"a" * 50_000_000 + b'"}')
    for coding, body in [("gzip", bomb), ("gzip", b"garbage"), ("br", b"{}"), ("zstd", b"{}"), ("x", b"{}")]:
        headers = {"Content-Type": "application/json", "Content-Encoding": coding}
        response = await ann.call("POST", "/v1/playlists", data=body, headers=headers)
        assert response.status == 415
        assert response.headers["Accept-Encoding"] == "identity"
    plain = {"Content-Type": "application/json; charset=utf-8", "Content-Encoding": "identity"}
    await ann.ok("POST", "/v1/playlists", 201, data=b'{"title": "Plain"}', headers=plain)


async def test_unknown_members_and_wrong_types_are_named(ann: Any, playlist: str) -> None:
    strange = {"title": 7, "email": ["x"], "song_id": {}, "position": "1", "ms_played": 1.5, "surprise": None}
    for method, path in BODIES:
        problem = await ann.refused(422, method, path.format(playlist=playlist), json=strange)
        extra = {"in": "body", "field": "surprise", "detail": "Extra inputs are not permitted"}
        assert extra in problem["errors"]
        assert all(set(error) == {"in", "field", "detail"} for error in problem["errors"])


async def test_a_problem_does_not_repeat_what_was_sent(stranger: Any) -> None:
    secret = {"email": "ann@example.org", "password": "s3cr3t!", "pin": "4711-secret"}
    response = await stranger.call("POST", "/v1/accounts", json=secret)
    assert response.status == 422
    text = await response.text()
    assert "s3cr3t" not in text
    assert "4711" not in text
    assert response.headers["Cache-Control"] == "no-store"


NO_ACCOUNTS = [
    ("email", "no-at-sign"),
    ("email", "two@@example.org"),
    ("email", "a@b"),
    ("email", "a b@example.org"),
    ("email", "a\n@example.org"),
    ("email", "a" * 65 + "@example.org"),
    ("email", "a@" + "b" * 300 + ".org"),
    ("password", "seven77"),
    ("password", "p" * 257),
    ("region", "no"),
    ("region", "NOR"),
    ("region", "ＮＯ"),
    ("region", "N\n"),
]


async def test_what_an_account_is_not(stranger: Any) -> None:
    for member, value in NO_ACCOUNTS:
        body = {"email": "ann@example.org", "password": "correct horse", "region": "NO"} | {member: value}
        problem = await stranger.refused(422, "POST", "/v1/accounts", json=body)
        assert [error["field"] for error in problem["errors"]] == [member]


async def test_text_is_kept_and_given_back_as_it_is(ann: Any) -> None:
    """No text means anything to SQL, to JSON or to a template; who shows it escapes it."""
    for number, text in enumerate(INJECTIONS):
        made = await ann.ok("POST", "/v1/playlists", 201, json={"title": text, "description": text})
        mine = f"/v1/playlists/{made['playlist_id']}"
        await ann.ok("PATCH", mine, json={"title": text + text})
        response = await ann.call("GET", mine)
        assert response.content_type == "application/json"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        read = await response.json()
        assert (read["title"], read["description"]) == (text + text, text)
        shared = await ann.ok("POST", f"{mine}/share")
        assert (await ann.ok("GET", f"/v1/shared/{shared['share_id']}"))["title"] == text + text
        titles = [item["title"] for item in (await ann.ok("GET", "/v1/playlists"))["items"]]
        assert text + text in titles
        assert len(titles) == number + 1
        credentials = {"email": f"bob{number}@example.org", "password": text + "12345678"}
        await ann.ok("POST", "/v1/accounts", 201, json=credentials)
        await ann.ok("POST", "/v1/sessions", json=credentials)
        await ann.refused(401, "POST", "/v1/sessions", json=credentials | {"password": text})
        assert (await ann.ok("GET", "/v1/search", params={"q": text}))["items"] == []
        assert (await ann.ok("GET", "/v1/autocomplete", params={"q": text}))["items"] == []


async def test_control_characters_are_refused(ann: Any) -> None:
    for character in ("\0", "\n", "\x1b", "\x7f", "\x85"):
        text = f"a{character}b"
        await ann.refused(422, "POST", "/v1/playlists", json={"title": text})
        await ann.refused(422, "POST", "/v1/playlists", json={"title": "x", "description": text})
        await ann.refused(422, "GET", "/v1/search", params={"q": text})
        await ann.refused(422, "GET", "/v1/autocomplete", params={"q": text})


async def test_ids_that_cannot_be(ann: Any) -> None:
    for path in ("/v1/songs/{}", "/v1/songs/{}/stream", "/v1/playlists/{}", "/v1/shared/{}"):
        for text in INJECTIONS:
            url = URL(path.format(quote(text, safe="")), encoded=True)
            await ann.refused(404, "GET", url)


NO_QUERIES = [
    ("/v1/songs", "limit=0"),
    ("/v1/songs", "limit=101"),
    ("/v1/songs", "limit=-1"),
    ("/v1/songs", "limit=1e2"),
    ("/v1/songs", "limit=" + "9" * 400),
    ("/v1/songs", "limit=10&limit=20"),
    ("/v1/songs", "limt=10"),
    ("/v1/songs", "cursor=" + "A" * 2001),
    ("/v1/songs", "cursor=%00"),
    ("/v1/songs", "cursor=W10"),
    ("/v1/search", ""),
    ("/v1/search", "q="),
    ("/v1/search", "q=%20"),
    ("/v1/search", "q=" + "a" * 201),
    ("/v1/search", "q=a&limit=1000000000000000000000"),
    ("/v1/autocomplete", "q=a&limit=x"),
    ("/v1/playlists", "limit=NaN"),
    ("/v1/playlists", "cursor=e30"),
    ("/v1/recommendations", "seed=../x"),
    ("/v1/recommendations", "seed="),
    ("/v1/recommendations", "&".join(f"seed=song-{n}" for n in range(11))),
]


async def test_queries_that_are_not_acceptable(ann: Any) -> None:
    for path, query in NO_QUERIES:
        problem = await ann.refused(422, "GET", URL(f"{path}?{query}", encoded=True))
        assert problem["errors"][0]["in"] == "query"
        assert len(json.dumps(problem)) < 2000


async def test_strange_bytes_in_a_query(ann: Any) -> None:
    for query in ("q=%ff%fe", "q=%ed%a0%80", "q=" + "%F0%9F%8E%B5" * 3):
        response = await ann.call("GET", URL(f"/v1/search?{query}", encoded=True))
        assert response.status in (200, 422)


async def test_unknown_paths_and_methods(ann: Any) -> None:
    await ann.refused(404, "GET", "/v1/nothing")
    response = await ann.call("DELETE", "/v1/songs")
    assert response.status == 405
    assert set(response.headers["Allow"].split(",")) == {"GET", "HEAD"}


async def test_a_page_elsewhere_may_ask(stranger: Any) -> None:
    preflight = {"Origin": "https://player.example", "Access-Control-Request-Method": "PATCH"}
    response = await stranger.call("OPTIONS", "/v1/playlists", headers=preflight)
    assert response.status == 204
    assert "Authorization" in response.headers["Access-Control-Allow-Headers"]
