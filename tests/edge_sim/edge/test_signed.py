"""Conversations with an edge that takes other signatures than our own, and with servers that ask it."""

from __future__ import annotations

import gzip
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from Crypto.PublicKey import RSA

from edge_sim.edge.app import routes
from media.ports import Terms, UrlSigner
from media.serving import application, listening
from origin.signing.akamai import AkamaiSigner
from origin.signing.cloudfront import CloudFrontSigner
from origin.tokens import sign

SONG = "songs/a-song/0123456789abcdef/"
START_MS = 1_800_000_000_000
SCOPE = (SONG + "*",)
TERMS = Terms(SCOPE, START_MS + 60_000)
PLAYLIST = b"#EXTM3U\n#EXT-X-VERSION:6\n#EXTINF:1,\n00001.m4s\n#EXT-X-ENDLIST\n"
MPD = b'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet><SegmentTemplate media="$Number$.m4s"/></AdaptationSet></Period></MPD>'


@dataclass
class Rack:
    """Signers that a test may exchange while the edge runs."""

    signers: list[UrlSigner]

    def current(self) -> list[UrlSigner]:
        return self.signers


AKAMAI = AkamaiSigner([bytes(range(32))])


@pytest.fixture(scope="module")
def cloudfront() -> CloudFrontSigner:
    key = RSA.generate(2048)
    return CloudFrontSigner("https://d.cloudfront.net", "K1", key, {"K1": key})


@pytest.fixture
def rack(cloudfront: CloudFrontSigner) -> Rack:
    return Rack([AKAMAI, cloudfront])


@pytest.fixture
def carry() -> str:
    return "rewrite"


@pytest.fixture
async def asked(
    origin: Any, clock: Any, token_keys: Any, talk: Any, rack: Rack, carry: Any
) -> AsyncIterator[Any]:
    """The listener of `talk`, before an edge that takes signatures."""
    table = routes(
        origin_url=origin.url, keys=token_keys, memory=1 << 20, clock=clock, signers=rack, carry=carry
    )
    async with listening(application("edge", table), "127.0.0.1", 0) as port:
        talk.base = f"http://127.0.0.1:{port}"
        yield talk


async def test_a_signed_query_opens_and_is_no_part_of_the_cache_key(asked: Any, origin: Any) -> None:
    origin.says("init.mp4", b"init")
    first = await asked.ask(f"/{SONG}init.mp4?{AKAMAI.sign(TERMS).query}")
    assert (first.status, first.body, first.cache) == (200, b"init", "tonearm-edge; fwd=uri-miss; stored")
    another = AKAMAI.sign(Terms(SCOPE, START_MS + 90_000, user="u42"))
    second = await asked.ask(f"/{SONG}init.mp4?CMCD=x&{another.query}")
    assert second.cache == "tonearm-edge; hit"
    assert (await asked.get("init.mp4")).cache == "tonearm-edge; hit"  # our own token, the same object
    assert [question.path for question in origin.heard] == [SONG + "init.mp4"]


async def test_a_signed_cookie_opens_and_manifests_stay_as_they_are(
    asked: Any, origin: Any, cloudfront: CloudFrontSigner
) -> None:
    origin.says("hls.m3u8", PLAYLIST)
    cookies = "; ".join(f"{name}={value}" for name, value in cloudfront.sign(TERMS).cookies.items())
    assert (await asked.ask(f"/{SONG}hls.m3u8", Cookie=cookies)).body == PLAYLIST
    akamai = AKAMAI.sign(TERMS).cookies["hdnts"]
    assert (await asked.ask(f"/{SONG}hls.m3u8", Cookie=f"hdnts={akamai}")).body == PLAYLIST


async def test_a_manifest_carries_the_listeners_query_and_the_cached_one_does_not(
    asked: Any, origin: Any, cloudfront: CloudFrontSigner
) -> None:
    origin.says("hls.m3u8", PLAYLIST, etag='"o"')
    for signer in (AKAMAI, cloudfront):
        query = signer.sign(TERMS).query
        heard = await asked.ask(f"/{SONG}hls.m3u8?CMCD=x&{query}")
        assert f"00001.m4s?{query}\n".encode() in heard.body
        assert heard.headers["Cache-Control"] == "private, no-cache"
        assert heard.headers["Content-Length"] == str(len(heard.body))
        again = await asked.ask(f"/{SONG}hls.m3u8?{query}", If_None_Match=heard.headers["ETag"])
        assert (again.status, again.cache) == (304, "tonearm-edge; hit")
        part = await asked.ask(f"/{SONG}hls.m3u8?{query}", Range="bytes=-5")
        assert (part.status, part.body) == (206, heard.body[-5:])
    assert (await asked.get("hls.m3u8")).body == PLAYLIST
    assert len(origin.asked("hls.m3u8")) == 1


async def test_an_mpd_carries_it_too(asked: Any, origin: Any) -> None:
    origin.says("dash.mpd", MPD)
    query = AKAMAI.sign(TERMS).query
    heard = await asked.ask(f"/{SONG}dash.mpd?{query}")
    assert f'media="$Number$.m4s?{query}"'.encode() in heard.body


