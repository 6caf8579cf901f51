"""Short conversations between a listener, nginx or Varnish as we configured them, and an origin."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from typing import Any

import pytest

from media.ports import Terms
from media.serving import CORS, PREFLIGHT
from origin.signing.akamai import AkamaiSigner
from origin.tokens import TokenKeys, sign

# A real nginx and a real Varnish for each: half a minute, and so a soak.
pytestmark = pytest.mark.soak

SONG = "songs/a-song/0123456789abcdef/"
SEGMENT = "audio/normal/00001.m4s"
BODY = bytes(range(256)) * 320  # 80 kB: with tcp_nopush, nginx stalled here
IMMUTABLE = "public, max-age=31536000, immutable"
KEYS = TokenKeys({"k1": bytes(range(32))}, "k1")
AKAMAI = AkamaiSigner([bytes(range(32))])
FOREVER = 1 << 42


def said(edge: Any, what: str) -> str:
    return f"tonearm-{edge.kind}; {what}"


def missed(edge: Any) -> str:
    return said(edge, "fwd=uri-miss; stored" if edge.kind == "varnish" else "fwd=uri-miss")


async def test_a_miss_then_hits_whatever_the_token(edge: Any) -> None:
    edge.origin.says(SONG + SEGMENT, BODY, IMMUTABLE)
    first = await edge.get(SEGMENT)
    assert (first.status, first.body, first.cache) == (200, BODY, missed(edge))
    assert (first.headers["Cache-Control"], first.headers["ETag"]) == (IMMUTABLE, '"e"')
    for token in (edge.token(user="u42"), edge.token("songs/"), edge.token(client="127.0.0.1")):
        heard = await edge.ask(f"/t/{token}/{SONG}{SEGMENT}?CMCD=bl%3D100")
        assert (heard.status, heard.body, heard.cache) == (200, BODY, said(edge, "hit"))
    assert edge.origin.asked(SONG + SEGMENT) == 1
    (_, path, headers, _) = edge.origin.heard[0]
    assert path == SONG + SEGMENT
    assert not {"Cookie", "Authorization", "Range"} & set(headers)


async def test_equal_misses_become_one_fetch(edge: Any) -> None:
    line = edge.origin.says(SONG + SEGMENT, BODY, IMMUTABLE)
    line.gate = asyncio.Event()
    target = f"/t/{edge.token()}/{SONG}"
    await edge.ask(target + "nothing.m4s")  # admitted once, so that nothing else holds the eight up
    listeners = [asyncio.create_task(edge.ask(target + SEGMENT)) for _ in range(8)]
    while not edge.origin.asked(SONG + SEGMENT):
        await asyncio.sleep(0)  # the test's timeout is the limit
    for _ in range(8):  # who came before these are answered is waiting
        assert (await edge.ask("/healthz")).status == 200
    line.gate.set()
    assert [(heard.status, heard.body) for heard in await asyncio.gather(*listeners)] == [(200, BODY)] * 8
    assert edge.origin.asked(SONG + SEGMENT) == 1


async def grown_old(edge: Any) -> Any:
    """The first answer that is no plain hit any more, of an object that lives for a second; the test's timeout is the limit."""
    while (heard := await edge.get(SEGMENT)).cache == said(edge, "hit"):
        pass
    return heard


async def test_what_is_old_serves_when_the_origin_is_dead(edge: Any) -> None:
    edge.origin.says(SONG + SEGMENT, BODY, "max-age=1, stale-if-error=86400")
    assert (await edge.get(SEGMENT)).cache == missed(edge)
    await edge.origin.dies()
    for heard in (await grown_old(edge), await edge.get(SEGMENT)):
        assert (heard.status, heard.body) == (200, BODY)
        assert heard.cache == said(edge, "fwd=stale; detail=stale-if-error")
    lost = await edge.get("audio/normal/00002.m4s")
    assert lost.status in (502, 503)
    assert json.loads(lost.body)["type"] == "urn:tonearm:problem:upstream-failed"


