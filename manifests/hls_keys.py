"""``EXT-X-KEY`` by family: the recipe that each player was seen to accept (RFC 8216bis §4.4.4.4).

| family         | for                        | cbcs, cenc                                            | aes-128              |
| -------------- | -------------------------- | ----------------------------------------------------- | -------------------- |
| `hls`          | hls.js                     | KEYFORMAT org.w3.clearkey, URI is the licence server  | URI gives the key    |
| `hls-identity` | shaka-player, mpv, native  | KEYFORMAT identity, URI gives the 16 bytes of the key | –                    |

Never both lines in one playlist: hls.js then takes the identity key and fails.

The tag stands **after** ``EXT-X-MAP``. A key applies to the init sections declared between it and the next key, and ours
are in the clear, AES-128 included; only ``.m4s`` are encrypted. hls.js and shaka-player both go by this order, and hls.js
would wait for a licence before it loads an init section that a key applies to.

``IV``: for AES-128 the rendition's IV, without which it would be the sequence number. For identity cbcs the same as the
constant IV in ``tenc``, for players that look here only. Never for cenc, whose samples have their own.
"""

from __future__ import annotations

from manifests import addresses, attributes
from manifests.attributes import quoted
from media.layout import MANIFESTS, media_playlist
from media.presentation import Presentation, Rendition

METHODS = {"cbcs": "SAMPLE-AES", "cenc": "SAMPLE-AES-CTR", "aes-128": "AES-128"}


def media_key(presentation: Presentation, rendition: Rendition, kind: str) -> list[str]:
    """The ``EXT-X-KEY`` line of a media playlist; none for a clear presentation."""
    if presentation.protection.scheme == "none":
        return []
    values = _key(presentation, kind, media_playlist(rendition.name, kind))
    if rendition.iv and values.get("KEYFORMAT") != CLEARKEY:
        values["IV"] = f"0x{rendition.iv}"
    return [f"#EXT-X-KEY:{attributes.write(values)}"]


def session_key(presentation: Presentation, kind: str) -> list[str]:
    """The ``EXT-X-SESSION-KEY`` line of a multivariant playlist, so that the player can prepare (§4.4.6.5).

    None for the identity family: shaka-player, which cannot know the KID yet, would take it for the key of KID zero.
    """
    if presentation.protection.scheme == "none" or kind == "hls-identity":
        return []
    return [f"#EXT-X-SESSION-KEY:{attributes.write(_key(presentation, kind, MANIFESTS[kind]))}"]


CLEARKEY = quoted("org.w3.clearkey")


def _key(presentation: Presentation, kind: str, manifest: str) -> dict[str, str | int]:
    scheme = presentation.protection.scheme
    values: dict[str, str | int] = {"METHOD": METHODS[scheme]}
    if scheme == "aes-128":
        values["URI"] = quoted(addresses.key(presentation, manifest))
        return values
    if kind == "hls-identity":
        values["URI"] = quoted(addresses.key(presentation, manifest))
        values["KEYFORMAT"] = quoted("identity")
    else:
        values["URI"] = quoted(addresses.licence(presentation, manifest))
        values["KEYFORMAT"] = CLEARKEY
    values["KEYFORMATVERSIONS"] = quoted("1")
    return values