class TestDefined:
    @pytest.fixture
    def carry(self) -> str:
        return "define"

    async def test_one_copy_serves_all(self, asked: Any, origin: Any) -> None:
        origin.says("hls.m3u8", PLAYLIST)
        heard = [
            await asked.ask(f"/{SONG}hls.m3u8?{AKAMAI.sign(Terms(SCOPE, START_MS + life)).query}")
            for life in (60_000, 90_000)
        ]
        assert heard[0].body == heard[1].body
        assert b'#EXT-X-DEFINE:QUERYPARAM="hdnts"' in heard[0].body
        assert b"00001.m4s?hdnts={$hdnts}" in heard[0].body
        assert heard[0].headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    ("query", "slug"),
    [
        ("", "token-invalid"),
        ("hdnts=exp=1~acl=/*~hmac=" + "0" * 64, "token-invalid"),
        (AKAMAI.sign(Terms(SCOPE, START_MS)).query, "token-expired"),
        (AKAMAI.sign(Terms(("songs/other/*",), START_MS + 1000)).query, "token-out-of-scope"),
        (AKAMAI.sign(Terms(SCOPE, START_MS + 1000, client="192.0.2.7")).query, "token-out-of-scope"),
    ],
)
async def test_what_is_refused_says_why_and_never_reaches_the_origin(
    asked: Any, origin: Any, query: str, slug: str
) -> None:
    heard = await asked.ask(f"/{SONG}init.mp4?{query}")
    assert heard.status == 403
    assert f"urn:tonearm:problem:{slug}".encode() in heard.body
    verdict = await asked.ask("/verify", X_Original_URI=f"/{SONG}init.mp4?{query}")
    assert (verdict.status, verdict.headers["X-Tonearm-Problem"]) == (403, slug)
    assert origin.heard == []


async def test_keys_are_exchanged_while_it_runs(asked: Any, origin: Any, rack: Rack) -> None:
    origin.says("init.mp4", b"init")
    target = f"/{SONG}init.mp4?{AKAMAI.sign(TERMS).query}"
    assert (await asked.ask(target)).status == 200
    rack.signers = [AkamaiSigner([b"n" * 32])]
    assert (await asked.ask(target)).status == 403


async def test_what_is_public_needs_no_signature(asked: Any, origin: Any) -> None:
    origin.says("public/cover.jpg", b"jpg")
    assert (await asked.ask(f"/{SONG}public/cover.jpg")).body == b"jpg"


async def test_an_origins_manifest_that_is_none_is_its_fault(asked: Any, origin: Any) -> None:
    origin.says("hls.m3u8", gzip.compress(b"x"))
    assert (await asked.ask(f"/{SONG}hls.m3u8?{AKAMAI.sign(TERMS).query}")).status == 502


async def test_an_edge_without_a_signing_file_knows_our_own_tokens_only(talk: Any, origin: Any) -> None:
    origin.says("init.mp4", b"init")
    assert (await talk.ask(f"/{SONG}init.mp4?{AKAMAI.sign(TERMS).query}")).status == 404
    assert (await talk.get("init.mp4")).status == 200


@pytest.mark.parametrize("name", ["init.mp4", "audio/low/00001.m4s?CMCD=x"])
async def test_other_servers_may_ask_about_a_token(talk: Any, origin: Any, name: str) -> None:
    verdict = await talk.ask("/verify", X_Original_URI=f"/t/{talk.token}/{SONG}{name}")
    assert (verdict.status, verdict.body) == (204, b"")
    assert verdict.headers["Cache-Control"] == "max-age=10"
    assert origin.heard == []


@pytest.mark.parametrize(
    "path",
    ["", "/", "/t/", "/t/x/", f"/t/x/{SONG}init.mp4", f"/{SONG}init.mp4", "/t/{token}/songs/other/x",
     "/t/{token}/" + SONG + "../x", "/t/{token}/" + SONG + "%2e%2e/x", "/t/{token}//" + SONG + "x",
     "/" + SONG + "public/../init.mp4", "/healthz", "/songs/a-song/current.json"],
)  # fmt: skip
async def test_and_hear_no_for_everything_else(talk: Any, path: str) -> None:
    verdict = await talk.ask("/verify", X_Original_URI=path.replace("{token}", talk.token))
    assert verdict.status == 403
    assert re.fullmatch("token-[a-z-]+", verdict.headers["X-Tonearm-Problem"])


async def test_addresses_are_those_of_the_asking_server(talk: Any) -> None:
    token = sign(SONG, keys=talk.keys, expires_ms=START_MS + 1000, client="192.0.2.7")
    for client, status in (("192.0.2.7", 204), ("192.0.2.8", 403)):
        verdict = await talk.ask("/verify", X_Original_URI=f"/t/{token}/{SONG}x", X_Real_IP=client)
        assert verdict.status == status
    # On the way in, nobody's word for his own address is taken.
    assert (await talk.ask(f"/t/{token}/{SONG}x", X_Real_IP="192.0.2.7")).status == 403


@pytest.mark.parametrize(
    ("scope", "life_ms", "kept"),
    [
        (SONG, 60_000, "max-age=10"),
        ("songs/", 60_000, "max-age=10"),
        ("songs/a-song/", 3_999, "max-age=3"),
        (SONG, 999, "no-store"),
        (SONG + "audio/", 60_000, "no-store"),
        ([SONG + "audio/low/00001.m4s"], 60_000, "no-store"),
        (["songs/*/0123456789abcdef/*"], 60_000, "no-store"),
        (["songs/b/*", SONG + "*"], 60_000, "max-age=10"),
    ],
)
async def test_a_yes_may_be_kept_where_it_holds_for_the_whole_version(
    talk: Any, scope: Any, life_ms: int, kept: str
) -> None:
    token = sign(scope, keys=talk.keys, expires_ms=START_MS + life_ms)
    verdict = await talk.ask("/verify", X_Original_URI=f"/t/{token}/{SONG}audio/low/00001.m4s")
    assert (verdict.status, verdict.headers["Cache-Control"]) == (204, kept)
