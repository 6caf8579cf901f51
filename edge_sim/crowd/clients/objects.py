"""What a manifest leads to: init segment, media segment and key, each as soon as its address is known."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from edge_sim.crowd.clients.keys import key
from edge_sim.crowd.clients.score import Ask, Opened, Score, innermost, segment_at
from edge_sim.player.connection import Connection


async def objects(
    connection: Connection, ask: Ask, grant: Mapping[str, Any], score: Score, index: int
) -> Opened:
    """Of the rendition `index`, whose track is read."""
    track = score.tracks[index]
    first = track.where(track.segments[segment_at(track.ends_ms, ask.at)])
    header = track.where(track.init)
    address = track.key_address

    async def unlock(init: asyncio.Task[bytes]) -> bytes | None:
        """A licence is asked by KID, which may only stand in the init segment."""
        waits = address is not None and address.kind == "licence" and address.kid is None
        return await key(connection, address, await init if waits else b"")

    try:
        async with asyncio.TaskGroup() as group:
            segment = group.create_task(
                connection.get("segment", first.url, headers=ask.headers("a"), part=first.part)
            )
            init = group.create_task(
                connection.get("init", header.url, headers=ask.headers("i"), part=header.part)
            )
            opened = group.create_task(unlock(init))
    except BaseExceptionGroup as errors:
        raise innermost(errors) from None
    return Opened(
        grant, score, index, init.result(), segment.result(), opened.result(), connection.stopwatch()
    )
