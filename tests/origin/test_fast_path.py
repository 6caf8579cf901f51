"""The fast path against aiohttp proper: the same bytes go to two origins over one store, and the same answers must come back."""

from __future__ import annotations

import asyncio
import os
import random
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from media.fast_path import LARGEST, _Clock, harmless
from media.layout import IMMUTABLE
from media.ports import ObjectStore
from origin.app import Options
from origin.stores.file import FileStore
from tests.wire import Wire

V1 = "1111111111111111"
FOLDER = f"/songs/abc/{V1}"
# A small body is copied, a middle one sent by the kernel, a large one is not for the fast path.
SIZES = {
    "00003.m4s": 5_000,
    "00004.m4s": 100_000,
    "00005.m4s": LARGEST,
    "00006.m4s": LARGEST + 1,
    "00007.m4s": 0,
}
PLAIN = [f"{FOLDER}/audio/low/{name}" for name in ("init.mp4", "00001.m4s", *SIZES)]
# What differs between two answers of one server to one request.
VOLATILE = re.compile(
    rb"(Date|X-Request-Id|Server-Timing|CMSD-Dynamic|Cache-Status): [^\r]*\r\n|(?<=boundary=)[0-9a-f]+"
)


@pytest.fixture
async def both(published: ObjectStore, folder: Path, serve: Any) -> AsyncIterator[tuple[Any, Any]]:
    """An origin with the fast path, and one without; both have seen every plain object."""
    for name, size in SIZES.items():
        (folder / f"songs/abc/{V1}/audio/low/{name}").write_bytes(random.Random(name).randbytes(size))
    async with (
        serve(published, Options(clock=lambda: 0.0)) as fast,
        serve(published, Options(fast_path=False, clock=lambda: 0.0)) as slow,
    ):
        for origin in (fast, slow):
            for path in PLAIN:
                await origin.ask(path)
        await learned(fast, PLAIN[0])
        yield fast, slow


async def learned(origin: Any, path: str) -> None:
    """An origin takes an object in after it has answered: ask until it has."""
    before = await origin.counted("quick_total")
    while await origin.counted("quick_total") == before:
        await origin.ask(path)


FIELDS = [
    *[
        b"User-Agent: player/1.0",
        b"Accept: */*",
        b"accept: audio/mp4",
        b"Accept-Encoding: gzip, br",
        b"Connection: keep-alive",
    ],
    *[
        b"X-Request-Id: abcdefgh12345678",
        b"X-Request-Id: ?",
        b"Origin: https://player.example",
        b"Via: 1.1 edge",
        b"Cookie: a=b; c=d",
    ],
    *[
        b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        b"Cache-Control: no-cache",
        b"Pragma: no-cache",
    ],
    *[
        b"Connection: close",
        b"connection: Keep-Alive",
        b"Connection: te",
        b"Range: bytes=0-9",
        b"Range: bytes=5-",
        b"Range: bytes=999999999-",
    ],
    *[
        b"range: bytes=1-2,5-6",
        b"If-None-Match: *",
        b'If-None-Match: "other"',
        b'If-Match: "other"',
        b'If-Range: "x"',
    ],
    *[
        b"If-Modified-Since: Sun, 06 Nov 2044 08:49:37 GMT",
        b"X-Unknown: 1",
        b"Host: other.example",
        b"Expect: 100-continue",
    ],
    *[
        b"CMCD-Object: br=160,ot=a",
        b'CMCD-Session: sid="x"',
        b"Priority: u=1",
        b"Upgrade: h2c",
        b"Content-Length: 0",
    ],
    *[
        b"X-Long: " + b"y" * 300,
        b"Accept-Language: d\xc3\xa9",
        b"Bad Name: x",
        b"No-Colon",
        b"Tab:\tx",
        b"Empty:",
        b" folded: x",
    ],
]
TARGETS = [
    *[path.encode() for path in PLAIN],
    *[
        f"{FOLDER}/hls.m3u8".encode(),
        f"{FOLDER}/audio/normal/00001.m4s".encode(),
        b"/songs/abc/current.json",
        b"/songs/none/x.m4s",
    ],
    *[f"{PLAIN[1]}?x=1".encode(), f"{PLAIN[1]}?".encode(), f"{PLAIN[1]}#f".encode(), f"{PLAIN[1]}/".encode()],
    *[
        PLAIN[1].replace("abc", "%61bc").encode(),
        PLAIN[1].replace("/audio", "//audio").encode(),
        PLAIN[1].replace("/audio", "/./audio").encode(),
    ],
    *[b"http://origin" + PLAIN[1].encode(), b"/songs/abc/../abc", b"*", b"/healthz"],
]