async def test_what_is_old_is_asked_for_again_when_the_origin_lives(edge: Any) -> None:
    edge.origin.says(SONG + SEGMENT, b"old", "max-age=1")
    await edge.get(SEGMENT)
    edge.origin.says(SONG + SEGMENT, b"new", "max-age=60", ETag='"n"')
    heard = await grown_old(edge)
    assert (heard.body, heard.cache) == (
        b"new",
        said(edge, "fwd=stale" + missed(edge).partition("uri-miss")[2]),
    )
    assert (await edge.get(SEGMENT)).cache == said(edge, "hit")
    assert edge.origin.asked(SONG + SEGMENT) == 2
    assert edge.origin.heard[1][2].get("If-None-Match") == '"e"'


async def test_while_it_is_fetched_anew_what_is_old_serves_if_the_origin_said_so(edge: Any) -> None:
    edge.origin.says(SONG + SEGMENT, b"old", "max-age=1, stale-while-revalidate=600")
    await edge.get(SEGMENT)
    line = edge.origin.says(SONG + SEGMENT, b"new", "max-age=60", ETag='"n"')
    line.gate = asyncio.Event()
    heard = await grown_old(edge)
    assert (heard.body, heard.cache) == (b"old", said(edge, "hit; detail=stale-while-revalidate"))
    line.gate.set()
    while (await edge.get(SEGMENT)).body != b"new":
        pass
    assert edge.origin.asked(SONG + SEGMENT) == 2


async def test_an_error_of_the_origin_is_not_kept(edge: Any) -> None:
    assert (await edge.get(SEGMENT)).status == 404
    edge.origin.says(SONG + SEGMENT, BODY, IMMUTABLE)
    assert (await edge.get(SEGMENT)).status == 200


async def test_a_range_comes_out_of_the_whole_object(edge: Any) -> None:
    edge.origin.says(SONG + SEGMENT, BODY, IMMUTABLE)
    heard = await edge.get(SEGMENT, Range="bytes=1000-1999")
    assert (heard.status, heard.body) == (206, BODY[1000:2000])
    assert heard.headers["Content-Range"] == f"bytes 1000-1999/{len(BODY)}"
    assert (await edge.get(SEGMENT, Range="bytes=-7")).body == BODY[-7:]
    assert (await edge.get(SEGMENT, Range=f"bytes={len(BODY)}-")).status == 416
    assert (await edge.get(SEGMENT)).body == BODY
    assert edge.origin.asked(SONG + SEGMENT) == 1


async def test_conditions_and_heads_are_answered_from_the_cache(edge: Any) -> None:
    edge.origin.says(SONG + SEGMENT, BODY, IMMUTABLE)
    await edge.get(SEGMENT)
    assert (await edge.get(SEGMENT, If_None_Match='"e"')).status == 304
    head = await edge.ask(f"/t/{edge.token()}/{SONG}{SEGMENT}", method="HEAD")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(BODY)))
    # An edge that everybody may send past its memory protects no origin.
    assert (await edge.get(SEGMENT, Cache_Control="no-cache", Pragma="no-cache")).cache == said(edge, "hit")
    assert edge.origin.asked(SONG + SEGMENT) == 1


async def test_a_token_that_is_no_good_is_refused_and_says_why(edge: Any) -> None:
    edge.origin.says(SONG + SEGMENT, BODY, IMMUTABLE)
    await edge.get(SEGMENT)  # in the cache, and still not for everybody
    good = edge.token()
    for token, slug in (
        (good[:-1] + ("A" if good[-1] != "A" else "B"), "token-invalid"),
        (edge.token(life_ms=-1), "token-expired"),
        (edge.token("songs/other/0123456789abcdef/"), "token-out-of-scope"),
        (edge.token(client="192.0.2.7"), "token-out-of-scope"),
    ):
        heard = await edge.ask(f"/t/{token}/{SONG}{SEGMENT}")
        assert (heard.status, json.loads(heard.body)["type"]) == (403, f"urn:tonearm:problem:{slug}")
        assert heard.headers["Content-Type"] == "application/problem+json"
        assert "no-store" in heard.headers["Cache-Control"]
        assert heard.headers["Access-Control-Allow-Origin"] == "*"
    assert (await edge.ask(f"/{SONG}{SEGMENT}")).status == 403
    assert len(edge.origin.heard) == 1


