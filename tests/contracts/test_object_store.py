"""What `media.ports.ObjectStore` promises, asked of every store."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from media.errors import BadKey, ObjectMissing, PreconditionFailed
from media.layout import IMMUTABLE, MUTABLE
from media.ports import ObjectInfo, ObjectStore, read_all
from media.registry import open_store
from origin.bulk import put_all

FOLDER = "songs/abc/0123456789abcdef"
SEGMENT = f"{FOLDER}/audio/normal/00001.m4s"
BAD_KEYS = [
    "",
    "/",
    "/etc/passwd",
    "songs/",
    "songs//abc",
    "../up",
    "songs/../../up",
    "songs/./abc",
    "..",
    "a\\b",
    "a\0b",
    "a\nb",
    "songs/.tonearm-lock",
    "x" * 256,
    "/".join(["x" * 200] * 6),
    "lone \udc80 surrogate",
]


async def put(store: ObjectStore, key: str, body: bytes, **conditions: Any) -> ObjectInfo:
    return await store.put(key, body, media_type="audio/mp4", cache_control=IMMUTABLE, **conditions)


async def keys(store: ObjectStore, prefix: str) -> list[str]:
    return [info.key async for info in store.list(prefix)]


async def test_what_was_put_is_there(store: ObjectStore) -> None:
    before = int(time.time()) * 1000
    written = await put(store, SEGMENT, b"moof and mdat")
    found = await store.head(SEGMENT)
    assert await read_all(store, SEGMENT) == b"moof and mdat"
    assert (found.key, found.size) == (SEGMENT, 13)
    assert (found.media_type, found.cache_control) == ("audio/mp4", IMMUTABLE)
    assert before <= found.modified_ms <= time.time() * 1000 + 1000
    assert (written.key, written.size, written.etag) == (SEGMENT, 13, found.etag)


async def test_headers_follow_the_layout(store: ObjectStore) -> None:
    await store.put("songs/abc/current.json", b"{}", media_type="application/json", cache_control=MUTABLE)
    found = await store.head("songs/abc/current.json")
    assert (found.media_type, found.cache_control) == ("application/json", MUTABLE)


async def test_etags_are_strong_and_follow_the_content(store: ObjectStore) -> None:
    one = (await put(store, "one", b"same")).etag
    other = (await put(store, "other", b"same")).etag
    assert one == other
    assert one[0] == one[-1] == '"'
    assert len(one) > 10
    assert (await put(store, "one", b"else")).etag != one
    assert (await store.head("one")).etag != one
    assert await read_all(store, "one") == b"else"


async def test_an_empty_object_is_an_object(store: ObjectStore) -> None:
    await put(store, "empty", b"")
    assert (await store.head("empty")).size == 0
    assert await read_all(store, "empty") == b""
    assert [chunk async for chunk in store.read("empty", 0, 10)] == []


@pytest.mark.parametrize(
    ("start", "stop"), [(0, None), (0, 1), (3, 7), (9, 10), (9, None), (5, 5), (10, None), (10, 20), (9, 99)]
)
async def test_a_part_of_an_object(store: ObjectStore, start: int, stop: int | None) -> None:
    await put(store, "digits", b"0123456789")
    got = b"".join([chunk async for chunk in store.read("digits", start, stop)])
    assert got == b"0123456789"[start:stop]


async def test_a_large_object_comes_in_pieces(store: ObjectStore) -> None:
    body = bytes(range(256)) * 4096
    await put(store, "large", body)
    chunks = [chunk async for chunk in store.read("large")]
    assert b"".join(chunks) == body
    assert max(map(len, chunks)) <= 256 * 1024
    assert b"".join([chunk async for chunk in store.read("large", 1000, 900_001)]) == body[1000:900_001]


async def test_a_reader_may_leave_early(store: ObjectStore) -> None:
    await put(store, "large", bytes(1 << 20))
    for _ in range(40):  # more than a store has connections
        stream = store.read("large")
        assert await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]
    assert (await store.head("large")).size == 1 << 20


async def test_slow_readers_do_not_keep_others_waiting(store: ObjectStore) -> None:
    await put(store, "large", bytes(1 << 20))
    streams = [store.read("large") for _ in range(40)]  # more than a store keeps connections
    for stream in streams:
        assert await anext(stream)
    async with asyncio.timeout(20):
        await put(store, "other", b"x")
        assert await read_all(store, "other") == b"x"
    for stream in streams:
        assert sum([len(chunk) async for chunk in stream]) > 0


async def test_what_is_not_there_is_missing(store: ObjectStore) -> None:
    await put(store, "folder/object", b"x")
    for key in ("nothing", "folder", "folder/object/below", "folder/nothing"):
        with pytest.raises(ObjectMissing):
            await store.head(key)
        for span in ((0, None), (3, 3), (2, 9)):
            stream = store.read(key, *span)
            with pytest.raises(ObjectMissing):
                await anext(stream)


async def test_create_only_if_absent(store: ObjectStore) -> None:
    await put(store, "once", b"first", if_absent=True)
    with pytest.raises(PreconditionFailed):
        await put(store, "once", b"second", if_absent=True)
    assert await read_all(store, "once") == b"first"


async def test_of_sixteen_creators_one_wins(store: ObjectStore) -> None:
    bodies = [f"racer {number}".encode() for number in range(16)]
    results = await asyncio.gather(
        *(put(store, "race", body, if_absent=True) for body in bodies), return_exceptions=True
    )
    winners = [body for body, result in zip(bodies, results, strict=True) if isinstance(result, ObjectInfo)]
    assert len(winners) == 1
    assert all(isinstance(result, ObjectInfo | PreconditionFailed) for result in results)
    assert await read_all(store, "race") == winners[0]


async def test_replace_only_what_was_seen(store: ObjectStore) -> None:
    seen = await put(store, "pointer", b"v1")
    await put(store, "pointer", b"v2", if_match=seen.etag)
    for etag in (seen.etag, '"0123456789abcdef0123456789abcdef"'):
        with pytest.raises(PreconditionFailed):
            await put(store, "pointer", b"v3", if_match=etag)
    with pytest.raises(PreconditionFailed):
        await put(store, "nothing", b"v3", if_match=seen.etag)
    assert await read_all(store, "pointer") == b"v2"
    assert await keys(store, "") == ["pointer"]


async def test_compare_and_set_loses_no_update(store: ObjectStore) -> None:
    await put(store, "counter", b"0")

    async def increment() -> None:
        while True:
            seen = await store.head("counter")
            value = int(await read_all(store, "counter"))
            try:
                await put(store, "counter", str(value + 1).encode(), if_match=seen.etag)
            except PreconditionFailed:
                continue
            return

    await asyncio.gather(*(increment() for _ in range(8)))
    assert await read_all(store, "counter") == b"8"


async def test_listing_is_by_prefix_and_complete(store: ObjectStore) -> None:
    names = ["a", "ab/c", "ab/d/e", "ab-c", "ab.c", "abc", "b/ab"]
    for name in names:
        await put(store, name, name.encode())
    for prefix in ("", "a", "ab", "ab/", "ab/d", "ab/d/", "ab/d/e", "ab/d/e/", "b", "c", "b/a"):
        found = await keys(store, prefix)
        assert sorted(found) == sorted(name for name in names if name.startswith(prefix))
    infos = {info.key: info async for info in store.list("ab")}
    assert infos["ab/d/e"].size == 6
    assert infos["ab/d/e"].etag == (await store.head("ab/d/e")).etag
    assert sorted([info.key async for info in store.list("ab", named="e")]) == ["ab/d/e"]
    assert sorted([info.key async for info in store.list("", named="ab")]) == ["b/ab"]
    assert [info.key async for info in store.list("ab/", named="ab")] == []
    for prefix in ("/", "../", "a/../", "a//"):
        with pytest.raises(BadKey):
            await keys(store, prefix)


async def test_listings_have_no_end(store: ObjectStore) -> None:
    """More objects than the 1000 of one page of S3."""
    gate = asyncio.Semaphore(16)

    async def one(number: int) -> None:
        async with gate:
            await put(store, f"many/{number:04d}", b"")

    await asyncio.gather(*(one(number) for number in range(1003)))
    assert sorted(await keys(store, "many/")) == [f"many/{number:04d}" for number in range(1003)]


async def test_deleting(store: ObjectStore) -> None:
    for key in ("a/b/c", "a/b/d", "a/e"):
        await put(store, key, b"x")
    await store.delete("a/b/c")
    await store.delete("a/b/c")
    await store.delete("never/there")
    assert sorted(await keys(store, "")) == ["a/b/d", "a/e"]
    await put(store, "a/b/c", b"again", if_absent=True)
    assert await read_all(store, "a/b/c") == b"again"


@pytest.mark.parametrize("key", BAD_KEYS)
async def test_keys_that_could_leave_the_store_are_refused(store: ObjectStore, key: str) -> None:
    with pytest.raises(BadKey):
        await store.head(key)
    with pytest.raises(BadKey):
        await anext(store.read(key))
    with pytest.raises(BadKey):
        await put(store, key, b"x")
    with pytest.raises(BadKey):
        await store.delete(key)


@pytest.mark.parametrize(
    "key",
    ["a b", "100%", "%2e%2e/x", "a+b&c=d", "q?x#y", "Björk – Jóga", "曲/一", "~$!*'()", "...", "a:b;c,d@e"],
)
async def test_names_are_taken_literally(store: ObjectStore, key: str) -> None:
    await put(store, key, key.encode(), if_absent=True)
    assert await read_all(store, key) == key.encode()
    assert await keys(store, "") == [key]
    await store.delete(key)
    assert await keys(store, "") == []


async def test_two_doors_to_one_store(store: ObjectStore, store_url: str) -> None:
    other = open_store(store_url)
    seen = await put(store, "shared", b"one")
    await put(other, "shared", b"two", if_match=seen.etag)
    with pytest.raises(PreconditionFailed):
        await put(store, "shared", b"three", if_match=seen.etag)
    assert await read_all(store, "shared") == b"two"
    await other.close()


async def test_many_objects_at_once(store: ObjectStore) -> None:
    objects = {f"{FOLDER}/audio/low/{number:05d}.m4s": bytes([number]) * 3000 for number in range(40)}
    await put_all(store, objects.items(), if_absent=True)
    assert sorted(await keys(store, FOLDER)) == sorted(objects)
    assert {key: await read_all(store, key) for key in objects} == objects
    # A failure is told when all that began has ended.
    with pytest.raises(PreconditionFailed):
        await put_all(store, objects.items(), if_absent=True)
