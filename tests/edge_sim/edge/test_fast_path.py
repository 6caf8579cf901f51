"""The edge's fast path against aiohttp proper: the same bytes go to two edges before one origin, and the same answers must come back."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge_sim.edge.app import routes
from media.fast_path import LARGEST
from media.serving import application, listening
from media.tls import Tls
from origin.signing.akamai import AkamaiSigner
from origin.tokens import TokenKeys, sign
from tests.certificates import certified, trusting
from tests.wire import Answer, Wire

SONG = "songs/a-song/0123456789abcdef/"
START_MS = 1_800_000_000_000
# Copied in one call, sent by the kernel, the largest of the fast path, and one that is not for it.
SIZES = {
    "00001.m4s": 5_000,
    "00002.m4s": 100_000,
    "00003.m4s": LARGEST,
    "00004.m4s": LARGEST + 1,
    "00005.m4s": 0,
}
# What differs between two answers of one server to one request.
VOLATILE = re.compile(rb"(Date|X-Request-Id|Server-Timing): [^\r]*\r\n")


@dataclass
class Ring:
    """Keys that a test may exchange while the edge runs."""

    keys: TokenKeys

    def current(self) -> TokenKeys:
        return self.keys


@dataclass
class Rack:
    signers: list[Any]

    def current(self) -> list[Any]:
        return self.signers


class Edge:
    def __init__(self, port: int, shelf: Any, trust: ssl.SSLContext | None) -> None:
        self.port = port
        self.shelf = shelf
        self.trust = trust

    async def ask(self, target: str, **headers: str) -> Answer:
        wire = Wire(self.port, VOLATILE, self.trust)
        fields = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        (answer,) = await wire.say(f"GET {target} HTTP/1.1\r\nHost: e\r\n{fields}\r\n".encode())
        wire.close()
        return answer

    async def status(self, target: str, **headers: str) -> int:
        return int((await self.ask(target, **headers))[0][0].split()[1])

    async def counted(self, name: str) -> int:
        """Like ``requests_total{cache="hit"}``; 0 when nothing was counted."""
        _, text = await self.ask("/metrics")
        found = re.search(rf"(?m)^tonearm_edge_{re.escape(name)} (\d+)".encode(), text)
        return int(found[1]) if found else 0


Start = Callable[..., Any]


@pytest.fixture
async def start(origin: Any, clock: Any, token_keys: TokenKeys, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts edges before the origin, which end with the test; `tls` with a certificate of their own."""
    async with AsyncExitStack() as stack:

        async def started(*, tls: bool = False, **options: Any) -> Edge:
            sealed, trust = None, None
            if tls:
                certificate, key = certified(tmp_path)
                sealed, trust = Tls(certificate, key), trusting(certificate)
            options = {"keys": token_keys, "memory": 64 << 20} | options
            table = routes(origin_url=origin.url, clock=clock, **options)
            port = await stack.enter_async_context(
                listening(application("edge", table), "127.0.0.1", 0, tls=sealed)
            )
            return Edge(port, table.shelf, trust)

        yield started


def fill(origin: Any) -> list[str]:
    """Objects of all sizes and kinds; returns the paths of those that are fit for the fast path."""
    for name, size in SIZES.items():
        origin.says(name, random.Random(name).randbytes(size), etag=f'"{name}"')
    origin.says(
        "hls.m3u8",
        b"#EXTM3U\n" * 9,
        etag='W/"weak"',
        headers={"Content-Type": "application/vnd.apple.mpegurl"},
    )
    origin.says("brief.m4s", b"brief" * 200, cache_control="max-age=7", etag='"brief"')
    origin.says(
        "shown.m4s", b"shown", headers={"Cache-Status": 'far; hit; key="ä"', "Content-Disposition": "inline"}
    )
    origin.says("never.m4s", b"never", cache_control="no-store")
    origin.says("asked.m4s", b"asked", cache_control="no-cache", etag='"a"')
    origin.says("public/cover.jpg", b"cover" * 999, headers={"Content-Type": "image/jpeg"})
    more = [f"1000{number}.m4s" for number in range(9)]
    for name in more:
        origin.says(name, name.encode() * 2000)
    others = ["hls.m3u8", "brief.m4s", "shown.m4s", "public/cover.jpg"]
    return [*(name for name in SIZES if name != "00004.m4s"), *more, *others]


