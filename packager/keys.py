"""Where the content keys of a song come from: one that was named, one of the key store, or a CPIX document.

A source is asked once for a song, with its renditions and a scope that names everything its bytes depend on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from drm.keys import ContentKey
from media.access_units import Encoded
from media.errors import FormatError
from media.signalling import Signalling

if TYPE_CHECKING:
    from drm.cpix import Document, DrmData
    from drm.key_store import KeyStore

_KEY_TAG, _SESSION_TAG = "#EXT-X-KEY:", "#EXT-X-SESSION-KEY:"


@dataclass(frozen=True, slots=True)
class Keys:
    """`by_rendition` are all of them by name; `ivs` those that the source prescribes, by KID; `signalling` what it brings along."""

    by_rendition: Mapping[str, ContentKey] = field(default_factory=dict)
    ivs: Mapping[UUID, bytes] = field(default_factory=dict)
    signalling: Sequence[Signalling] = ()


KeySource = Callable[[Sequence[Encoded], str], Keys]


def no_keys(encoded: Sequence[Encoded], scope: str) -> Keys:
    """For what stays in the clear."""
    return Keys()


def one_key(kid: UUID, key: bytes) -> KeySource:
    """The same for every rendition of every song."""
    return lambda encoded, scope: Keys(dict.fromkeys(_names(encoded), ContentKey(kid, key, scope, 0)))


def stored_key(key_store: KeyStore) -> KeySource:
    """The key that the store has for the scope, made the first time."""
    return lambda encoded, scope: Keys(dict.fromkeys(_names(encoded), key_store.for_scope(scope)))


def cpix_keys(document: Document, scheme: str) -> KeySource:
    """The keys that the document's usage rules give to the renditions by name, channels and bit rate.

    Raises `FormatError` for a rendition that it has no key for, or one of another scheme: nothing stays in the clear unasked.
    """

    def find(encoded: Sequence[Encoded], scope: str) -> Keys:
        keys: dict[str, ContentKey] = {}
        ivs: dict[UUID, bytes] = {}
        for each in encoded:
            found = document.key_for(label=each.name, channels=each.channels, bitrate=each.bitrate)
            if found is None or found.key is None:
                raise FormatError(
                    f"CPIX: no key for rendition {each.name}, and nothing stays in the clear unasked"
                )
            if found.scheme not in ("", scheme):
                raise FormatError(
                    f"CPIX: the key of rendition {each.name} is for {found.scheme}, not {scheme}"
                )
            keys[each.name] = ContentKey(found.kid, found.key, scope, 0)
            if found.explicit_iv:
                ivs[found.kid] = found.explicit_iv[: 8 if scheme == "cenc" else 16]
        kids = {key.kid for key in keys.values()}
        told = [_signalling(data) for data in document.drm if data.kid in kids]
        return Keys(keys, ivs, [each for each in told if each is not None])

    return find


def _names(encoded: Sequence[Encoded]) -> list[str]:
    return [each.name for each in encoded]


def _signalling(data: DrmData) -> Signalling | None:
    """What a CPIX document says of one system; ``None`` for ClearKey, which we signal ourselves."""
    from drm.systems import CLEARKEY, by_id

    system = by_id(data.system_id)
    if system is CLEARKEY:
        return None
    return Signalling(
        name=system.name if system else data.name,
        system_id=data.system_id,
        kid=data.kid,
        pssh=data.pssh or b"",
        content_protection=data.content_protection or "",
        key_attributes=_attributes(data.hls_media, _KEY_TAG),
        session_attributes=_attributes(data.hls_multivariant, _SESSION_TAG),
    )


def _attributes(lines: str | None, tag: str) -> str:
    found = (line.removeprefix(tag) for line in (lines or "").splitlines() if line.startswith(tag))
    return next(found, "")