TRICKS = [
    "/t/{token}/songs/a-song/0123456789abcdef/../../other/0123456789abcdef/x",
    "/t/{token}/songs/a-song/0123456789abcdef/%2e%2e/%2e%2e/other/0123456789abcdef/x",
    "/t/{token}/songs/a-song/0123456789abcdef//x",
    "/t/{token}//songs/a-song/0123456789abcdef/x",
    "/t/{token}/songs/a-song/0123456789abcdef/%78",
    "/t/{token}/songs/a-song%2f0123456789abcdef/x",
    "/t/{token}/songs/other/0123456789abcdef/x#/../../../a-song/0123456789abcdef/x",
    "/t/{token}/metrics",
    "/t//songs/a-song/0123456789abcdef/x",
    "/songs/a-song/0123456789abcdef/public/../x",
    "/songs/a-song/0123456789abcdef/public/%2e%2e/x",
    "/songs/a-song/current.json",
    "/verify",
    "/_tonearm_verify",
    "/metrics",
    "/",
]


async def test_no_trick_with_a_path_opens_anything(edge: Any) -> None:
    for each in ("songs/other/0123456789abcdef/x", SONG + "x", "metrics", "songs/a-song/current.json"):
        edge.origin.says(each, b"secret", IMMUTABLE)
    for path in TRICKS:
        heard = await edge.ask(path.replace("{token}", edge.token()))
        assert heard.status in (400, 403, 404), path
        assert b"secret" not in heard.body, path


async def test_nobody_admits_himself_by_a_header(edge: Any) -> None:
    edge.origin.says(SONG + SEGMENT, BODY, IMMUTABLE)
    forged = {"X_Tonearm_Verified": "token", "X_Tonearm_Leg": "object", "X_Tonearm_Old": "1"}
    forged |= {"X_Original_URI": f"/t/{edge.token()}/{SONG}{SEGMENT}", "X_Real_IP": "192.0.2.7"}
    assert (await edge.ask(f"/{SONG}{SEGMENT}", **forged)).status == 403
    bound = edge.token(client="192.0.2.7")
    assert (await edge.ask(f"/t/{bound}/{SONG}{SEGMENT}", **forged)).status == 403
    assert edge.origin.heard == []


async def test_without_a_verifier_nothing_opens(edge: Any) -> None:
    edge.origin.says(SONG + SEGMENT, BODY, IMMUTABLE)
    await edge.get(SEGMENT)
    await edge.verifier.aclose()
    assert (await edge.ask(f"/t/{edge.token(user='u42')}/{SONG}{SEGMENT}")).status == 503


async def test_a_yes_is_kept_for_the_version_and_never_outlives_its_token(edge: Any) -> None:
    edge.origin.says(SONG + SEGMENT, BODY, IMMUTABLE)
    edge.origin.says(SONG + "init.mp4", b"init", IMMUTABLE)
    expires_ms = time.time_ns() // 1_000_000 + 2_900
    token = sign(SONG, keys=KEYS, expires_ms=expires_ms)
    for name in (SEGMENT, "init.mp4", SEGMENT + "?CMCD=bl%3D1"):
        assert (await edge.ask(f"/t/{token}/{SONG}{name}")).status == 200
    assert len(edge.verified) == 1
    other = "songs/other/0123456789abcdef/init.mp4"
    assert (await edge.ask(f"/t/{token}/{other}")).status == 403
    while (await edge.ask(f"/t/{token}/{SONG}{SEGMENT}")).status == 200:
        assert time.time_ns() // 1_000_000 < expires_ms + 1_000
    assert time.time_ns() // 1_000_000 >= expires_ms