FIELDS = [
    *[b"User-Agent: player/1.0", b"Accept: */*", b"accept: audio/mp4", b"Accept-Encoding: gzip, br"],
    *[b"Connection: keep-alive", b"X-Request-Id: abcdefgh12345678", b"X-Request-Id: ?", b"Via: 1.1 edge"],
    *[
        b"Origin: https://player.example",
        b"Range: bytes=0-9",
        b"Range: bytes=5-",
        b"Range: bytes=4990-9999999",
    ],
    # The odd ones.
    *[b"Connection: close", b"connection: Keep-Alive", b"Connection: te", b"Range: bytes=999999999-"],
    *[
        b"range: bytes=1-2,5-6",
        b"Range: bytes=-7",
        b"Range: bytes=9-2",
        b"Range: bytes=0-0",
        b"Range: Bytes=0-3",
    ],
    *[
        b"Range: bytes=1 -2",
        b"Range: bytes=00000000000000000000001-2",
        b"Range: items=0-1",
        b"Range: bytes=-",
    ],
    *[b"If-None-Match: *", b'If-None-Match: "00001.m4s"', b'If-Match: "other"', b'If-Range: "00001.m4s"'],
    *[b"If-Range: x", b"If-Modified-Since: Sun, 06 Nov 2044 08:49:37 GMT", b"X-Unknown: 1"],
    *[b"Host: other.example", b"Expect: 100-continue", b"CMCD-Object: br=160,ot=a", b"Priority: u=1"],
    *[b"Upgrade: h2c", b"Content-Length: 0", b"X-Real-IP: 10.0.0.1", b"X-Real-IP: 127.0.0.1", b"Cookie: a=b"],
    *[b"X-Long: " + b"y" * 300, b"Accept-Language: d\xc3\xa9", b"Bad Name: x", b"No-Colon", b"Tab:\tx"],
    *[b"Empty:", b" folded: x", b"Cache-Control: no-cache", b"Pragma: no-cache"],
]
PLAIN_FIELDS = 12


