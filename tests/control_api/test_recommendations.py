"""Recommendations and the plays they learn from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from control_api.app import Api
from media.presentation import Presentation

Publish = Callable[..., Awaitable[Presentation]]


@pytest.fixture(autouse=True)
async def songs(publish_song: Publish, stranger: Any, api: Api) -> None:
    """Two albums of one artist, one song of another with the same genre, and strangers to all of them."""
    await publish_song("a-one", artists=("Áine",), album="Blue", genres=("Folk",), lufs=-14.0)
    await publish_song("a-two", artists=("Aine",), album="Blue", genres=("Folk",), lufs=-14.5)
    await publish_song("a-red", artists=("Aine", "Bo"), album="Red", genres=("Rock",), lufs=-8.0)
    await publish_song("folk-quiet", artists=("Cleo",), album="Blue", genres=("folk",), lufs=-15.0)
    await publish_song("folk-loud", artists=("Dee",), genres=("Folk", "Metal"), lufs=-6.0)
    await publish_song("far-1", artists=("Eve",), genres=("Techno",), lufs=None)
    await publish_song("far-2", artists=("Fay",))
    await api.refresh()


async def play(listener: Any, *songs: str, ms: int = 20_000) -> None:
    for song_id in songs:
        await listener.ok("POST", "/v1/plays", 201, json={"song_id": song_id, "ms_played": ms})


async def reasons(listener: Any, *seeds: str, limit: int = 20) -> list[tuple[str, str, str | None]]:
    page = await listener.ok(
        "GET", "/v1/recommendations", params=[("limit", str(limit)), *(("seed", seed) for seed in seeds)]
    )
    scores = [item["score"] for item in page["items"]]
    assert scores == sorted(scores, reverse=True)
    return [
        (item["song"]["song_id"], item["reason"]["kind"], item["reason"]["seed"]) for item in page["items"]
    ]


async def test_by_what_is_known_of_the_songs(ann: Any) -> None:
    found = await reasons(ann, "a-one")
    assert found == [
        ("a-two", "same-album", "a-one"),
        ("a-red", "same-artist", "a-one"),
        ("folk-quiet", "same-genre", "a-one"),  # an album of the same name by another artist is another album
        ("folk-loud", "same-genre", "a-one"),
        ("far-1", "popular", None),
        ("far-2", "popular", None),
    ]
    assert await reasons(ann, "a-one") == found
    page = await ann.ok("GET", "/v1/recommendations", params={"seed": "a-one"})
    assert [item["reason"]["text"] for item in page["items"]] == [
        "From the album of “a-one”",
        "By the artist of “a-one”",
        "In the genre of “a-one”",
        "In the genre of “a-one”",
        "Something else from the catalogue",
        "Something else from the catalogue",
    ]
    assert await reasons(ann, "a-one", limit=2) == found[:2]


async def test_by_what_listeners_played_together(ann: Any, bob: Any, sign_up: Any) -> None:
    cy = await sign_up("cy")
    for listener in (bob, cy):
        await play(listener, "a-one", "far-1")
    await play(cy, "far-2")
    page = await ann.ok("GET", "/v1/recommendations", params={"seed": "a-one"})
    first = page["items"][0]
    assert first["song"]["song_id"] == "far-1"
    assert first["reason"] == {
        "kind": "listeners-also-played",
        "text": "Listeners of “a-one” also played this",
        "seed": "a-one",
    }
    assert first["score"] == pytest.approx(1.0, abs=0.05)  # the two audiences are the same


async def test_seeds_of_ones_own_are_the_songs_heard_last(ann: Any, bob: Any, clock: Any, api: Api) -> None:
    nothing_known = await reasons(ann)
    assert {kind for _, kind, _ in nothing_known} == {"popular"}
    assert len(nothing_known) == 7
    await play(ann, "a-red")
    clock.now += 1000
    await play(ann, "far-2")
    assert (await reasons(ann))[0] == ("a-one", "same-artist", "a-red")
    assert {song_id for song_id, *_ in await reasons(ann)}.isdisjoint({"a-red", "far-2"})
    assert await reasons(bob) == nothing_known  # what she hears says nothing to him, yet
    await api.refresh()
    assert (await reasons(bob))[0][0] in ("a-red", "far-2")


async def test_what_is_popular_goes_first(ann: Any, bob: Any, api: Api) -> None:
    await play(bob, "far-2", "far-2", "far-1")
    await api.refresh()
    assert [song_id for song_id, *_ in await reasons(ann)][:2] == ["far-2", "far-1"]
    assert [song_id for song_id, *_ in await reasons(ann, "a-one")][-2:] == ["far-2", "far-1"]
    found = await ann.ok("GET", "/v1/search", params={"q": "far"})
    assert [item["song"]["song_id"] for item in found["items"]] == ["far-2", "far-1"]


async def test_a_short_play_counts_for_nothing(ann: Any, bob: Any) -> None:
    """The songs last 20 s: half of that counts."""
    for ms, counted in ((9_999, False), (10_000, True), (24 * 3_600_000, True)):
        body = {"song_id": "far-1", "ms_played": ms}
        assert await bob.ok("POST", "/v1/plays", 201, json=body) == {"song_id": "far-1", "counted": counted}
    await play(ann, "far-1", "a-one", ms=3_000)
    assert {kind for _, kind, _ in await reasons(ann)} == {"popular"}
    assert (await reasons(bob, "a-one"))[-2:] == [("far-1", "popular", None), ("far-2", "popular", None)]


async def test_long_songs_count_after_half_a_minute(publish_song: Publish, ann: Any, api: Api) -> None:
    await publish_song("long-one", samples=44_100 * 600)
    await api.refresh()
    for ms, counted in ((29_999, False), (30_000, True)):
        told = await ann.ok("POST", "/v1/plays", 201, json={"song_id": "long-one", "ms_played": ms})
        assert told["counted"] is counted


async def test_a_song_that_goes_is_recommended_no_more(ann: Any, bob: Any, store: Any, api: Api) -> None:
    await play(bob, "a-one", "a-two", "far-1")
    await play(ann, "a-one")
    await store.delete("songs/far-1/current.json")
    await store.delete("songs/a-two/current.json")
    await api.refresh()
    assert "far-1" not in [song_id for song_id, *_ in await reasons(ann)]
    await store.delete("songs/a-one/current.json")
    await api.refresh()
    assert {kind for _, kind, _ in await reasons(ann)} == {"popular"}  # her only seed is gone


async def test_who_may_ask_and_about_what(ann: Any, stranger: Any) -> None:
    await stranger.refused(401, "GET", "/v1/recommendations")
    await stranger.refused(401, "POST", "/v1/plays", json={"song_id": "a-one", "ms_played": 1})
    await ann.refused(404, "GET", "/v1/recommendations", params={"seed": "no-such-song"})
    await ann.refused(404, "POST", "/v1/plays", json={"song_id": "no-such-song", "ms_played": 1})
    for ms in (-1, 24 * 3_600_000 + 1, 10**30, "1", 1.5, None):
        await ann.refused(422, "POST", "/v1/plays", json={"song_id": "a-one", "ms_played": ms})