async def test_a_yes_for_less_than_the_version_is_for_one_request(edge: Any) -> None:
    edge.origin.says(SONG + SEGMENT, BODY, IMMUTABLE)
    edge.origin.says(SONG + "audio/high/00001.m4s", BODY, IMMUTABLE)
    token = edge.token(SONG + "audio/normal/")
    assert (await edge.ask(f"/t/{token}/{SONG}{SEGMENT}")).status == 200
    assert (await edge.ask(f"/t/{token}/{SONG}audio/high/00001.m4s")).status == 403
    assert (await edge.ask(f"/t/{token}/{SONG}{SEGMENT}")).status == 200
    assert len(edge.verified) == 3


async def test_a_yes_is_one_listeners(edge: Any) -> None:
    """A cookie that was good is not good for who comes without it."""
    edge.origin.says(SONG + SEGMENT, BODY, IMMUTABLE)
    edge.origin.says(SONG + "init.mp4", b"init", IMMUTABLE)
    cookie = f"hdnts={AKAMAI.sign(Terms((SONG + '*',), FOREVER)).cookies['hdnts']}"
    assert (await edge.ask(f"/{SONG}{SEGMENT}", Cookie=cookie)).status == 200
    assert (await edge.ask(f"/{SONG}{SEGMENT}")).status == 403
    for name in (SEGMENT, "init.mp4"):
        assert (await edge.ask(f"/{SONG}{name}", Cookie=cookie)).status == 200
    assert len(edge.verified) == 2
    assert (await edge.ask("/songs/b/0123456789abcdef/init.mp4", Cookie=cookie)).status == 403


async def test_licences_and_the_api_pass_through_and_are_not_kept(edge: Any) -> None:
    target = f"/t/{edge.token()}/licence/clearkey"
    edge.api.says(target[1:], b"{}", "no-store", Content_Type="application/json")
    for _ in range(2):
        heard = await edge.ask(target, "POST", b'{"kids":[]}', Content_Type="application/json")
        assert (heard.status, heard.body, heard.headers["Cache-Control"]) == (200, b"{}", "no-store")
    assert [(method, body) for method, _, _, body in edge.api.heard] == [("POST", b'{"kids":[]}')] * 2
    edge.api.says("v1/songs?limit=3", b"[]", "no-store")
    assert (await edge.ask("/v1/songs?limit=3", Authorization="Bearer x")).body == b"[]"
    assert edge.api.heard[-1][2]["Authorization"] == "Bearer x"
    assert edge.verified == []
    assert edge.origin.heard == []


async def test_pages_of_other_origins_may_ask(edge: Any) -> None:
    edge.origin.says(
        SONG + SEGMENT, BODY, IMMUTABLE, **{name.replace("-", "_"): v for name, v in CORS.items()}
    )
    for heard in (await edge.get(SEGMENT), await edge.get("nothing.m4s")):
        for name, value in CORS.items():
            assert heard.headers.getall(name) == [value]
    preflight = await edge.ask(
        f"/t/x/{SONG}{SEGMENT}", "OPTIONS", Origin="https://p.example", Access_Control_Request_Method="GET"
    )
    assert preflight.status == 204
    for name, value in (CORS | PREFLIGHT).items():
        assert preflight.headers.getall(name) == [value]
    assert "Access-Control-Max-Age" not in (await edge.get(SEGMENT)).headers


async def test_other_methods_change_nothing(edge: Any) -> None:
    edge.origin.says(SONG + SEGMENT, BODY, IMMUTABLE)
    for method in ("POST", "DELETE", "PUT"):
        assert (await edge.ask(f"/t/{edge.token()}/{SONG}{SEGMENT}", method)).status == 405
    assert edge.origin.heard == []