class Generator:
    """Requests that are whole: half of them plain, the others not."""

    def __init__(self, keys: TokenKeys, fit: list[str]) -> None:
        def token(scope: Any, expires_ms: int = START_MS + 10**9, **rest: Any) -> str:
            return sign(scope, keys=keys, expires_ms=expires_ms, **rest)

        self._good = [
            token(SONG),
            token("songs/"),
            token([f"{SONG}*", "songs/other/*"]),
            token(SONG, user="u1"),
        ]
        stranger = TokenKeys({"k1": bytes(32)}, active="k1")
        good = self._good[0]
        self._bad = [
            *[token("songs/other/0123456789abcdef/"), token(SONG, START_MS - 1), token([f"{SONG}hls.m3u8"])],
            *[
                token(SONG, START_MS + 40_000),
                token(SONG, not_before_ms=START_MS + 20_000),
                token(f"{SONG}public/"),
            ],
            *[
                token(SONG, client="127.0.0.1"),
                token(SONG, client="10.0.0.1"),
                sign(SONG, keys=stranger, expires_ms=1 << 47),
            ],
            *[
                good[:-1],
                good + "=",
                good[:-1] + "é",
                "x",
                "",
                "%2e",
                good.swapcase(),
                "a" * 2000,
                good + "%20",
            ],
        ]
        self._fit = fit

    def plain(self, rng: random.Random) -> bytes:
        """A target."""
        name = rng.choice(self._fit)
        if name.startswith("public/") and rng.random() < 0.5:
            return f"/{SONG}{name}".encode()
        return f"/t/{rng.choice(self._good)}/{SONG}{name}".encode()

    def odd(self, rng: random.Random) -> bytes:
        name = rng.choice([*self._fit, "00004.m4s", "never.m4s", "asked.m4s", "missing.m4s"])
        token = rng.choice(self._good + 2 * self._bad)
        path = f"{SONG}{name}"
        shape = rng.randrange(16)
        spelled = {
            0: f"/{path}",
            1: f"/t/{token}/{path}?x=1",
            2: f"/t/{token}/{path}#f",
            3: f"/t/{token}/{path}/",
            4: f"/t/{token}/{path.replace('a-song', '%61-song')}",
            5: f"/t/{token}/{path.replace('/0123', '//0123')}",
            6: f"/t/{token}/{path.replace('/0123', '/./0123')}",
            7: f"/t/{token}/x/../{path}",
            8: f"//t/{token}/{path}",
            9: f"http://edge/t/{token}/{path}",
            10: f"/T/{token}/{path}",
            11: rng.choice(["*", "/healthz", "/verify", "/t/", "/t//", "/t", f"/t/{token}", "/v1/x", path]),
        }.get(shape, f"/t/{token}/{path}")
        return spelled.encode()

    def request(self, seed: int) -> tuple[bytes, bool]:
        """And whether its answer has no body."""
        rng = random.Random(seed)
        plain = rng.random() < 0.5
        method = (
            b"GET"
            if plain or rng.random() < 0.8
            else rng.choice([b"HEAD", b"HEAD", b"DELETE", b"get", b"G\0T"])
        )
        target = self.plain(rng) if plain else self.odd(rng)
        version = (
            b"HTTP/1.1"
            if rng.random() < 0.95
            else rng.choice([b"HTTP/1.0", b"HTTP/1.2", b"HTTP/9", b"http/1.1"])
        )
        fields = rng.sample(FIELDS[:PLAIN_FIELDS] if plain else FIELDS, rng.randrange(0, 6))
        if rng.random() < 0.97:
            fields.insert(rng.randrange(len(fields) + 1), b"Host: edge:8080")
        end = b"\r\n" if rng.random() < 0.97 else rng.choice([b"\n", b"\r", b" \r\n"])
        data = end.join([b"%b %b %b" % (method, target, version), *fields]) + end + end
        if not plain and rng.random() < 0.1:
            at = rng.randrange(len(data))
            data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
        return data, method == b"HEAD"


WAYS = {
    "alone": {},
    "behind_proxy": {"behind_proxy": True},
    "signing": {"signers": Rack([AkamaiSigner([bytes(range(32))])])},
    "api": {"api_url": "api"},
    "tls": {"tls": True},
    "small_memory": {"memory": 120_000},  # objects come and go
    "lru": {"memory": 150_000, "policy": "lru"},
}


@pytest.mark.parametrize(
    "way",
    [
        pytest.param(way, marks=pytest.mark.soak) if way in ("small_memory", "lru", "behind_proxy") else way
        for way in WAYS
    ],
)
async def test_thousands_of_requests_get_the_same_answer_either_way(
    origin: Any, clock: Any, token_keys: TokenKeys, start: Start, way: str
) -> None:
    options = dict(WAYS[way])
    if "api_url" in options:
        options["api_url"] = f"{origin.url}/api"
    fit = fill(origin)
    fast, slow = await start(**options), await start(**options, fast_path=False)
    generator = Generator(token_keys, fit)
    wires = Wire(fast.port, VOLATILE, fast.trust), Wire(slow.port, VOLATILE, slow.trust)
    for seed in range(1500):
        data, head_only = generator.request(seed)
        rng = random.Random(seed)
        clock.ms += rng.choice([0, 0, 1, 30, 400])
        odd = not data.endswith(b"\r\n\r\n") or b"xpect" in data
        if odd:
            # Whoever waits for more would wait for ever: end the talk with a request that cannot be waited for.
            data += b"\r\n\r\n\0\r\n\r\n"
        cuts = sorted(rng.sample(range(1, len(data)), 2)) if rng.random() < 0.05 else []
        pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
        one, other = [await wire.say(*pieces, head_only=head_only) for wire in wires]
        assert one == other, data
        good = bool(one[-1][0]) and one[-1][0][0].split()[1] in (
            b"200",
            b"206",
            b"304",
            b"403",
            b"404",
            b"416",
        )
        if odd or not good or rng.random() < 0.1:
            for wire in wires:
                wire.close()
    for wire in wires:
        wire.close()
    assert await fast.counted("quick_total") > (50 if "memory" in options else 300)
    assert await slow.counted("quick_total") == 0
    # Both count the same, and who leaves a full memory was decided by the same hits.
    for name in (
        *[f'requests_total{{cache="{kind}"}}' for kind in ("hit", "miss", "expired", "collapsed", "pass")],
        *["sent_bytes_total", "evictions_total", "memory_bytes", "objects"],
    ):
        assert await fast.counted(name) == await slow.counted(name), name
    assert await fast.counted("evictions_total") > 0 or "memory" not in options


