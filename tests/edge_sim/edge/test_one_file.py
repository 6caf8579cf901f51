"""Byte ranges of a rendition that is one file, through the real edge and the real origin over a real store."""

from __future__ import annotations

import pytest

from edge_sim.edge.app import routes
from media.layout import track
from media.registry import open_store
from media.serving import application, listening
from origin.app import routes as origin_routes
from origin.publish import publish
from tests.edge_sim.conftest import Talk

VERSION = "0123456789abcdef"
FILE = bytes(range(256)) * 400  # 102,400 bytes: one of them at each place
PATH = track("normal")


@pytest.fixture
async def listener(tmp_path, token_keys, clock, session, memory):
    """A listener before an edge, before an origin, before a folder."""
    store = open_store(f"file:{tmp_path}")
    await publish(
        store,
        song_id="a-song",
        version=VERSION,
        objects=[(PATH, FILE), ("presentation.json", b"{}")],
    )
    async with listening(application("origin", origin_routes(store)), "127.0.0.1", 0) as behind:
        table = routes(
            origin_url=f"http://127.0.0.1:{behind}", keys=token_keys, memory=memory, clock=clock, api_url=None
        )
        async with listening(application("edge", table), "127.0.0.1", 0) as port:
            yield Talk(f"http://127.0.0.1:{port}", session, token_keys)
    await store.close()


async def test_the_first_range_fetches_the_file_and_the_second_is_a_hit(listener):
    header = await listener.get(PATH, Range="bytes=0-799")
    assert (header.status, header.body) == (206, FILE[:800])
    assert header.headers["Content-Range"] == "bytes 0-799/102400"
    assert header.headers["Content-Type"] == "audio/mp4"
    assert "fwd=uri-miss; stored" in header.cache
    segment = await listener.get(PATH, Range="bytes=900-20899")
    assert (segment.status, segment.body) == (206, FILE[900:20900])
    assert segment.headers["Content-Range"] == "bytes 900-20899/102400"
    assert segment.headers["Content-Length"] == "20000"
    assert "tonearm-edge; hit" in segment.cache
    assert await listener.count("fetches_total", '{outcome="200"}') == 1
    beyond = await listener.get(PATH, Range="bytes=102400-")
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, "bytes */102400")
    whole = await listener.get(PATH)
    assert (whole.status, whole.body, whole.headers["Accept-Ranges"]) == (200, FILE, "bytes")


async def test_a_range_goes_on_after_a_break_only_of_the_same_file(listener):
    etag = (await listener.get(PATH, Range="bytes=0-9")).headers["ETag"]
    same = await listener.get(PATH, Range="bytes=10-19", If_Range=etag)
    assert (same.status, same.body) == (206, FILE[10:20])
    other = await listener.get(PATH, Range="bytes=10-19", If_Range='"of another"')
    assert (other.status, other.body) == (200, FILE)


class TestAFileThatIsTooLargeToKeep:
    @pytest.fixture
    def memory(self) -> int:
        return 2 * len(FILE)  # no object may take more than a fourth of it

    async def test_each_range_passes_through_to_the_origin(self, listener):
        for first in (0, 900, 50_000):
            part = await listener.get(PATH, Range=f"bytes={first}-{first + 99}")
            assert (part.status, part.body) == (206, FILE[first : first + 100])
            assert part.headers["Content-Range"] == f"bytes {first}-{first + 99}/102400"
            assert "fwd=uri-miss" in part.cache
            assert "stored" not in part.cache
