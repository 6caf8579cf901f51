"""Our own player (web/player/track.js): the grant names the first objects and the keys, so a start is two round trips."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urljoin
from uuid import UUID

from edge_sim.crowd.clients.keys import licence
from edge_sim.crowd.clients.score import (
    REMEMBERED,
    Ask,
    Opened,
    Part,
    Score,
    Track,
    granted,
    innermost,
    segment_at,
)
from edge_sim.player.connection import ByteRange, Connection
from edge_sim.player.entrance import KeyAddress
from media import layout
from media.presentation import Presentation, Rendition


class OwnPlayer:
    """Follows `edge_sim.crowd.clients.score.Client`."""

    streaming_format = "o"

    async def open(self, connection: Connection, ask: Ask) -> Opened:
        grant = await granted(connection, ask)
        named = {each["name"]: each for each in grant["renditions"]}
        opening = named.get(ask.likely) or named[grant["start_rendition"]]
        try:
            async with asyncio.TaskGroup() as group:
                key = group.create_task(_unlock(connection, grant, opening))
                score = group.create_task(presentation(connection, grant["presentation_url"], ask))
                # From the middle of a song only the presentation knows the way.
                early = None if ask.at else group.create_task(first(connection, grant, opening, ask))
        except BaseExceptionGroup as errors:
            raise innermost(errors) from None
        index = score.result().index(opening["name"])
        track = score.result().tracks[index]
        if early is not None:
            init, segment = early.result()
        else:
            wanted = track.where(track.segments[segment_at(track.ends_ms, ask.at)])
            header = track.where(track.init)
            init = await connection.get("init", header.url, headers=ask.headers("i"), part=header.part)
            segment = await connection.get("segment", wanted.url, headers=ask.headers("a"), part=wanted.part)
        return Opened(grant, score.result(), index, init, segment, key.result(), connection.stopwatch())

    async def track(self, connection: Connection, score: Score, index: int) -> Track:
        return score.tracks[index]


async def first(
    connection: Connection, grant: Mapping[str, Any], opening: Mapping[str, Any], ask: Ask
) -> tuple[bytes, bytes]:
    """Init and first segment; of a rendition that is one file, both in one range."""
    header, media, base = opening["init"], opening["first_segment"], grant["base_url"]
    where = urljoin(base, header["path"])
    if header["path"] == media["path"]:
        both = ByteRange(0, media["offset"] + media["size"])
        body = await connection.get("segment", where, headers=ask.headers("a"), part=both)
        return body[: header["size"]], body[media["offset"] :]
    try:
        async with asyncio.TaskGroup() as group:
            init = group.create_task(connection.get("init", where, headers=ask.headers("i")))
            segment = group.create_task(
                connection.get("segment", urljoin(base, media["path"]), headers=ask.headers("a"))
            )
    except BaseExceptionGroup as errors:
        raise innermost(errors) from None
    return init.result(), segment.result()


async def presentation(connection: Connection, url: str, ask: Ask) -> Score:
    """All renditions, out of one document."""
    names, ladder, tracks = _read(await connection.get("manifest", url, headers=ask.headers("m")))
    return Score(names, ladder, {index: track.at(url) for index, track in enumerate(tracks)})


async def _unlock(
    connection: Connection, grant: Mapping[str, Any], opening: Mapping[str, Any]
) -> bytes | None:
    scheme = grant["protection"]["scheme"]
    if scheme == "none":
        return None
    if scheme == "aes-128":
        return await connection.get("key", urljoin(grant["license_url"], f"../keys/{opening['kid']}"))
    kids = [opening["kid"], *(kid for kid in grant["protection"]["kids"] if kid != opening["kid"])]
    return await licence(connection, grant["license_url"], [UUID(kid) for kid in kids])


@lru_cache(maxsize=REMEMBERED)
def _read(text: bytes) -> tuple[tuple[str, ...], tuple[int, ...], tuple[Track, ...]]:
    found = Presentation.from_json(text)
    renditions = sorted(found.renditions, key=lambda each: each.bandwidth)
    return (
        tuple(each.name for each in renditions),
        tuple(each.bandwidth for each in renditions),
        tuple(_track(found, each) for each in renditions),
    )


def _track(found: Presentation, rendition: Rendition) -> Track:
    rate, kid = found.sample_rate, found.kid_of(rendition)
    whole = found.protection.scheme == "aes-128"
    key = None
    if kid is not None:
        # Relative to the token's root, three folders above the version's (`media.layout`).
        name = layout.KEYS.replace("{kid}", str(kid)) if whole else layout.LICENCE
        key = KeyAddress("raw" if whole else "licence", f"../../../{name}", kid)
    part = ByteRange(0, rendition.init_size) if rendition.one_file else None
    return Track(
        init=Part(rendition.init, part),
        segments=tuple(
            Part(each.path, ByteRange(each.offset, each.size) if rendition.one_file else None)
            for each in rendition.segments
        ),
        ends_ms=tuple((each.start + each.duration) * 1000 // rate for each in rendition.segments),
        key=key,
        iv=bytes.fromhex(rendition.iv) if whole else b"",
    )