async def test_pipelined_requests_are_answered_in_order(
    origin: Any, token_keys: TokenKeys, start: Start
) -> None:
    fit = fill(origin)
    fast, slow = await start(), await start(fast_path=False)
    generator = Generator(token_keys, fit)
    for seed in range(100):
        rng = random.Random(seed)
        requests = [
            b"GET %b HTTP/1.1\r\nHost: o\r\n%b\r\n"
            % (generator.plain(rng), rng.choice([b"", b"Range: bytes=0-3\r\n"]))
            for _ in range(rng.randrange(2, 6))
        ]
        answers = []
        for edge in (fast, slow):
            wire = Wire(edge.port, VOLATILE)
            first = await wire.say(requests[0])
            answers.append(first + await wire.say(b"".join(requests[1:]), answers=len(requests) - 1))
            wire.close()
        assert answers[0] == answers[1]
    assert await fast.counted("quick_total") > 50


@pytest.mark.parametrize(
    "smuggled",
    [
        b"GET %b HTTP/1.1\r\nHost: o\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET %b HTTP/1.1\r\nHost: o\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\n",
        b"GET %b HTTP/1.1\nHost: o\nContent-Length: 44\n\n",
        b"GET %b HTTP/1.1\r\nHost: o\r\nRange: bytes=0-1\r\n Content-Length: 44\r\n\r\n",
        b"GET %b HTTP/1.1\r\nHost: o\r\nContent-Length : 44\r\n\r\n",
        b"GET %b HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: xchunked\r\n\r\n",
        b"GET %b HTTP/1.1\r\nHost: o\r\nRange: bytes=0-1\rContent-Length: 44\r\n\r\n",
        b"GET %b HTTP/1.1\r\nHost: o\r\nHost: p\r\nConnection: close\r\n\r\n",
    ],
)
async def test_shapes_that_smuggle(origin: Any, token_keys: TokenKeys, start: Start, smuggled: bytes) -> None:
    """Whatever hides a request in another is answered alike, and never with the hidden one's object."""
    fill(origin)
    token = sign(SONG, keys=token_keys, expires_ms=1 << 47).encode()
    path = b"/t/%b/%b00001.m4s" % (token, SONG.encode())
    hidden = b"GET /t/%b/%bhls.m3u8 HTTP/1.1\r\nHost: o\r\n\r\n\0\r\n\r\n" % (token, SONG.encode())
    answers = []
    for edge in (await start(), await start(fast_path=False)):
        await edge.ask(path.decode())
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        writer.write(b"GET %b HTTP/1.1\r\nHost: o\r\n\r\n" % path)
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(5000)
        writer.write(smuggled % path + hidden)
        answers.append(VOLATILE.sub(b"", await reader.read()))
        writer.close()
    assert answers[0] == answers[1]
    assert answers[0].split()[1] == b"400"
    assert b"#EXTM3U" not in answers[0]


