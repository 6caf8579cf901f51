"""What is particular to a folder as a store: links, leftovers, clocks, other processes."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from media.errors import BadKey, ObjectMissing, PreconditionFailed, SettingsError, StoreUnavailable
from media.ports import ObjectInfo, ObjectStore, read_all
from media.registry import open_store
from origin.stores.file import FileStore


async def put(store: ObjectStore, key: str, body: bytes, **conditions: object) -> ObjectInfo:
    return await store.put(key, body, media_type="x/y", cache_control="no-cache", **conditions)  # type: ignore[arg-type]


async def keys(store: ObjectStore, prefix: str = "") -> list[str]:
    return [info.key async for info in store.list(prefix)]


def files(folder: Path) -> set[str]:
    """All that lies below `folder`, objects or not, without the store's lock."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")} - {".tonearm-lock"}


async def test_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    await put(open_store("file:some%20where/below"), "a", b"x")
    assert (tmp_path / "some where" / "below" / "a").read_bytes() == b"x"
    for url in (f"file:{tmp_path}/some%20where/below", f"file://{tmp_path}/some%20where/below"):
        assert await keys(open_store(url)) == ["a"]
    assert await keys(open_store(str(tmp_path / "some where" / "below"))) == ["a"]


@pytest.mark.parametrize(
    "name",
    ["100%41", "a#b", "a?b=c", " a ", "a\nb\tc", "[::1", "ä", b"\xff\xfe", "-a", ":\\x", "x" * 200],
)
async def test_a_plain_path_means_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str | bytes
) -> None:
    monkeypatch.chdir(tmp_path)
    plain = os.fsdecode(name)
    await put(open_store(plain if ":" not in plain else f"./{plain}"), "a", b"x")
    assert [path.name for path in tmp_path.iterdir()] == [plain]


@pytest.mark.parametrize("url", ["file", "file/below", "dangling", "file:file"])
def test_what_can_be_no_folder_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "dangling").symlink_to("nowhere")
    with pytest.raises(SettingsError, match="is no folder"):
        open_store(url)


