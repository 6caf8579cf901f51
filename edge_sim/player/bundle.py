"""Into a song by its start bundle: one answer with all that the first sound is made of (`media.start_bundle`).

Where a server sends the words alone, its store was slow or the segment large: then the start goes on by the presentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urljoin
from uuid import UUID

from drm.clearkey import key_in
from edge_sim.player.connection import Connection, shown
from edge_sim.player.descriptor import descriptor
from edge_sim.player.entrance import Entrance, understood
from media import start_bundle
from media.boxes import parse, places
from media.errors import FormatError
from packager.fragments import Init, read_init

Opened = tuple[Entrance, tuple[bytes, Init, bytes | None] | None]


async def bundle(connection: Connection, url: str, rendition: str, session: Mapping[str, str]) -> Opened:
    """Where the sound lies, and segment, header and key when they came along. Raises `FormatError` and `UpstreamFailed`.

    `rendition` is the listener's own choice; empty leaves it to the server.
    """
    more = f"{'&' if '?' in url else '?'}rendition={quote(rendition, safe='')}" if rendition else ""
    words, media = start_bundle.read(await connection.get("bundle", url + more, headers=session))
    with understood(url):
        base, began = str(words["base_url"]), words["rendition"]
        if media:
            entrance = Entrance(
                init=urljoin(base, began["init"]["path"]),
                segment=urljoin(base, began["first_segment"]["path"]),
                decrypted=words["protection"]["scheme"] == "aes-128",
            )
            header, segment = _split(media, url)
            return entrance, (segment, read_init(header), None if entrance.decrypted else _key(words))
        presentation, name = urljoin(base, words["presentation_url"]), str(began["name"])
    return await descriptor(connection, presentation, name), None


def _split(media: bytes, url: str) -> tuple[bytes, bytes]:
    """The header, which ends with its `moov`, and the segment."""
    edges = [*places(media), len(media)]
    for number, box in enumerate(parse(media), start=1):
        if box.type == b"moov":
            return media[: edges[number]], media[edges[number] :]
    raise FormatError(f"bundle: {shown(url)}: media without a moov")


def _key(words: Mapping[str, Any]) -> bytes | None:
    """The key of the segment; None where that is clear."""
    kid = words["rendition"]["kid"]
    if kid is None:
        return None
    return key_in(words["license"], UUID(kid))