@pytest.mark.parametrize("tls", [False, True])
async def test_a_reader_that_takes_its_time_gets_every_byte(
    origin: Any, token_keys: TokenKeys, start: Start, tls: bool
) -> None:
    """More than the sockets hold: the rest waits in the transport, and the next request behind it, whatever leaves memory."""
    fill(origin)
    edge = await start(memory=2 << 20, tls=tls)
    token = sign(SONG, keys=token_keys, expires_ms=1 << 47)
    for name in ("00003.m4s", "00002.m4s"):
        expected = random.Random(name).randbytes(SIZES[name])
        target = f"/t/{token}/{SONG}{name}"
        for _ in range(30):
            assert await edge.status(target) == 200
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port, limit=1024, ssl=edge.trust)
        for _ in range(60):
            writer.write(b"GET %b HTTP/1.1\r\nHost: o\r\n\r\n" % target.encode())
            await asyncio.sleep(0)
        for number in range(60):
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            assert await reader.readexactly(len(expected)) == expected
            if number == 3:
                edge.shelf.forget(f"{SONG}{name}")
        writer.close()
    assert await edge.counted("quick_total") > 50


async def test_large_bodies_have_files_within_their_share_and_lose_them(
    origin: Any, token_keys: TokenKeys, start: Start
) -> None:
    for number in range(8):
        origin.says(f"{number}.m4s", bytes([number]) * 100_000)
    before = len(os.listdir("/proc/self/fd"))
    edge = await start(memory=4_800_000)  # a sixteenth is room for three
    token = sign(SONG, keys=token_keys, expires_ms=1 << 47)
    for _ in range(20):
        for number in range(8):
            assert (await edge.ask(f"/t/{token}/{SONG}{number}.m4s"))[1] == bytes([number]) * 100_000
    files = [link for link in os.listdir("/proc/self/fd") if "memfd" in _leads(link)]
    assert len(files) == 3
    for number in range(8):
        edge.shelf.forget(f"{SONG}{number}.m4s")
    assert not [link for link in os.listdir("/proc/self/fd") if "memfd" in _leads(link)]
    assert before <= len(os.listdir("/proc/self/fd"))


def _leads(link: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{link}")
    except OSError:
        return ""


class TestWhoMayHaveIt:
    """What a token opened once, it must not open for longer than it says, nor for others."""

    @pytest.fixture
    async def edge(self, origin: Any, start: Start, token_keys: TokenKeys) -> Any:
        fill(origin)
        self.ring = Ring(token_keys)
        edge = await start(keys=self.ring)
        token = sign(SONG, keys=token_keys, expires_ms=1 << 47)
        assert [await edge.status(f"/t/{token}/{SONG}00001.m4s") for _ in range(3)] == [200] * 3
        assert await edge.counted("quick_total") == 2
        return edge

    async def test_until_it_expires(self, edge: Any, clock: Any, token_keys: TokenKeys) -> None:
        target = f"/t/{sign(SONG, keys=token_keys, expires_ms=START_MS + 5000)}/{SONG}00001.m4s"
        assert await edge.status(target) == 200
        clock.ms += 4999
        assert await edge.status(target) == 200
        assert await edge.counted("quick_total") == 4
        clock.ms += 1
        assert await edge.status(target) == 403

    async def test_not_before_its_time_even_when_the_clock_steps_back(
        self, edge: Any, clock: Any, token_keys: TokenKeys
    ) -> None:
        token = sign(SONG, keys=token_keys, expires_ms=1 << 47, not_before_ms=START_MS + 1000)
        target = f"/t/{token}/{SONG}00001.m4s"
        assert await edge.status(target) == 403
        clock.ms += 1000
        assert await edge.status(target) == 200
        clock.ms -= 1
        assert await edge.status(target) == 403

    async def test_while_its_key_stands(self, edge: Any, token_keys: TokenKeys) -> None:
        target = f"/t/{sign(SONG, keys=token_keys, expires_ms=1 << 47)}/{SONG}00001.m4s"
        assert await edge.status(target) == 200
        self.ring.keys = TokenKeys({"k2": b"n" * 32}, active="k2")
        assert await edge.status(target) == 403
        self.ring.keys = token_keys
        assert await edge.status(target) == 200

    async def test_within_its_scope(self, edge: Any, token_keys: TokenKeys) -> None:
        for scope, status in (
            (f"{SONG}public/", 403),
            ("songs/a-song/*/00001.m4s", 200),
            ([f"{SONG}hls.m3u8"], 403),
        ):
            scopes = [scope] if isinstance(scope, str) and "*" in scope else scope
            token = sign(scopes, keys=token_keys, expires_ms=1 << 47)
            assert [await edge.status(f"/t/{token}/{SONG}00001.m4s") for _ in range(2)] == [status] * 2

    async def test_from_its_address(self, edge: Any, token_keys: TokenKeys) -> None:
        """A memory of who may have it must not let in who comes from elsewhere."""
        target = f"/t/{sign(SONG, keys=token_keys, expires_ms=1 << 47, client='127.0.0.1')}/{SONG}00001.m4s"
        before = await edge.counted("quick_total")
        assert [await edge.status(target) for _ in range(3)] == [200] * 3
        assert await edge.counted("quick_total") == before + 3
        assert edge.shelf.find(target.encode(), ("127.0.0.1", 1)) is not None
        assert edge.shelf.find(target.encode(), ("127.0.0.2", 1)) is None
        assert edge.shelf.find(target.encode(), ("::ffff:127.0.0.1", 1, 0, 0)) is not None
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port, local_addr=("127.0.0.2", 0))
        writer.write(f"GET {target} HTTP/1.1\r\nHost: e\r\nConnection: close\r\n\r\n".encode())
        assert (await reader.read()).startswith(b"HTTP/1.1 403")
        writer.close()

    async def test_behind_a_proxy_only_the_long_way_knows_the_address(
        self, edge: Any, start: Start, token_keys: TokenKeys
    ) -> None:
        behind = await start(behind_proxy=True)
        bound = f"/t/{sign(SONG, keys=token_keys, expires_ms=1 << 47, client='10.0.0.1')}/{SONG}00001.m4s"
        for _ in range(3):
            assert await behind.status(bound, X_Real_IP="10.0.0.1") == 200
            assert await behind.status(bound, X_Real_IP="10.0.0.2") == 403
        assert await behind.counted("quick_total") == 0