@pytest.mark.parametrize(
    "url",
    ["", "file:", "file://other/x", "file:a\nb", "s3://[", "minio://[::1/x", "minio://a:b/x", "http://["],
)
def test_an_address_that_is_none_is_one_line(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        open_store(url)
    assert len(str(caught.value).splitlines()) == 1


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file beside the store, that nobody may reach through it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    return outside


async def test_links_are_not_objects(store: ObjectStore, folder: Path, secret: Path) -> None:
    await put(store, "songs/real", b"real")
    (folder / "songs" / "file").symlink_to(secret / "secret")
    (folder / "songs" / "dir").symlink_to(secret)
    (folder / "songs" / "inside").symlink_to(folder / "songs" / "real")
    (folder / "songs" / "loop").symlink_to(folder / "songs" / "loop")
    for key in ("songs/file", "songs/dir/secret", "songs/dir", "songs/inside", "songs/loop"):
        with pytest.raises(ObjectMissing):
            await store.head(key)
        with pytest.raises(ObjectMissing):
            await anext(store.read(key))
    assert await keys(store) == ["songs/real"]
    assert await keys(store, "songs/dir/") == []
    with pytest.raises(BadKey):
        await put(store, "songs/dir/new", b"x")
    await store.delete("songs/dir/secret")
    assert os.listdir(secret) == ["secret"]
    assert (secret / "secret").read_text() == "secret"


async def test_replacing_a_link_replaces_the_link(store: ObjectStore, folder: Path, secret: Path) -> None:
    folder.mkdir()
    (folder / "file").symlink_to(secret / "secret")
    with pytest.raises(PreconditionFailed):
        await put(store, "file", b"x", if_absent=True)
    with pytest.raises(PreconditionFailed):
        await put(store, "file", b"x", if_match='"abc"')
    await put(store, "file", b"mine")
    assert (secret / "secret").read_text() == "secret"
    assert await read_all(store, "file") == b"mine"


async def test_a_store_may_itself_be_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    await put(FileStore(tmp_path / "link"), "a/b", b"x")
    assert (tmp_path / "real" / "a" / "b").read_bytes() == b"x"


async def test_what_is_not_a_regular_file_is_not_an_object(store: ObjectStore, folder: Path) -> None:
    await put(store, "a/b", b"x")
    os.mkfifo(folder / "fifo")
    for key in ("fifo", "a"):
        with pytest.raises(ObjectMissing):
            await store.head(key)
        with pytest.raises(ObjectMissing):
            await anext(store.read(key))
    assert await keys(store) == ["a/b"]


async def test_an_object_cannot_be_a_folder_too(store: ObjectStore) -> None:
    await put(store, "a/b", b"x")
    with pytest.raises(BadKey):
        await put(store, "a", b"x")
    with pytest.raises(BadKey):
        await put(store, "a/b/c", b"x")
    await store.delete("a")
    assert await keys(store) == ["a/b"]


async def test_temporary_files_and_foreign_names_are_not_listed(store: ObjectStore, folder: Path) -> None:
    await put(store, "a", b"x")
    (folder / ".tonearm-0123456789abcdef").write_bytes(b"half of it")
    (folder / "back\\slash").write_bytes(b"x")
    (folder / os.fsdecode(b"\xff\xfe")).write_bytes(b"x")
    assert await keys(store) == ["a"]
    assert await keys(store, ".tonearm-") == []


async def test_nothing_is_left_behind(store: ObjectStore, folder: Path) -> None:
    await put(store, "a/b/c", b"x")
    with pytest.raises(PreconditionFailed):
        await put(store, "a/b/c", b"y", if_absent=True)
    with pytest.raises(PreconditionFailed):
        await put(store, "a/b/c", b"y", if_match='"z"')
    assert files(folder) == {"a", "a/b", "a/b/c"}
    await put(store, "a/d", b"x")
    await store.delete("a/b/c")
    assert files(folder) == {"a", "a/d"}
    await store.delete("a/d")
    assert files(folder) == set()


async def test_keys_are_listed_in_order(store: ObjectStore) -> None:
    """Order of whole keys: ``-`` and ``.`` sort before the ``/`` that ends a folder's name, letters after it."""
    names = ["a-b/x", "a.b", "a/b", "a/c/d", "a0", "ab", "b/é", "b/曲", "b/😀"]
    for name in reversed(names):
        await put(store, name, b"")
    assert await keys(store) == names == sorted(names)


async def test_an_etag_is_not_remembered_for_a_file_that_may_still_change(
    store: ObjectStore, folder: Path
) -> None:
    """Same inode, size and time, as when two writes fall into one tick of the file system's clock."""
    await put(store, "a", b"one")
    seen = await store.head("a")
    status = (folder / "a").stat()
    (folder / "a").write_bytes(b"two")
    os.utime(folder / "a", ns=(status.st_atime_ns, status.st_mtime_ns))
    again = await store.head("a")
    assert again.modified_ms == seen.modified_ms
    assert again.etag != seen.etag


async def test_an_etag_of_an_older_file_is_remembered(store: ObjectStore, folder: Path) -> None:
    """Shown by a change that no clock saw."""
    await put(store, "a", b"one")
    old = time.time_ns() - 10_000_000_000
    os.utime(folder / "a", ns=(old, old))
    seen = await store.head("a")
    (folder / "a").write_bytes(b"two")
    os.utime(folder / "a", ns=(old, old))
    assert (await store.head("a")).etag == seen.etag
    os.utime(folder / "a", ns=(old + 1, old + 1))
    assert (await store.head("a")).etag != seen.etag


async def test_puts_into_a_folder_that_another_removes(store: ObjectStore, folder: Path) -> None:
    """As a delete does that has emptied it: once a put at most, perhaps just after the put has made it."""
    goes_on, turn = True, threading.Semaphore(0)

    def remove() -> None:
        while turn.acquire() and goes_on:
            with suppress(OSError):
                while True:  # until it was there and is gone, or holds something
                    with suppress(FileNotFoundError):
                        os.rmdir(folder / "deep" / "er")
                        break

    remover = threading.Thread(target=remove)
    remover.start()
    try:
        for number in range(50):
            turn.release()
            await put(store, f"deep/er/{number}", b"x")
            await store.delete(f"deep/er/{number}")
    finally:
        goes_on = False
        turn.release()
        (folder / "deep" / "er").mkdir(parents=True, exist_ok=True)  # for a remover that still waits for it
        remover.join()


def add_one(folder: Path, times: int) -> None:
    async def run() -> None:
        store = FileStore(folder)
        for _ in range(times):
            while True:
                seen = await store.head("counter")
                value = int(await read_all(store, "counter"))
                try:
                    await put(store, "counter", b"%04d" % (value + 1), if_match=seen.etag)
                except PreconditionFailed:
                    continue
                break

    asyncio.run(run())


async def test_compare_and_set_between_processes(store: ObjectStore, folder: Path) -> None:
    await put(store, "counter", b"0000")
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=add_one, args=(folder, 40)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        await asyncio.to_thread(process.join)
        assert process.exitcode == 0
    assert await read_all(store, "counter") == b"0080"


async def test_a_disk_that_refuses(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreUnavailable, match="File exists"):
        await put(FileStore(tmp_path / "file"), "a", b"x")
    assert await keys(FileStore(tmp_path / "nowhere")) == []
    with pytest.raises(ObjectMissing):
        await FileStore(tmp_path / "nowhere").head("a")


async def test_descriptors_are_closed(store: ObjectStore) -> None:
    await put(store, "large", bytes(1 << 20))
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        stream = store.read("large")
        await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]
        reading = asyncio.create_task(anext(store.read("large")))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await store.head("large")
        with pytest.raises(ObjectMissing):
            await store.head("nothing")
    await asyncio.to_thread(int)  # the pool has taken up all that was begun before
    assert len(os.listdir("/proc/self/fd")) <= before + 1


