"""Playlists: their owner's, in order, one change at a time, and nobody else's."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from control_api import playlist_items, playlists
from control_api.app import Api
from control_api.models import PlaylistItemRecord

SONGS = ["song-a", "song-b", "song-c", "song-d"]


@pytest.fixture(autouse=True)
async def songs(publish_song: Callable[..., Awaitable[Any]], api: Api) -> None:
    for song_id in SONGS:
        await publish_song(song_id, artists=(song_id,))


@pytest.fixture
async def mine(ann: Any) -> str:
    """The path of a playlist of Ann's."""
    made = await ann.ok("POST", "/v1/playlists", 201, json={"title": "Evening"})
    return f"/v1/playlists/{made['playlist_id']}"


async def add(listener: Any, playlist: str, song_id: str, position: int | None = None) -> Any:
    body = {"song_id": song_id} | ({} if position is None else {"position": position})
    return await listener.ok("POST", f"{playlist}/items", 201, json=body)


def order(playlist: Any) -> list[str]:
    assert [item["position"] for item in playlist["items"]] == list(range(len(playlist["items"])))
    return [item["song_id"] for item in playlist["items"]]


async def test_make_read_edit_and_delete(ann: Any, clock: Any) -> None:
    made = await ann.ok("POST", "/v1/playlists", 201, json={"title": " Evening ", "description": "Slow"})
    assert made["title"] == "Evening"
    assert made["items"] == []
    assert made["share_id"] is None
    mine = f"/v1/playlists/{made['playlist_id']}"
    clock.now += 5
    edited = await ann.ok("PATCH", mine, json={"description": ""})
    assert (edited["title"], edited["description"]) == ("Evening", "")
    assert edited["updated_ms"] == made["updated_ms"] + 5
    assert edited["version"] == made["version"] + 1
    assert await ann.ok("GET", mine) == edited
    await ann.ok("DELETE", mine, 204)
    await ann.refused(404, "GET", mine)
    await ann.refused(404, "DELETE", mine)


async def test_lists_are_paged_newest_first(ann: Any, clock: Any) -> None:
    made = []
    for number in range(5):
        clock.now += number % 2  # some are of the same millisecond
        playlist = await ann.ok("POST", "/v1/playlists", 201, json={"title": str(number)})
        made.append((playlist["created_ms"], playlist["playlist_id"]))
    seen = []
    query: dict[str, Any] = {"limit": 2}
    for expected in (2, 2, 1):
        page = await ann.ok("GET", "/v1/playlists", params=query)
        assert len(page["items"]) == expected
        seen += [(item["created_ms"], item["playlist_id"]) for item in page["items"]]
        query["cursor"] = page["next_cursor"]
    assert page["next_cursor"] is None
    assert seen == sorted(made, reverse=True)


async def test_add_move_and_remove(ann: Any, mine: str, clock: Any) -> None:
    await add(ann, mine, "song-a")
    await add(ann, mine, "song-b")
    await add(ann, mine, "song-c", 0)
    clock.now += 1
    full = await add(ann, mine, "song-a", 2)  # a song may be there twice
    assert order(full) == ["song-c", "song-a", "song-a", "song-b"]
    assert full["items"][2]["added_ms"] == full["items"][1]["added_ms"] + 1
    assert full["items"][3]["song"]["title"] == "song-b"

    last = full["items"][3]["item_id"]
    moved = await ann.ok("PATCH", f"{mine}/items", json={"item_id": last, "position": 0})
    assert order(moved) == ["song-b", "song-c", "song-a", "song-a"]
    moved = await ann.ok("PATCH", f"{mine}/items", json={"item_id": last, "position": 2})
    assert order(moved) == ["song-c", "song-a", "song-b", "song-a"]
    same = await ann.ok("PATCH", f"{mine}/items", json={"item_id": last, "position": 2})
    assert order(same) == order(moved)
    left = await ann.ok("DELETE", f"{mine}/items/{moved['items'][1]['item_id']}")
    assert order(left) == ["song-c", "song-b", "song-a"]
    assert await ann.ok("GET", mine) == left

    await ann.refused(422, "PATCH", f"{mine}/items", json={"item_id": last, "position": 3})
    await ann.refused(422, "POST", f"{mine}/items", json={"song_id": "song-a", "position": 4})
    await ann.refused(422, "POST", f"{mine}/items", json={"song_id": "song-a", "position": -1})
    await ann.refused(404, "POST", f"{mine}/items", json={"song_id": "no-such-song"})
    await ann.refused(404, "PATCH", f"{mine}/items", json={"item_id": "0" * 32, "position": 0})
    await ann.refused(404, "DELETE", f"{mine}/items/{moved['items'][1]['item_id']}")
    assert await ann.ok("GET", mine) == left


async def test_any_sequence_of_changes_keeps_the_order_of_a_list(ann: Any, mine: str) -> None:
    """Held against the same changes to a Python list."""
    choose = random.Random(7)
    model: list[str] = []
    for _ in range(60):
        what = choose.choice(["add", "add", "move", "remove"])
        if what == "add" or not model:
            at = choose.randrange(len(model) + 1)
            state = await add(ann, mine, choose.choice(SONGS), at)
            (new,) = {item["item_id"] for item in state["items"]} - set(model)
            model.insert(at, new)
        elif what == "move":
            item, at = choose.choice(model), choose.randrange(len(model))
            state = await ann.ok("PATCH", f"{mine}/items", json={"item_id": item, "position": at})
            model.remove(item)
            model.insert(at, item)
        else:
            item = model.pop(choose.randrange(len(model)))
            state = await ann.ok("DELETE", f"{mine}/items/{item}")
        order(state)
        assert [item["item_id"] for item in state["items"]] == model


