"""A disk that is full: a real one, of one megabyte."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from media.errors import StoreUnavailable
from media.registry import open_store
from origin.publish import current, publish

VERSIONS = ("1" * 16, "2" * 16)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, timeout=20
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount a small disk: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True, timeout=20)


def objects(size: int) -> list[tuple[str, bytes]]:
    segments = [(f"audio/low/{number:05d}.m4s", bytes(size // 8)) for number in range(8)]
    return [*segments, ("hls.m3u8", b"#EXTM3U\n"), ("presentation.json", b"{}")]


async def test_what_does_not_fit_leaves_nothing_and_what_fits_is_published_after(small_disk: Path) -> None:
    store = open_store(str(small_disk / "store"))
    with pytest.raises(StoreUnavailable, match="No space left on device"):
        await publish(store, song_id="abc", version=VERSIONS[0], objects=objects(2_000_000))
    assert await current(store, "abc") is None
    assert [info.key async for info in store.list("songs/")] == []
    await publish(store, song_id="abc", version=VERSIONS[1], objects=objects(600_000))
    pointer = await current(store, "abc")
    assert pointer is not None
    assert pointer.version == VERSIONS[1]
    # A second song finds no room, and takes nothing of the first.
    with pytest.raises(StoreUnavailable, match="No space left on device"):
        await publish(store, song_id="def", version=VERSIONS[0], objects=objects(600_000))
    assert len([info async for info in store.list("songs/abc/")]) == 11
    assert [info.key async for info in store.list("songs/def/")] == []
    await store.close()
