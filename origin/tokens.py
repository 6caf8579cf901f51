"""Stream tokens: the one path segment that opens one version of one song until a moment.

A token stands in the URL (``{edge}/t/{token}/songs/…``), so it is read on every request, travels in every
relative address of every manifest and must survive every proxy. Hence: one run of base64url characters (RFC 4648
§5) without padding, no ``.``, no ``/``, and as short as what it must say allows:

    byte    1        flags: 1 the scope is a version's folder, 2 not-before, 4 a user, 8 an access list, 16 an address
            1 + n    key id
            6        expiry, ms since 1970, big endian
            [6]      not-before, ms
            8        version                        } scope of a version's folder;
            1 + n    song id                        } any other prefix instead: 1 + n bytes of it, or an access
                                                      list: 1 byte how many, 1 + n bytes each (`origin.signing.paths`)
            [1 + n]  user
            [1 + n]  the listener's IP address, 4 or 16 bytes
            16       HMAC-SHA256 over the bytes before it, leftmost half (RFC 2104 §5)

With a song id of 24 letters and a key id of two that is 59 bytes, 79 characters. Leaving the scope out of the
token and taking it from the request's path would save 44 of them, but ``/t/{token}/licence/clearkey`` and ``/t/{token}/keys/{kid}``
name no song: they learn from the claims whose key they may hand out.

Only the canonical text of a token is accepted: base64 ends in unused bits that decoders ignore, so the text is
decoded, encoded again and compared. A path is held against the scope as it stands: one with ``%``, ``?``, ``#``, a backslash, a
control character, or empty, ``.`` or ``..`` parts is out of every scope, because nothing we publish needs it and two
servers might read it differently.

    >>> keys = TokenKeys({"k1": bytes(32)}, active="k1")
    >>> token = sign("songs/abc/0123456789abcdef/", keys=keys, expires_ms=2_000)
    >>> verify(token, "songs/abc/0123456789abcdef/hls.m3u8", keys=keys, now_ms=1_000).song_id
    'abc'
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from media.errors import TokenExpired, TokenInvalid, TokenOutOfScope
from media.layout import VERSION, folder
from media.song import SONG_ID
from origin.signing import client as address
from origin.signing.paths import is_plain, is_scope, opens
from origin.token_keys import Keyring, TokenKeys, load_token_keys, watch_token_keys

__all__ = ["Claims", "Keyring", "TokenKeys", "load_token_keys", "read", "sign", "verify", "watch_token_keys"]

_FOLDER, _NOT_BEFORE, _USER, _LIST, _CLIENT = 1, 2, 4, 8, 16
_MAC = 16
_CONTEXT = b"tonearm stream token 1\0"  # the same key signs nothing else
_LONGEST = 1024  # characters: a path segment that every proxy takes
_TEXT = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says. `scope` ends in ``/``; `song_id` and `version` are empty unless it is a version's folder.

    With an access list `scope` is empty, and `scopes` has its entries. `client` is the only IP address that may use it.
    """

    scope: str
    expires_ms: int
    not_before_ms: int
    user: str
    key_id: str
    song_id: str
    version: str
    scopes: tuple[str, ...] = ()
    client: str = ""


def sign(
    scope: str | Sequence[str],
    *,
    keys: Keyring,
    expires_ms: int,
    user: str = "",
    not_before_ms: int = 0,
    client: str = "",
) -> str:
    """A token for every path under `scope`, or for several scopes, valid while ``not_before_ms <= now < expires_ms``.

    A folder ends in ``/`` or ``/*``; several scopes may also name objects, and have a ``*`` for any part. Raises `ValueError`
    for a scope that is none, a user of more than 64 bytes or a token of more than 1024 characters, `SettingsError` for a
    `client` that is no IP address.
    """
    scopes = [scope] if isinstance(scope, str) else list(scope)
    ring = keys.current()
    if len(scopes) == 1 and scopes[0].endswith("/*") and "*" not in scopes[0][:-2]:
        scopes = [scopes[0][:-1]]  # one folder is no list, however it is spelled
    if len(scopes) == 1 and (isinstance(scope, str) or scopes[0].endswith("/")):
        flags, where = _prefix(scopes[0])
    else:
        flags, where = _LIST, _list(scopes)
    if len(user.encode()) > 64:
        raise ValueError("token user: at most 64 bytes")
    flags |= (_NOT_BEFORE if not_before_ms else 0) | (_USER if user else 0) | (_CLIENT if client else 0)
    body = bytes([flags]) + _text(ring.active) + expires_ms.to_bytes(6, "big")
    if not_before_ms:
        body += not_before_ms.to_bytes(6, "big")
    body += where
    if user:
        body += _text(user)
    if client:
        packed = address.packed(client)
        body += bytes([len(packed)]) + packed
    token = urlsafe_b64encode(body + _mac(ring.keys[ring.active], body)).rstrip(b"=").decode()
    if len(token) > _LONGEST:
        raise ValueError(f"token: {len(token)} characters, at most {_LONGEST} are read")
    return token


