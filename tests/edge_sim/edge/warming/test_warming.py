"""A listener, an edge that fetches ahead, an origin that counts. Steps are made by waiting until warming has nothing left to do."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from urllib.parse import quote

import pytest

from edge_sim.edge.app import routes
from edge_sim.edge.control import Door
from edge_sim.edge.warming.neighbours import Neighbours, keep
from edge_sim.edge.warming.warming import HELD_MS, Settings, Warming
from media.serving import application, listening
from tests.edge_sim.conftest import SONG, Stage, Talk

DATE = {"Date": "Fri, 15 Jan 2027 08:00:00 GMT"}  # or the fast path leaves an object alone
HIT, MISS = "tonearm-edge; hit", "tonearm-edge; fwd=uri-miss; stored"
NEXT = "songs/b-song/fedcba9876543210/"


def name(number: int, rendition: str = "normal") -> str:
    return f"audio/{rendition}/{number:05d}.m4s"


@pytest.fixture
def settings() -> Settings:
    return Settings(segments=2, next_song=False)


@pytest.fixture
def memory() -> int:
    return 4 << 20


@pytest.fixture
def warmings(monkeypatch) -> list[Warming]:
    """Every `Warming` that an edge of the test makes."""
    made: list[Warming] = []
    before = Warming.__init__

    def noted(self: Warming, *arguments) -> None:
        before(self, *arguments)
        made.append(self)

    monkeypatch.setattr(Warming, "__init__", noted)
    return made


@pytest.fixture
def door(unused_tcp_port) -> str:
    return f"http://127.0.0.1:{unused_tcp_port}"


@pytest.fixture
async def talk(origin, clock, token_keys, session, settings, memory, policy, unused_tcp_port, warmings):
    table = routes(
        origin_url=origin.url,
        keys=token_keys,
        memory=memory,
        policy=policy,
        clock=clock,
        warming=settings,
        control=Door(unused_tcp_port),
    )
    async with listening(application("edge", table), "127.0.0.1", 0) as port:
        yield Talk(f"http://127.0.0.1:{port}", session, token_keys)


@pytest.fixture
def settled(warmings):
    async def wait() -> None:
        for each in warmings:
            await each.settled()

    return wait


@pytest.fixture
def published(origin, talk, tone):
    presentation = Stage(origin, talk).publish(tone)
    for line in origin.lines.values():
        line.headers = {**line.headers, **DATE}
    return presentation


async def warmed(talk: Talk, cause: str) -> tuple[int, ...]:
    """Fetched, useful, wasted."""
    outcomes = ("fetched", "useful", "wasted")
    return tuple(
        [await talk.count("warmed_total", f'{{cause="{cause}",outcome="{each}"}}') for each in outcomes]
    )


class TestSegments:
    @pytest.fixture(autouse=True)
    def song(self, origin):
        for number in range(1, 10):
            origin.says(name(number), b"s" * 100, headers=DATE)

    async def test_a_listener_who_goes_on_waits_once(self, talk, origin, settled):
        caches = []
        for number in range(1, 10):
            caches.append((await talk.get(name(number))).cache)
            await settled()
        assert caches == [MISS] + [HIT] * 8
        assert await warmed(talk, "segments") == (8, 8, 0)
        assert [len(origin.asked(name(number))) for number in range(1, 10)] == [1] * 9

    async def test_the_end_of_a_song_is_run_into_once(self, talk, origin, settled, clock):
        for _ in range(3):
            for number in (7, 8, 9):
                await talk.get(name(number))
                await settled()
            clock.ms += 10_000  # longer than a 404 is believed
        assert (len(origin.asked(name(10))), len(origin.asked(name(11)))) == (1, 0)

    async def test_what_is_hot_fetches_nothing(self, talk, origin, settled):
        for number in (1, 2, 3, 4):
            await talk.get(name(number))
            await settled()
        heard = len(origin.heard)
        for _ in range(5):
            await talk.get(name(1))
            await talk.get(name(2))
        await settled()
        assert len(origin.heard) == heard

    async def test_what_is_gone_before_anybody_came_was_wasted(self, talk, door, settled):
        await talk.get(name(1))
        await settled()
        assert await warmed(talk, "segments") == (2, 0, 0)
        async with talk.session.post(f"{door}/purge", json={"songs": ["a-song"]}) as answer:
            assert await answer.json() == {"purged": 3}
        assert await warmed(talk, "segments") == (2, 0, 2)

    async def test_a_listener_joins_what_is_being_fetched_ahead(self, talk, origin, settled):
        gate = origin.holds(name(2))
        await talk.get(name(1))
        await gate.reached.wait()
        listener = asyncio.create_task(talk.get(name(2)))
        await talk.joined(1)
        gate.open()
        assert (await listener).body == b"s" * 100
        await settled()
        assert len(origin.asked(name(2))) == 1

    class TestRoomForThree:
        @pytest.fixture
        def settings(self) -> Settings:
            return Settings(segments=1, next_song=False)

        @pytest.fixture
        def memory(self) -> int:
            return 3 * (100 + 1024) + 100

        @pytest.fixture
        def policy(self) -> str:
            return "lru"

        async def test_the_first_use_stands_for_a_miss_and_is_no_hit_to_the_policy(
            self, talk, origin, settled
        ):
            for other in ("other", "another"):
                origin.says(other, b"x" * 100)
            await talk.get(name(1))
            await settled()  # 1, 2
            await talk.get("other")  # 1, 2, other
            assert (await talk.get(name(2))).cache == HIT
            await settled()  # 2, other, 3
            await talk.get("another")  # and so 2 goes, not other
            assert (await talk.get("other")).cache == HIT
            assert (await talk.get(name(2))).cache == MISS

    class TestOff:
        @pytest.fixture
        def settings(self) -> Settings:
            return Settings(segments=0, next_song=False)

        async def test_nothing_happens(self, talk, origin, settled):
            await talk.get(name(1), CMCD_Request='nor="00002.m4s"')
            await settled()
            assert len(origin.heard) == 1


class TestNextSong:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(segments=0, next_song=True)

    @pytest.fixture
    def nor(self, talk, origin) -> str:
        origin.says(name(9), b"last", headers=DATE)
        for path in ("audio/high/00001.m4s", "audio/high/init.mp4", "presentation.json"):
            origin.says(f"/{NEXT}{path}", b"next", headers=DATE)
        return quote(f"/t/{talk.sign(NEXT)}/{NEXT}audio/high/00001.m4s", safe="")

    async def starts_at_once(self, talk, origin, settled):
        await settled()
        heard = len(origin.heard)
        for path in ("presentation.json", "audio/high/init.mp4", "audio/high/00001.m4s"):
            assert (await talk.ask(f"/t/{talk.sign(NEXT)}/{NEXT}{path}")).cache == HIT
        assert len(origin.heard) == heard
        assert await warmed(talk, "next-song") == (3, 3, 0)

    async def test_announced_in_a_header(self, talk, origin, settled, nor):
        await talk.get(name(9), CMCD_Request=f'bl=20000,nor="{nor}"')
        await self.starts_at_once(talk, origin, settled)

    async def test_announced_in_the_query(self, talk, origin, settled, nor):
        said = quote(f'bl=20000,nor="{nor}"', safe="")
        await talk.get(f"{name(9)}?CMCD={said}")
        await self.starts_at_once(talk, origin, settled)

    async def test_announced_to_the_fast_path(self, talk, origin, settled, nor):
        for _ in range(2):
            await talk.get(name(9))
        quick = await talk.count("quick_total")
        await talk.get(name(9), CMCD_Request=f'nor="{nor}"')
        assert await talk.count("quick_total") == quick + 1
        await self.starts_at_once(talk, origin, settled)

    async def test_who_has_no_token_announces_nothing(self, talk, origin, settled, nor):
        talk.token = talk.token[:-1]
        assert (await talk.get(name(9), CMCD_Request=f'nor="{nor}"')).status == 403
        await settled()
        assert not origin.heard

    async def test_what_needs_no_token_announces_nothing(self, talk, origin, settled, nor):
        origin.says("public/cover.jpg", b"cover", headers=DATE)
        for _ in range(4):  # by the fast path in the end
            await talk.ask(f"/{SONG}public/cover.jpg", CMCD_Request=f'nor="{nor}"')
        assert await talk.count("quick_total") >= 1
        await settled()
        assert [each.path for each in origin.heard] == [f"{SONG}public/cover.jpg"]

    async def test_announcing_opens_nothing(self, talk, origin, settled, nor):
        await talk.get(name(9), CMCD_Request=f'nor="{nor}"')
        await settled()
        assert (await talk.ask(f"/t/{talk.token}/{NEXT}audio/high/00001.m4s")).status == 403


class TestVelocity:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(segments=0, next_song=False, velocity=5)

    async def test_a_song_that_rises_is_fetched_whole_in_the_rendition_that_is_heard(
        self, talk, origin, settled, published
    ):
        for _ in range(4):
            await talk.get(name(1))
        await settled()
        assert not origin.asked(name(2))
        await talk.get(name(1))
        await settled()
        segments = published.rendition("normal").segments
        assert len(segments) > 2
        for each in segments:
            assert (await talk.get(each.path)).cache == HIT
        assert not origin.asked(name(2, "high"))

    class TestRoom:
        @pytest.fixture
        def memory(self) -> int:
            return 800_000

        @pytest.fixture
        def others(self, talk, origin):
            async def come_and_go(letter: str) -> None:
                for number in range(16):
                    origin.says(f"{letter}{number}", bytes(100_000))
                    for _ in range(2):
                        await talk.get(f"{letter}{number}")

            return come_and_go

        async def test_it_stays_while_others_come_and_go_and_leaves_when_it_slows_down(
            self, talk, settled, published, clock, others
        ):
            for _ in range(5):
                await talk.get(name(1))
            await settled()
            await others("a")
            assert (await talk.get(name(2))).cache == HIT
            clock.ms += HELD_MS
            await talk.get(name(1, "high"))  # any start lets go of what is held no longer
            await others("b")
            assert (await talk.get(name(2))).cache == MISS

        async def test_what_slows_down_while_it_is_fetched_is_held_no_longer(
            self, talk, origin, settled, published, clock, others
        ):
            gate = origin.holds(name(3))
            for _ in range(5):
                await talk.get(name(1))
            await gate.reached.wait()
            clock.ms += HELD_MS
            await talk.get(name(1, "high"))
            gate.open()
            await settled()
            await others("a")
            assert (await talk.get(name(2))).cache == MISS
            assert (await talk.get(name(3))).cache == MISS

        class TestFull:
            @pytest.fixture
            def policy(self) -> str:
                return "lru"

            async def test_each_is_held_as_it_comes(self, talk, origin, settled, published, others):
                await others("a")
                gate = origin.holds(name(3))
                for _ in range(5):
                    await talk.get(name(1))
                await gate.reached.wait()
                await others("b")
                gate.open()
                await settled()
                assert (await talk.get(name(2))).cache == HIT


class TestPopular:
    async def test_a_cold_edge_begins_with_what_its_neighbour_plays(
        self, talk, origin, published, clock, token_keys, session, door
    ):
        for _ in range(3):
            await talk.get(name(1, "high"))
        told = Neighbours(source=door, songs=10)
        table = routes(origin_url=origin.url, keys=token_keys, memory=1 << 20, clock=clock, neighbours=told)
        async with listening(application("edge", table), "127.0.0.1", 0) as port:
            cold = Talk(f"http://127.0.0.1:{port}", session, token_keys)
            while await cold.count("warmed_total", '{cause="popular",outcome="fetched"}') < 5:
                pass
            heard = len(origin.heard)
            for path in ("hls.m3u8", "audio/high/hls.m3u8", "audio/high/init.mp4", name(1, "high")):
                assert (await cold.get(path)).cache == HIT
            assert len(origin.heard) == heard
            assert not origin.asked(name(1, "normal"))

    async def test_the_list(self, talk, published, door):
        for _ in range(3):
            await talk.get(name(1, "high"))
        async with talk.session.get(f"{door}/popular") as answer:
            assert await answer.json() == {
                "songs": [{"song": "a-song/0123456789abcdef", "rendition": "high", "streams": 3}]
            }

    async def test_the_file(self, talk, published, tmp_path: Path, warmings):
        await talk.get(name(1))
        file = tmp_path / "popular.json"
        turns = [0, 1]

        async def pause(seconds: float) -> None:
            if not turns.pop():
                raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            await keep(warmings[0].popular, file, pause=pause)
        assert json.loads(file.read_bytes())["songs"][0]["streams"] == 1
        assert [each.name for each in tmp_path.iterdir()] == ["popular.json"]
        assert warmings[0].popular.top(9) == []  # half of one is none
