"""What only stores behind a network can meet: nobody there, nobody let in, and servers that say yes to everything."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from media import tracing
from media.errors import ObjectMissing, SettingsError, StoreUnavailable
from media.ports import ObjectStore
from media.registry import open_store
from media.serving import listening


def url(kind: str, address: str, bucket: str = "music") -> str:
    if kind == "s3":
        return f"s3://{bucket}/x?endpoint=http://{address}&region=us-east-1&path_style=1"
    return f"minio://{address}/{bucket}/x?secure=0"


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testsecret")


async def fails(store: ObjectStore, match: str) -> None:
    """Every method says that the store, and not the object, is the trouble."""
    with pytest.raises(StoreUnavailable, match=match):
        await anext(store.read("key"))
    with pytest.raises(StoreUnavailable, match=match):
        await store.put("key", b"", media_type="text/plain", cache_control="no-cache")
    with pytest.raises(StoreUnavailable, match=match):
        await anext(store.list(""))
    await store.close()


@pytest.mark.parametrize("kind", ["s3", "minio"])
async def test_nobody_there(kind: str, unused_tcp_port: int) -> None:
    store = open_store(url(kind, f"127.0.0.1:{unused_tcp_port}"))
    with pytest.raises(StoreUnavailable):
        await store.head("key")
    await store.close()


@pytest.mark.s3
@pytest.mark.parametrize("kind", ["s3", "minio"])
async def test_a_wrong_secret(kind: str, weed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "no secret at all")
    await fails(open_store(url(kind, weed)), "SignatureDoesNotMatch")


@pytest.mark.s3
@pytest.mark.parametrize("kind", ["s3", "minio"])
async def test_no_such_bucket(kind: str, weed: str) -> None:
    store = open_store(url(kind, weed, bucket="nowhere"))
    with pytest.raises((StoreUnavailable, ObjectMissing)):  # HEAD carries no reason
        await store.head("key")
    with pytest.raises(StoreUnavailable, match="NoSuchBucket"):
        await anext(store.read("key"))
    await store.close()


@pytest.fixture
async def yes_sayer() -> AsyncIterator[tuple[str, list[str]]]:
    """An S3 server of 2020: it takes every PUT and never heard of conditions."""
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        seen.append(f"{request.method} {request.path}")
        return web.Response(status=204 if request.method == "DELETE" else 200, headers={"ETag": '"abc"'})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with listening(app, "127.0.0.1", 0) as port:
        yield f"127.0.0.1:{port}", seen


@pytest.mark.parametrize("kind", ["s3", "minio"])
async def test_a_server_that_ignores_conditions_gets_no_conditional_put(
    kind: str, yes_sayer: tuple[str, list[str]]
) -> None:
    address, seen = yes_sayer
    store = open_store(url(kind, address))
    for condition in ({"if_absent": True}, {"if_match": '"abc"'}):
        with pytest.raises(StoreUnavailable, match="ignores If-None-Match"):
            await store.put("key", b"x", media_type="text/plain", cache_control="no-cache", **condition)  # type: ignore[arg-type]
    assert "PUT /music/x/key" not in seen
    assert [line.split("/")[0] for line in seen] == ["PUT ", "PUT ", "DELETE "] * 2
    await store.put("key", b"x", media_type="text/plain", cache_control="no-cache")
    assert seen[-1] == "PUT /music/x/key"
    await store.close()


@pytest.mark.parametrize(
    "broken",
    [
        "s3://",
        "s3:///prefix",
        "s3://bucket/a/../b",
        "s3://bucket?endpoint=x&endpoint=y",
        "s3://bucket?path_style=yes",
        "s3://bucket?acl=public",
        "s3://bucket?endpoint=not-a-url",
        "s3://key:secret@bucket/",
        "minio://",
        "minio://host:9000",
        "minio://host:9000/bucket?secure=maybe",
        "minio://host:9000/bucket?endpoint=x",
        "minio://key:secret@host:9000/bucket",
        "file:",
        "file://elsewhere/folder",
        "file:/folder?x=1",
    ],
)
def test_addresses_that_make_no_sense(broken: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        open_store(broken)
    assert "secret" not in str(refusal.value)


@pytest.fixture
async def busy() -> AsyncIterator[tuple[str, list[int]]]:
    """An S3 server that answers as the list says, one status a request, and 200 from then on."""
    told: list[int] = []

    async def answer(request: web.Request) -> web.Response:
        assert await request.read() in (b"", b"body")
        return web.Response(status=told.pop(0) if told else 200, headers={"ETag": '"abc"'}, body=b"")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with listening(app, "127.0.0.1", 0) as port:
        yield f"127.0.0.1:{port}", told


async def test_what_passes_by_itself_is_tried_again_after_growing_waits(
    busy: tuple[str, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, told = busy
    waits: list[float] = []

    async def pause(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("origin.stores.s3.PAUSE", pause)
    store = open_store(url("s3", address))
    told[:] = [503, 500, 429]
    await store.put("key", b"body", media_type="text/plain", cache_control="no-cache")
    assert [wait <= 0.1 * 2**number for number, wait in enumerate(waits)] == [True] * 3
    assert len(set(waits)) == 3  # nobody else comes back at the same moment
    told[:] = [503] * 4
    with pytest.raises(StoreUnavailable, match="503"):
        await store.put("key", b"body", media_type="text/plain", cache_control="no-cache")
    assert (told, len(waits)) == ([], 6)
    told[:] = [403]
    with pytest.raises(StoreUnavailable, match="403"):
        await store.head("key")
    assert len(waits) == 6  # what will not pass is said at once
    await store.close()


async def test_the_request_and_its_trace_are_told_to_the_store() -> None:
    told: list[tuple[str | None, str | None]] = []

    async def answer(request: web.Request) -> web.Response:
        told.append((request.headers.get("traceparent"), request.headers.get("X-Request-Id")))
        return web.Response(headers={"ETag": '"abc"'})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with listening(app, "127.0.0.1", 0) as port:
        store = open_store(url("s3", f"127.0.0.1:{port}"))
        await store.head("key")
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        tracing.current.set(trace)
        tracing.request_id.set("request-1")
        await store.head("key")
        await store.close()
    assert told == [(None, None), (trace, "request-1")]