def read(token: str, *, keys: Keyring, now_ms: int, client: str = "") -> Claims:
    """The claims of a genuine token whose time has come, whatever its scope: for the licence and key endpoints.

    `client` is the IP address that the request came from. Raises `TokenInvalid`, `TokenExpired` or, when the token is for
    another address, `TokenOutOfScope`.
    """
    claims = _authentic(token, keys.current())
    if now_ms >= claims.expires_ms:
        raise TokenExpired(f"token: expired {now_ms - claims.expires_ms} ms ago")
    if now_ms < claims.not_before_ms:
        raise TokenExpired(f"token: not valid for another {claims.not_before_ms - now_ms} ms")
    address.check(claims.client, client)
    return claims


def verify(token: str, path: str, *, keys: Keyring, now_ms: int, client: str = "") -> Claims:
    """The claims of a token that opens `path`, which is relative to the token's root (``songs/…``), raw or decoded.

    Raises `TokenInvalid`, `TokenExpired` or `TokenOutOfScope`.
    """
    claims = read(token, keys=keys, now_ms=now_ms, client=client)
    within = (
        any(opens(each, path) for each in claims.scopes) if claims.scopes else path.startswith(claims.scope)
    )
    if not is_plain(path) or not within:
        raise TokenOutOfScope(f"token: it does not open {path[:200]!r}")
    return claims


def _authentic(token: str, keys: TokenKeys) -> Claims:
    if len(token) > _LONGEST or not _TEXT.fullmatch(token):
        raise TokenInvalid("token: not a token")
    try:
        data = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except binascii.Error:
        raise TokenInvalid("token: not base64url") from None
    if urlsafe_b64encode(data).rstrip(b"=").decode() != token:
        raise TokenInvalid("token: not in canonical form")
    body, mac = data[:-_MAC], data[-_MAC:]
    try:
        key_id, _ = _take_text(body, 1)
        key = keys.keys[key_id]
    except (IndexError, UnicodeDecodeError, KeyError):
        raise TokenInvalid("token: no key of ours signed it") from None
    if not hmac.compare_digest(mac, _mac(key, body)):
        raise TokenInvalid("token: the signature does not hold")
    return _claims(body)


def _claims(body: bytes) -> Claims:
    """Read what a holder of the key wrote; nothing in here comes from a stranger."""
    flags = body[0]
    key_id, at = _take_text(body, 1)
    expires_ms, at = int.from_bytes(body[at : at + 6], "big"), at + 6
    not_before_ms = 0
    if flags & _NOT_BEFORE:
        not_before_ms, at = int.from_bytes(body[at : at + 6], "big"), at + 6
    song_id = version = user = client = scope = ""
    scopes: list[str] = []
    if flags & _LIST:
        count, at = body[at], at + 1
        for _ in range(count):
            entry, at = _take_text(body, at)
            scopes.append(entry)
    elif flags & _FOLDER:
        version = body[at : at + 8].hex()
        song_id, at = _take_text(body, at + 8)
        scope = folder(song_id, version)
    else:
        scope, at = _take_text(body, at)
    if flags & _USER:
        user, at = _take_text(body, at)
    if flags & _CLIENT:
        client = address.spelled(body[at + 1 : at + 1 + body[at]])
    return Claims(scope, expires_ms, not_before_ms, user, key_id, song_id, version, tuple(scopes), client)


def _prefix(scope: str) -> tuple[int, bytes]:
    """One folder as it stands in a token, and its flag. Raises `ValueError`."""
    if not scope.endswith("/") or not is_plain(scope[:-1]) or len(scope.encode()) > 200:
        raise ValueError(f"token scope {scope!r}: a relative path of at most 200 bytes that ends in /")
    song_id, version = _folder_of(scope)
    return (_FOLDER, bytes.fromhex(version) + _text(song_id)) if song_id else (0, _text(scope))


def _list(scopes: Sequence[str]) -> bytes:
    """Several scopes, or one object, as they stand in a token. Raises `ValueError`."""
    entries = [scope + "*" if scope.endswith("/") else scope for scope in scopes]
    if not 0 < len(entries) < 256:
        raise ValueError("token scopes: from 1 to 255 of them")
    for entry in entries:
        if not is_scope(entry) or len(entry.encode()) > 200:
            raise ValueError(
                f"token scope {entry!r}: a relative path of at most 200 bytes, * only as a whole part"
            )
    return bytes([len(entries)]) + b"".join(map(_text, entries))


def _folder_of(scope: str) -> tuple[str, str]:
    """The song and version whose folder `scope` is, or two empty strings."""
    parts = scope.split("/")
    if len(parts) == 4 and SONG_ID.fullmatch(parts[1]) and VERSION.fullmatch(parts[2]):
        song_id, version = parts[1], parts[2]
        if folder(song_id, version) == scope:
            return song_id, version
    return "", ""


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, _CONTEXT + body, hashlib.sha256)[:_MAC]


def _text(value: str) -> bytes:
    data = value.encode()
    return bytes([len(data)]) + data


def _take_text(body: bytes, at: int) -> tuple[str, int]:
    stop = at + 1 + body[at]
    return body[at + 1 : stop].decode(), stop
