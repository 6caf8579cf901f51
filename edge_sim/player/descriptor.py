"""Into a song by ``presentation.json``: one manifest that names everything, the KID included, so nothing has to wait."""

from __future__ import annotations

from urllib.parse import urljoin

from edge_sim.player.connection import ByteRange, Connection
from edge_sim.player.entrance import Entrance, KeyAddress
from media import layout
from media.presentation import Presentation


async def descriptor(connection: Connection, url: str, rendition: str) -> Entrance:
    """The rendition so named, or the one the song wants to begin with. Raises `ManifestError`."""
    presentation = Presentation.from_json(await connection.get("manifest", url))
    named = {each.name: each for each in presentation.renditions}
    chosen = named.get(rendition) or presentation.rendition(presentation.start_rendition)
    protection = presentation.protection
    whole = protection.scheme == "aes-128"
    address = protection.key_url or layout.KEYS if whole else protection.license_url or layout.LICENCE
    key, kid = None, presentation.kid_of(chosen)
    if kid is not None:
        # Addresses are relative to the token's root, three folders above the version's (`media.layout`).
        absolute = urljoin(urljoin(url, "../../../"), address.replace("{kid}", str(kid)))
        key = KeyAddress("raw" if whole else "licence", absolute, kid)
    first = chosen.segments[0]
    return Entrance(
        init=urljoin(url, chosen.init),
        segment=urljoin(url, first.path),
        key=key,
        iv=bytes.fromhex(chosen.iv) if whole else b"",
        init_range=ByteRange(0, chosen.init_size) if chosen.one_file else None,
        segment_range=ByteRange(first.offset, first.size) if chosen.one_file else None,
    )