def generated(seed: int) -> tuple[bytes, bool]:
    """One request that is whole, mostly plain; and whether its answer has no body."""
    rng = random.Random(seed)
    plain = rng.random() < 0.5
    method = (
        b"GET" if plain or rng.random() < 0.8 else rng.choice([b"HEAD", b"HEAD", b"DELETE", b"get", b"G\0T"])
    )
    target = rng.choice(TARGETS[: len(PLAIN)] if plain else TARGETS)
    version = (
        b"HTTP/1.1" if rng.random() < 0.95 else rng.choice([b"HTTP/1.0", b"HTTP/1.2", b"HTTP/9", b"http/1.1"])
    )
    fields = rng.sample(FIELDS[:10] if plain else FIELDS, rng.randrange(0, 6))
    if rng.random() < 0.97:
        fields.insert(rng.randrange(len(fields) + 1), b"Host: origin:8081")
    end = b"\r\n" if rng.random() < 0.97 else rng.choice([b"\n", b"\r", b" \r\n"])
    data = end.join([b"%b %b %b" % (method, target, version), *fields]) + end + end
    if not plain and rng.random() < 0.1:
        at = rng.randrange(len(data))
        data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
    return data, method == b"HEAD"


async def test_thousands_of_requests_get_the_same_answer_either_way(both: tuple[Any, Any]) -> None:
    fast, slow = both
    wires = Wire(fast.port, VOLATILE), Wire(slow.port, VOLATILE)
    for seed in range(4000):
        data, head_only = generated(seed)
        odd = not data.endswith(b"\r\n\r\n") or b"xpect" in data
        if odd:
            # Whoever waits for more would wait for ever: end the wire with a request that cannot be waited for.
            data += b"\r\n\r\n\0\r\n\r\n"
        rng = random.Random(seed)
        cuts = sorted(rng.sample(range(1, len(data)), 2)) if rng.random() < 0.05 else []
        pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
        one, other = [await wire.say(*pieces, head_only=head_only) for wire in wires]
        assert one == other, data
        good = bool(one[-1][0]) and one[-1][0][0].split()[1] in (
            b"200",
            b"206",
            b"304",
            b"404",
            b"412",
            b"416",
        )
        if odd or not good or rng.random() < 0.1:
            for wire in wires:
                wire.close()
    for wire in wires:
        wire.close()
    assert await fast.counted("quick_total") > 800
    assert await slow.counted("quick_total") == 0


async def test_pipelined_requests_are_answered_in_order(both: tuple[Any, Any]) -> None:
    fast, slow = both
    for seed in range(100):
        rng = random.Random(seed)
        requests = [
            b"GET %b HTTP/1.1\r\nHost: o\r\n%b\r\n"
            % (rng.choice(TARGETS[: len(PLAIN)]), rng.choice([b"", b"Range: bytes=0-3\r\n"]))
            for _ in range(rng.randrange(2, 6))
        ]
        answers = []
        for origin in (fast, slow):
            wire = Wire(origin.port, VOLATILE)
            first = await wire.say(requests[0])
            answers.append(first + await wire.say(b"".join(requests[1:]), answers=len(requests) - 1))
            wire.close()
        assert answers[0] == answers[1]


