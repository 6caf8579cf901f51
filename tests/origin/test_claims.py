"""Two processes publish one version at the same time, one of them fails: stepped through, on a real folder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from media import layout
from media.errors import ObjectMissing, PreconditionFailed
from media.ports import ObjectStore
from media.registry import open_store
from origin.claims import Changed, Claim

SONG, VERSION = "abc", "1" * 16


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[ObjectStore]:
    opened = open_store(str(tmp_path / "store"))
    yield opened
    await opened.close()


@pytest.fixture
def take(store: ObjectStore) -> Callable[..., object]:
    """``await take(now_ms=…)``: another publisher comes along."""

    async def call(now_ms: int = 0) -> Claim:
        return await Claim.take(store, SONG, VERSION, lambda: now_ms)

    return call


async def test_the_one_who_fails_may_not_take_back_what_another_took_over(
    take: Callable[..., object],
) -> None:
    first = await take()  # type: ignore[misc]
    second = await take()  # type: ignore[misc]
    assert not await first.give_up()
    await second.hold()


async def test_the_one_who_points_must_look_again_when_another_came(take: Callable[..., object]) -> None:
    first = await take()  # type: ignore[misc]
    second = await take()  # type: ignore[misc]
    with pytest.raises(Changed):
        await first.hold()
    again = await take()  # type: ignore[misc]
    await again.hold()
    assert not await second.give_up()


async def test_nobody_begins_while_another_takes_back_and_then_all_is_new(
    take: Callable[..., object], store: ObjectStore
) -> None:
    first = await take()  # type: ignore[misc]
    assert await first.give_up()
    info = await store.head(layout.claim(SONG, VERSION))
    with pytest.raises(PreconditionFailed, match="is taking this version back"):
        await take(info.modified_ms + 599_999)  # type: ignore[misc]
    await first.drop()
    await (await take()).hold()  # type: ignore[misc]


async def test_one_who_was_killed_while_taking_back_blocks_nobody_for_long(
    take: Callable[..., object], store: ObjectStore
) -> None:
    first = await take()  # type: ignore[misc]
    await first.give_up()
    info = await store.head(layout.claim(SONG, VERSION))
    second = await take(info.modified_ms + 600_000)  # type: ignore[misc]
    await second.hold()


async def test_a_claim_that_was_dropped_is_nobodys(take: Callable[..., object], store: ObjectStore) -> None:
    first = await take()  # type: ignore[misc]
    second = await take()  # type: ignore[misc]
    await second.hold()
    await second.drop()
    assert not await first.give_up()
    with pytest.raises(Changed):
        await first.hold()
    with pytest.raises(ObjectMissing):
        await store.head(layout.claim(SONG, VERSION))