BODIES = {"a": b"1", "b/c": b"22", "b/d/e": b""}


async def test_a_folder_in_one_step(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    assert await store.create_folder("x/y/", BODIES)
    assert [(info.key, info.size) async for info in store.list("")] == [
        ("x/y/a", 1),
        ("x/y/b/c", 2),
        ("x/y/b/d/e", 0),
    ]
    assert files(tmp_path) == {"x", "x/y", "x/y/a", "x/y/b", "x/y/b/c", "x/y/b/d", "x/y/b/d/e"}


async def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    await put(store, "x/y/other", b"old")
    await put(store, "file", b"old")
    (tmp_path / "link").symlink_to(tmp_path / "x")
    before = files(tmp_path)
    for prefix in ("x/y/", "file/", "file/below/", "link/", "link/below/"):
        assert not await store.create_folder(prefix, BODIES)
    assert files(tmp_path) == before


async def test_of_many_who_create_one_folder_one_does(tmp_path: Path) -> None:
    stores = [FileStore(tmp_path) for _ in range(8)]
    bodies = [{"a": bytes([number]), "b/c": bytes([number])} for number in range(8)]
    made = await asyncio.gather(
        *(store.create_folder("x/", each) for store, each in zip(stores, bodies, strict=True))
    )
    winner = bodies[made.index(True)]
    assert sum(made) == 1
    assert (
        await read_all(stores[0], "x/a") + await read_all(stores[0], "x/b/c") == winner["a"] + winner["b/c"]
    )
    assert files(tmp_path) == {"x", "x/a", "x/b", "x/b/c"}


@pytest.mark.parametrize("failing", range(1, 7))  # three files and three folders
async def test_a_folder_that_cannot_be_written_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    calls, fsync = iter(range(1, 1000)), os.fsync

    def full(descriptor: int) -> None:
        if next(calls) == failing:
            raise OSError(28, "No space left on device")
        fsync(descriptor)

    (tmp_path / "x").mkdir()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreUnavailable, match="No space left"):
        await FileStore(tmp_path).create_folder("x/y/", BODIES)
    assert files(tmp_path) == {"x"}


@pytest.mark.parametrize("path", ["../a", "/a", "b//c", ".tonearm-a", ""])
async def test_a_folder_holds_keys_only(tmp_path: Path, path: str) -> None:
    with pytest.raises(BadKey):
        await FileStore(tmp_path).create_folder("x/", {"a": b"1", path: b"2"})
    assert files(tmp_path) == set()