@pytest.mark.parametrize(
    "smuggled",
    [
        b"GET %b HTTP/1.1\r\nHost: o\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET %b HTTP/1.1\r\nHost: o\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\n",
        b"GET %b HTTP/1.1\nHost: o\nContent-Length: 44\n\n",
        b"GET %b HTTP/1.1\r\nHost: o\r\nX: y\r\n Content-Length: 44\r\n\r\n",
        b"GET %b HTTP/1.1\r\nHost: o\r\nContent-Length : 44\r\n\r\n",
        b"GET %b HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: xchunked\r\n\r\n",
        b"GET %b HTTP/1.1\r\nHost: o\r\nTransfer-Encoding:\x0bchunked\r\n\r\n",
        b"GET %b HTTP/1.1\r\nHost: o\r\nX: \rContent-Length: 44\r\n\r\n",
        b"GET %b HTTP/1.1\r\nHost: o\r\nHost: p\r\nConnection: close\r\n\r\n",
    ],
)
async def test_shapes_that_smuggle(both: tuple[Any, Any], smuggled: bytes) -> None:
    """Whatever hides a request in another is answered alike, and never with the hidden one's object."""
    path = PLAIN[1].encode()
    data = smuggled % path + b"GET /songs/abc/current.json HTTP/1.1\r\nHost: o\r\n\r\n\0\r\n\r\n"
    answers = []
    for origin in both:
        reader, writer = await asyncio.open_connection("127.0.0.1", origin.port)
        writer.write(b"GET %b HTTP/1.1\r\nHost: o\r\n\r\n" % path)
        await reader.readuntil(b"low 00001.m4s " * 30)
        writer.write(data)
        answers.append(VOLATILE.sub(b"", await reader.read()))
        writer.close()
    assert answers[0] == answers[1]
    assert answers[0].split()[1] == b"400"
    assert b'"version"' not in answers[0]


async def test_what_is_deleted_or_replaced_is_noticed(
    published: ObjectStore, folder: Path, serve: Any
) -> None:
    now = [0.0]
    file = folder / PLAIN[1][1:]
    async with serve(published, Options(clock=lambda: now[0])) as origin:
        await learned(origin, PLAIN[1])
        first = await origin.ask(PLAIN[1])
        body = b"another body of the same name"
        await published.put(PLAIN[1][1:], body, media_type="audio/mp4", cache_control=IMMUTABLE)
        now[0] += 1.1
        status, headers, got = await origin.ask(PLAIN[1])
        assert (status, got) == (200, body)
        assert headers["ETag"] != first[1]["ETag"]
        now[0] += 1.1
        file.unlink()
        assert (await origin.ask(PLAIN[1]))[0] == 404


async def test_a_file_that_is_cut_short_breaks_the_answer_off(both: tuple[Any, Any], folder: Path) -> None:
    """Nobody cuts our files; should it happen, the client must not take the rest of another answer for this one's."""
    fast, _ = both
    path = f"{FOLDER}/audio/low/00004.m4s"
    os.truncate(folder / path[1:], 40_000)
    with pytest.raises(aiohttp.ClientError):
        await fast.ask(path)
    status, _, body = await fast.ask(PLAIN[1])
    assert (status, len(body)) == (200, 30 * len(b"low 00001.m4s "))


async def test_a_reader_that_takes_its_time_gets_every_byte(both: tuple[Any, Any], folder: Path) -> None:
    """More than the sockets hold: the rest waits in the transport, and the next request behind it."""
    fast, _ = both
    path = f"{FOLDER}/audio/low/00005.m4s"
    expected = (folder / path[1:]).read_bytes()
    reader, writer = await asyncio.open_connection("127.0.0.1", fast.port, limit=1024)
    for _ in range(60):  # 15 MB: kernel buffers hold less
        writer.write(b"GET %b HTTP/1.1\r\nHost: o\r\n\r\n" % path.encode())
        await asyncio.sleep(0)
    for _ in range(60):
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert await reader.readexactly(len(expected)) == expected
    writer.close()