async def test_changes_at_the_same_time_leave_no_gap(ann: Any, mine: str) -> None:
    await asyncio.gather(*(add(ann, mine, song_id, 0) for song_id in SONGS * 4))
    items = [item["item_id"] for item in (await ann.ok("GET", mine))["items"]]
    assert len(items) == 16
    moves = [
        ann.ok("PATCH", f"{mine}/items", json={"item_id": item, "position": at})
        for at, item in enumerate(reversed(items[:10]))
    ]
    removals = [ann.ok("DELETE", f"{mine}/items/{item}") for item in items[10:]]
    await asyncio.gather(*moves, *removals)
    after = await ann.ok("GET", mine)
    order(after)
    assert {item["item_id"] for item in after["items"]} == set(items[:10])


async def test_if_match_lets_only_the_first_of_two_changes_through(ann: Any, mine: str) -> None:
    response = await ann.call("GET", mine)
    tag = {"If-Match": response.headers["ETag"]}
    assert tag["If-Match"] == '"v1"'
    changed = await ann.call("PATCH", mine, json={"title": "First"}, headers=tag)
    assert changed.headers["ETag"] == '"v2"'
    for method, path, body in [
        ("PATCH", mine, {"title": "Second"}),
        ("POST", f"{mine}/items", {"song_id": "song-a"}),
        ("POST", f"{mine}/share", None),
        ("DELETE", mine, None),
    ]:
        for stale in (tag["If-Match"], '"something"', 'W/"v2"', '"v99999999999999999999"'):
            await ann.refused(412, method, path, json=body, headers={"If-Match": stale})
    assert (await ann.ok("GET", mine))["title"] == "First"
    await ann.ok("PATCH", mine, json={"title": "Third"}, headers={"If-Match": "*"})
    await ann.ok("DELETE", mine, 204, headers={"If-Match": '"v3"'})


async def test_a_playlist_is_not_there_for_anybody_else(ann: Any, bob: Any, stranger: Any, mine: str) -> None:
    item = (await add(ann, mine, "song-a"))["items"][0]["item_id"]
    await ann.ok("POST", f"{mine}/share")  # a link is no key to the playlist itself
    before = await ann.ok("GET", mine)
    for method, path, body in [
        ("GET", mine, None),
        ("PATCH", mine, {"title": "Bob's now"}),
        ("POST", f"{mine}/items", {"song_id": "song-b"}),
        ("PATCH", f"{mine}/items", {"item_id": item, "position": 0}),
        ("DELETE", f"{mine}/items/{item}", None),
        ("POST", f"{mine}/share", None),
        ("DELETE", f"{mine}/share", None),
        ("DELETE", mine, None),
    ]:
        theirs = await bob.refused(404, method, path, json=body)
        missing = path.replace(mine, "/v1/playlists/" + "0" * 32)
        nothing = await bob.refused(404, method, missing, json=body)
        assert theirs["detail"] == nothing["detail"]
        await stranger.refused(401, method, path, json=body)
    assert (await bob.ok("GET", "/v1/playlists"))["items"] == []
    assert await ann.ok("GET", mine) == before

    # Nor does an item of hers move into or out of a playlist of his.
    his = await bob.ok("POST", "/v1/playlists", 201, json={"title": "Bob's"})
    his_items = f"/v1/playlists/{his['playlist_id']}/items"
    await bob.refused(404, "PATCH", his_items, json={"item_id": item, "position": 0})
    await bob.refused(404, "DELETE", f"{his_items}/{item}")
    assert await ann.ok("GET", mine) == before


async def test_a_link_opens_and_closes(ann: Any, stranger: Any, mine: str) -> None:
    await add(ann, mine, "song-b")
    shared = await ann.ok("POST", f"{mine}/share")
    assert (await ann.ok("POST", f"{mine}/share"))["share_id"] == shared["share_id"]
    link = f"/v1/shared/{shared['share_id']}"
    seen = await stranger.ok("GET", link)
    assert set(seen) == {"title", "description", "updated_ms", "items"}
    assert order(seen) == ["song-b"]
    assert (await ann.ok("DELETE", f"{mine}/share"))["share_id"] is None
    await stranger.refused(404, "GET", link)
    again = (await ann.ok("POST", f"{mine}/share"))["share_id"]
    assert again != shared["share_id"]
    await ann.ok("DELETE", mine, 204)
    await stranger.refused(404, "GET", f"/v1/shared/{again}")


async def test_a_song_that_is_gone_keeps_its_place(ann: Any, mine: str, store: Any, api: Api) -> None:
    await add(ann, mine, "song-a")
    await add(ann, mine, "song-b")
    await store.delete("songs/song-a/current.json")
    await api.refresh()
    items = (await ann.ok("GET", mine))["items"]
    assert [(item["song_id"], item["song"] is None) for item in items] == [
        ("song-a", True),
        ("song-b", False),
    ]


async def test_there_is_an_end_to_everything(
    ann: Any, bob: Any, mine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playlist_items, "MOST_ITEMS", 2)
    monkeypatch.setattr(playlists, "MOST_PLAYLISTS", 1)
    await add(ann, mine, "song-a")
    await add(ann, mine, "song-a")
    await ann.refused(409, "POST", f"{mine}/items", json={"song_id": "song-a"})
    await ann.refused(409, "POST", "/v1/playlists", json={"title": "One more"})
    assert len((await ann.ok("GET", "/v1/playlists"))["items"]) == 1
    await bob.ok("POST", "/v1/playlists", 201, json={"title": "Another's"})


async def test_deleting_a_playlist_deletes_its_items(ann: Any, mine: str, api: Api) -> None:
    await add(ann, mine, "song-a")
    await ann.ok("DELETE", mine, 204)
    async with api.database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(PlaylistItemRecord)) == 0