async def test_what_is_public_needs_no_token(edge: Any) -> None:
    edge.origin.says(SONG + "public/cover.jpg", b"jpg", IMMUTABLE, Content_Type="image/jpeg")
    for did in (missed(edge), said(edge, "hit")):
        heard = await edge.ask(f"/{SONG}public/cover.jpg?x=1")
        assert (heard.status, heard.body, heard.cache) == (200, b"jpg", did)
    assert edge.verified == []


async def test_a_tier_behind_is_named_first(edge: Any) -> None:
    edge.origin.says(SONG + SEGMENT, BODY, IMMUTABLE, Cache_Status="shield; hit")
    assert (await edge.get(SEGMENT)).cache == f"shield; hit, {missed(edge)}"
    assert (await edge.get(SEGMENT)).cache == f"shield; hit, {said(edge, 'hit')}"


async def test_manifests_come_compressed_to_whom_it_helps(edge: Any) -> None:
    text = b"#EXTM3U\n" + b"#EXTINF:4.0,\n00001.m4s\n" * 200
    edge.origin.says(SONG + "hls.m3u8", text, IMMUTABLE, Content_Type="application/vnd.apple.mpegurl")
    heard = await edge.get("hls.m3u8", Accept_Encoding="gzip")
    assert (heard.headers["Content-Encoding"], gzip.decompress(heard.body)) == ("gzip", text)
    assert "Accept-Encoding" in heard.headers["Vary"]
    plain = await edge.get("hls.m3u8", Accept_Encoding="identity")
    assert plain.body == text
    assert edge.origin.asked(SONG + "hls.m3u8") == 1


async def test_a_signed_query_and_a_signed_cookie_open_the_same_objects(edge: Any) -> None:
    edge.origin.says(SONG + SEGMENT, BODY, IMMUTABLE)
    playlist = b"#EXTM3U\n#EXTINF:1,\naudio/normal/00001.m4s\n"
    edge.origin.says(SONG + "hls.m3u8", playlist, IMMUTABLE, Content_Type="application/vnd.apple.mpegurl")
    signed = AKAMAI.sign(Terms((SONG + "*",), FOREVER, client="127.0.0.1"))
    await edge.get(SEGMENT)
    cookie = f"hdnts={signed.cookies['hdnts']}"
    for heard in (
        await edge.ask(f"/{SONG}{SEGMENT}?{signed.query}"),
        await edge.ask(f"/{SONG}{SEGMENT}", Cookie=cookie),
    ):
        assert (heard.status, heard.cache) == (200, said(edge, "hit"))
    manifest = await edge.ask(f"/{SONG}hls.m3u8?{signed.query}")
    assert f"00001.m4s?{signed.query}".encode() in manifest.body
    assert (await edge.ask(f"/{SONG}hls.m3u8", Cookie=cookie)).body == playlist
    assert (await edge.ask(f"/{SONG}hls.m3u8?{signed.query[:-1]}")).status == 403
    assert edge.origin.asked(SONG + SEGMENT) == 1


@pytest.mark.parametrize("edge", ["nginx"], indirect=True)  # Varnish writes no log of its own
async def test_no_log_has_a_token(edge: Any) -> None:
    edge.origin.says(SONG + SEGMENT, BODY, IMMUTABLE)
    token = edge.token()
    assert (await edge.ask(f"/t/{token}/{SONG}{SEGMENT}?x=1")).status == 200
    assert (await edge.ask(f"/t/{token}x/{SONG}{SEGMENT}")).status == 403
    text = ""
    while text.count('"path":"/songs/') < 2:  # a line is written when the answer has gone
        text = (edge.folder / "access.log").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [(line["path"], line["status"], line["cache"]) for line in lines if line["path"]] == [
        (f"/{SONG}{SEGMENT}", 200, "MISS"),
        (f"/{SONG}{SEGMENT}", 403, ""),
    ]
    assert token not in text
