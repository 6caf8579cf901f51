"""The content key, as a browser's player gets it."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from drm.clearkey import encoded, key_in
from edge_sim.crowd.clients.score import document
from edge_sim.player.connection import Connection, shown
from edge_sim.player.entrance import KeyAddress
from media.errors import FormatError
from packager.fragments import read_init


async def licence(connection: Connection, url: str, kids: Sequence[UUID]) -> bytes:
    """The first key of a ClearKey licence for all `kids` (W3C Encrypted Media Extensions, §9.1.3, §9.1.4)."""
    question = {"kids": [encoded(kid) for kid in kids], "type": "temporary"}
    return key_in(document(await connection.post("licence", url, question), "licence"), kids[0])


async def key(connection: Connection, address: KeyAddress | None, init: bytes) -> bytes | None:
    """By what a manifest says. Without a KID there, the init segment has it."""
    if address is None:
        return None
    if address.kind == "raw":
        return await connection.get("key", address.url)
    kid = address.kid or read_init(init).kid
    if kid is None:
        raise FormatError(f"init: {shown(address.url)}: no KID, and the manifest wants a licence")
    return await licence(connection, address.url, [kid])
