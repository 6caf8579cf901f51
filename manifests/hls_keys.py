"""``EXT-X-KEY`` by family: the recipe that each player was seen to accept (RFC 8216bis §4.4.4.4).

| family         | for                        | cbcs, cenc                                            | aes-128              |
| -------------- | -------------------------- | ----------------------------------------------------- | -------------------- |
| `hls`          | hls.js, DRM clients        | KEYFORMAT org.w3.clearkey, URI is the licence server; | URI gives the key    |
|                |                            | a line for each DRM system that is signalled          |                      |
| `hls-identity` | shaka-player, mpv, native  | KEYFORMAT identity, URI gives the 16 bytes of the key | –                    |

Never ClearKey and identity in one playlist: hls.js then takes the identity key and fails.

The tags stand **after** ``EXT-X-MAP``. A key applies to the init sections declared between it and the next key, and ours
are in the clear, AES-128 included; only segments are encrypted. hls.js and shaka-player both go by this order, and hls.js
would wait for a licence before it loads an init section that a key applies to.

``IV``: for AES-128 the rendition's IV, without which it would be the sequence number. For identity cbcs the same as the
constant IV in ``tenc``, for players that look here only. Never for cenc, whose samples have their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from manifests import addresses, attributes
from manifests.attributes import quoted
from media.errors import ManifestError
from media.layout import MANIFESTS, media_playlist
from media.presentation import Presentation, Rendition
from media.signalling import Signalling

METHODS = {"cbcs": "SAMPLE-AES", "cenc": "SAMPLE-AES-CTR", "aes-128": "AES-128"}


def media_keys(
    presentation: Presentation, rendition: Rendition, kind: str, signalling: Sequence[Signalling]
) -> list[str]:
    """The ``EXT-X-KEY`` lines of a media playlist; none for a clear presentation."""
    kid = presentation.kid_of(rendition)
    if kid is None:
        return []
    own = _key(presentation, kid, kind, media_playlist(rendition.name, kind))
    if rendition.iv and own.get("KEYFORMAT") != CLEARKEY:
        own["IV"] = f"0x{rendition.iv}"
    told = [each.key_attributes for each in _systems(kind, signalling) if each.kid == kid]
    lists = [*map(_checked, filter(None, told)), attributes.write(own)]
    return [f"#EXT-X-KEY:{each}" for each in dict.fromkeys(lists)]


def session_keys(presentation: Presentation, kind: str, signalling: Sequence[Signalling]) -> list[str]:
    """The ``EXT-X-SESSION-KEY`` lines of a multivariant playlist, each once, so that the player can prepare (§4.4.6.5).

    None for the identity family: shaka-player, which cannot know the KID yet, would take it for the key of KID zero.
    """
    if presentation.protection.scheme == "none" or kind == "hls-identity":
        return []
    told = [each.session_attributes or each.key_attributes for each in _systems(kind, signalling)]
    own = [_key(presentation, kid, kind, MANIFESTS[kind]) for kid in presentation.kids]
    lists = [*map(_checked, filter(None, told)), *map(attributes.write, own)]
    return [f"#EXT-X-SESSION-KEY:{each}" for each in dict.fromkeys(lists)]


CLEARKEY = quoted("org.w3.clearkey")


def _systems(kind: str, signalling: Sequence[Signalling]) -> Sequence[Signalling]:
    return signalling if kind == "hls" else ()


def _checked(attribute_list: str) -> str:
    """An attribute list of another's making, which may hold anything: a line break in it would be a line of ours."""
    values = attributes.read(attribute_list)
    if not {"METHOD", "URI", "KEYFORMAT"} <= values.keys():
        raise ManifestError(f"key {attribute_list[:80]!r}: METHOD, URI and KEYFORMAT expected")
    return attributes.write(values)


def _key(presentation: Presentation, kid: UUID, kind: str, manifest: str) -> dict[str, str | int]:
    scheme = presentation.protection.scheme
    values: dict[str, str | int] = {"METHOD": METHODS[scheme]}
    if scheme == "aes-128":
        values["URI"] = quoted(addresses.key(presentation, kid, manifest))
        return values
    if kind == "hls-identity":
        values["URI"] = quoted(addresses.key(presentation, kid, manifest))
        values["KEYFORMAT"] = quoted("identity")
    else:
        # hls.js knows a ClearKey key by its address: two keys of one licence server need two, of which the server sees one.
        own = f"#{kid}" if len(presentation.kids) > 1 else ""
        values["URI"] = quoted(addresses.licence(presentation, kid, manifest) + own)
        values["KEYFORMAT"] = CLEARKEY
    values["KEYFORMATVERSIONS"] = quoted("1")
    return values
