"""Stream tokens: the one path segment that opens one version of one song until a moment.

A token stands in the URL (``{edge}/t/{token}/songs/…``), so it is read on every request, travels in every
relative address of every manifest and must survive every proxy. Hence: one run of base64url characters (RFC 4648
§5) without padding, no ``.``, no ``/``, and as short as what it must say allows:

    byte    1        flags: 1 the scope is a version's folder, 2 not-before is present, 4 a user is present
            1 + n    key id
            6        expiry, ms since 1970, big endian
            [6]      not-before, ms
            8        version                        } scope of a version's folder;
            1 + n    song id                        } any other prefix instead: 1 + n bytes of it
            [1 + n]  user
            16       HMAC-SHA256 over the bytes before it, leftmost half (RFC 2104 §5)

With a song id of 24 letters and a key id of two that is 59 bytes, 79 characters. Leaving the scope out of the
token and taking it from the request's path would save 44 of them, but ``/t/{token}/licence/clearkey`` and ``/t/{token}/keys/{kid}``
name no song: they learn from the claims whose key they may hand out.

Only the canonical text of a token is accepted: base64 ends in unused bits that decoders ignore, so the text is
decoded, encoded again and compared. A path is held against the scope as it stands: one with ``%``, a backslash, a
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
import os
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from media.errors import SettingsError, TokenExpired, TokenInvalid, TokenOutOfScope
from media.layout import VERSION, folder
from media.private import private_folder
from media.song import SONG_ID

_FOLDER, _NOT_BEFORE, _USER = 1, 2, 4
_MAC = 16
_CONTEXT = b"tonearm stream token 1\0"  # the same key signs nothing else
_LONGEST = 512
_TEXT = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,16}", re.ASCII)
_UNSAFE = re.compile(r"[%\\\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class TokenKeys:
    """Signing keys by id, each at least 32 bytes. `active` signs; all verify, so that keys can be rotated."""

    keys: Mapping[str, bytes] = field(repr=False)
    active: str

    def __post_init__(self) -> None:
        if self.active not in self.keys:
            raise ValueError(f"no token key {self.active!r}")
        for key_id, key in self.keys.items():
            if not _KEY_ID.fullmatch(key_id) or len(key) < 32:
                raise ValueError(f"token key {key_id!r}: an id is 1 to 16 of A-Z a-z 0-9 _ -, a key 32 bytes")


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says. `scope` ends in ``/``; `song_id` and `version` are empty unless it is a version's folder."""

    scope: str
    expires_ms: int
    not_before_ms: int
    user: str
    key_id: str
    song_id: str
    version: str


def sign(scope: str, *, keys: TokenKeys, expires_ms: int, user: str = "", not_before_ms: int = 0) -> str:
    """A token for every path under `scope`, valid while ``not_before_ms <= now < expires_ms``.

    Raises `ValueError` for a scope that is not a plain path ending in ``/``, or a user of more than 64 bytes.
    """
    if not scope.endswith("/") or not _is_plain(scope[:-1]) or len(scope.encode()) > 200:
        raise ValueError(f"token scope {scope!r}: a relative path of at most 200 bytes that ends in /")
    if len(user.encode()) > 64:
        raise ValueError("token user: at most 64 bytes")
    song_id, version = _folder_of(scope)
    flags = (_FOLDER if song_id else 0) | (_NOT_BEFORE if not_before_ms else 0) | (_USER if user else 0)
    body = bytes([flags]) + _text(keys.active) + expires_ms.to_bytes(6, "big")
    if not_before_ms:
        body += not_before_ms.to_bytes(6, "big")
    body += bytes.fromhex(version) + _text(song_id) if song_id else _text(scope)
    if user:
        body += _text(user)
    return urlsafe_b64encode(body + _mac(keys.keys[keys.active], body)).rstrip(b"=").decode()


def read(token: str, *, keys: TokenKeys, now_ms: int) -> Claims:
    """The claims of a genuine token whose time has come, whatever its scope: for the licence and key endpoints.

    Raises `TokenInvalid` or `TokenExpired`.
    """
    claims = _authentic(token, keys)
    if now_ms >= claims.expires_ms:
        raise TokenExpired(f"token: expired {now_ms - claims.expires_ms} ms ago")
    if now_ms < claims.not_before_ms:
        raise TokenExpired(f"token: not valid for another {claims.not_before_ms - now_ms} ms")
    return claims


def verify(token: str, path: str, *, keys: TokenKeys, now_ms: int) -> Claims:
    """The claims of a token that opens `path`, which is relative to the token's root (``songs/…``), raw or decoded.

    Raises `TokenInvalid`, `TokenExpired` or `TokenOutOfScope`.
    """
    claims = read(token, keys=keys, now_ms=now_ms)
    if not _is_plain(path) or not path.startswith(claims.scope):
        raise TokenOutOfScope(f"token: it does not open {path[:200]!r}")
    return claims


def load_token_keys(home: Path, from_environment: str | None) -> TokenKeys:
    """The keys of this installation: `from_environment`, else ``token.key`` in `home`, created on first use.

    Both hold ``id:hex`` items between commas, spaces or lines; the first one signs, the others still verify. Raises
    `SettingsError` when that is not so, or when others than the owner may read the file.
    """
    if from_environment:
        return _parse(from_environment, "token keys from the environment")
    path = home / "token.key"
    if not path.exists():
        _create(path, f"k1:{secrets.token_hex(32)}\n")
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise SettingsError(f"{path}: permissions {mode:04o}, but a token key is for its owner alone (0600)")
    return _parse(path.read_text("ascii", "replace"), str(path))


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
    song_id = version = user = ""
    if flags & _FOLDER:
        version = body[at : at + 8].hex()
        song_id, at = _take_text(body, at + 8)
        scope = folder(song_id, version)
    else:
        scope, at = _take_text(body, at)
    if flags & _USER:
        user, at = _take_text(body, at)
    return Claims(scope, expires_ms, not_before_ms, user, key_id, song_id, version)


def _is_plain(path: str) -> bool:
    return not _UNSAFE.search(path) and not {"", ".", ".."}.intersection(path.split("/"))


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


def _parse(text: str, source: str) -> TokenKeys:
    keys: dict[str, bytes] = {}
    try:
        for item in re.split(r"[\s,]+", text.strip()):
            key_id, _, value = item.partition(":")
            if key_id in keys:
                raise ValueError(f"two keys are called {key_id!r}")
            keys[key_id] = bytes.fromhex(value)
        return TokenKeys(keys, active=next(iter(keys)))
    except ValueError:
        # The reason might quote a key: say only what is expected.
        raise SettingsError(
            f"{source}: expected id:hex items, each key 32 bytes or more, ids unique"
        ) from None


def _create(path: Path, text: str) -> None:
    """Write `text` for the owner alone; when another process was faster, its file stays."""
    temporary = private_folder(path.parent) / f".{path.name}.{secrets.token_hex(8)}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
    finally:
        temporary.unlink()