async def test_open_files_are_bounded_and_closed(published: ObjectStore, folder: Path, serve: Any) -> None:
    before = len(os.listdir("/proc/self/fd"))
    paths = []
    for number in range(300):
        path = f"songs/abc/{V1}/audio/low/9{number:04d}.m4s"
        (folder / path).write_bytes(b"%d" % number)
        paths.append(f"/{path}")
    async with serve(published, Options()) as origin:
        for number, path in enumerate(paths * 2):
            assert (await origin.ask(path))[2] == b"%d" % (number % 300)
        assert await origin.counted("quick_total") > 200
    assert len(os.listdir("/proc/self/fd")) <= before


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (b"Host: a\r\n\r\n", (b"", b"", b"", b"")),
        (b"host: a:80\r\nX-Request-Id: 12345678\r\nTraceparent: x\r\n\r\n", (b"12345678", b"x", b"", b"")),
        (b"Host: a\r\nX-Request-Id: no\r\n\r\n", (b"", b"", b"", b"")),
        (b"CMCD-Status: bs\r\nHost: a\r\nCMCD-Object: br=1\r\n\r\n", (b"", b"", b"br=1,bs", b"")),
        (b"\r\n", None),
        (b"Accept: */*\r\n\r\n", None),
        (b"Host: a b\r\n\r\n", None),
        (b"Host: a\r\nHost: a\r\n\r\n", None),
        (b"Host: a\r\nRange: bytes=0-1\r\n\r\n", (b"", b"", b"", b"bytes=0-1")),
        (b"Host: a\r\nRange: bytes=0-1,3-4\r\n\r\n", None),
        (b"Host: a\r\nRange: bytes=-5\r\n\r\n", None),
        (b"Host: a\r\nRange: bytes=0-1\r\nIf-Range: x\r\n\r\n", None),
        (b"Host: a\r\n folded\r\n\r\n", None),
        (b"Host: a\nRange: x\r\n\r\n", None),
        (b"Host: a\r\n\r\nGET / HTTP/1.1\r\n\r\n", None),
        (b"Host: a\r\nConnection: close\r\n\r\n", None),
        (b"Host: a\r\nCookie: " + b"c" * 5000 + b"\r\n\r\n", None),
        (b"Host: a\r\n", None),
    ],
)
def test_what_counts_as_harmless(fields: bytes, expected: tuple[bytes, bytes, bytes, bytes] | None) -> None:
    assert harmless(fields) == expected


def test_a_folder_is_what_the_fast_path_needs(tmp_path: Path) -> None:
    from origin.app import routes
    from origin.shelf import folder_of

    store = FileStore(tmp_path)
    assert folder_of(store) == tmp_path
    assert routes(store).shelf is not None
    assert routes(store, Options(fast_path=False)).shelf is None


async def test_who_says_nothing_for_long_is_let_go(
    published: ObjectStore, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a head, nothing at all, or nothing more after a quick answer: the connection ends by itself."""
    monkeypatch.setattr("media.serving.KEEPALIVE_S", 0.3)
    async with serve(published, Options()) as origin:
        await learned(origin, PLAIN[1])
        for said in (b"", b"GET /songs/abc", b"GET %b HTTP/1.1\r\nHost: o\r\n\r\n" % PLAIN[1].encode()):
            reader, writer = await asyncio.open_connection("127.0.0.1", origin.port)
            writer.write(said)
            answer = await reader.read()
            assert answer.startswith(b"HTTP/1.1 200") if said.endswith(b"\n") else answer == b""
            writer.close()


def test_the_date_follows_the_clock_wherever_it_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = _Clock()
    for now, said in (
        (784111777.9, b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"),
        (784111778.0, b"Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n"),
        (0.0, b"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"),
    ):
        monkeypatch.setattr("media.fast_path.time.time", lambda now=now: now)
        assert clock.field() == said
        assert clock.field() == said