async def test_what_is_replaced_or_too_old_is_not_sent(
    origin: Any, clock: Any, token_keys: TokenKeys, start: Start
) -> None:
    origin.says("a.m4s", b"one", cache_control="max-age=10", etag='"1"')
    edge = await start()
    target = f"/t/{sign(SONG, keys=token_keys, expires_ms=1 << 47)}/{SONG}a.m4s"
    assert [(await edge.ask(target))[1] for _ in range(3)] == [b"one"] * 3
    origin.says("a.m4s", b"another", cache_control="max-age=10", etag='"2"')
    clock.ms += 9_999
    head, body = await edge.ask(target)
    assert (body, b"Age: 9" in head) == (b"one", True)
    clock.ms += 1
    assert [(await edge.ask(target))[1] for _ in range(3)] == [b"another"] * 3
    assert await edge.counted("quick_total") == 5


async def test_both_ways_write_the_same_lines(
    origin: Any, token_keys: TokenKeys, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    fill(origin)
    token = sign(SONG, keys=token_keys, expires_ms=1 << 47)
    targets = [f"/t/{token}/{SONG}{name}" for name in ("00001.m4s", "shown.m4s")] + [
        f"/{SONG}public/cover.jpg"
    ]
    fast, slow = await start(), await start(fast_path=False)
    caplog.set_level(logging.INFO, "tonearm.access")
    written = []
    for edge in (fast, slow):
        caplog.clear()
        for target in targets * 3:
            await edge.ask(target, traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
            await edge.ask(target, Range="bytes=1-2")
        if edge is fast:
            edge.shelf.close()  # writes what it holds back
        from media.serving import JsonLines

        lines = [
            json.loads(line) for record in caplog.records for line in JsonLines().format(record).splitlines()
        ]
        for line in lines:
            assert set(line) >= {"time", "ms", "request_id"}
            for each in ("time", "ms", "request_id"):
                del line[each]
        written.append(sorted(json.dumps(line, sort_keys=True) for line in lines))
    assert written[0] == written[1]
    assert len(written[0]) == 18
    assert token not in "".join(written[0])
    assert '"cache": "far; hit; key=\\"\\u00e4\\", tonearm-edge; hit"' in "".join(written[0])
