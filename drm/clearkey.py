"""The ClearKey licence exchange (W3C Encrypted Media Extensions, §9.1): which request gets which keys.

    request   {"kids": ["LwVHf8JLtPrv2GUXFW2v_A"], "type": "temporary"}
    licence   {"keys": [{"kty": "oct", "kid": "LwVHf8JLtPrv2GUXFW2v_A", "k": "…"}], "type": "temporary"}

KIDs and keys are base64url without padding, a KID in the byte order of ``tenc``. Whether the caller may have the key
is not decided here: `lookup` answers only for keys that the request's token opens.
"""

from __future__ import annotations

import binascii
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from drm.keys import KEY_SIZE
from media.errors import FormatError, KeyMissing

MAX_REQUEST = 16_384  # bytes
MAX_KIDS = 64
_KID = re.compile(
    r"[A-Za-z0-9_-]{22}={0,2}", re.ASCII
)  # 16 bytes; padding is no use, but some players send it


def answer(request: bytes, lookup: Callable[[UUID], bytes | None]) -> bytes:
    """The licence, a JSON Web Key set, for a licence request.

    Raises `FormatError` for what is no request for a temporary session, `KeyMissing` when `lookup` has no key for one of
    the KIDs: half a licence would look to the player like a broken stream.
    """
    keys = {}
    for kid in read_request(request):
        key = lookup(kid)
        if key is None:
            raise KeyMissing(f"no content key {kid}")
        keys[kid] = key
    return json.dumps(licence(keys), separators=(",", ":")).encode()


def licence(keys: Mapping[UUID, bytes]) -> dict[str, Any]:
    """The licence for `keys`, as JSON values."""
    found = [{"kty": "oct", "kid": encoded(kid), "k": _encode(key)} for kid, key in keys.items()]
    return {"keys": found, "type": "temporary"}


def key_in(licence: Any, kid: UUID) -> bytes:
    """The key of `kid` out of a licence, as JSON values. Raises `FormatError` when it is not there, or no key."""
    try:
        keys = {item["kid"]: item["k"] for item in licence["keys"]}
        key = urlsafe_b64decode(keys[encoded(kid)] + "==")
    except (KeyError, TypeError, ValueError):
        raise FormatError(f"licence: no key {kid} in it") from None
    if len(key) != KEY_SIZE:
        raise FormatError(f"licence: a key of {len(key)} bytes, a key has {KEY_SIZE}")
    return key


def encoded(kid: UUID) -> str:
    """As requests and licences name it."""
    return _encode(kid.bytes)


def read_request(request: bytes) -> list[UUID]:
    """The KIDs of a licence request, each once, in its order. Raises `FormatError`."""
    if len(request) > MAX_REQUEST:
        raise FormatError(f"licence request: {len(request)} bytes, at most {MAX_REQUEST} are read")
    try:
        document = json.loads(request)
    except (ValueError, RecursionError):
        raise FormatError("licence request: not JSON") from None
    if not isinstance(document, dict) or not isinstance(document.get("kids"), list):
        raise FormatError('licence request: a JSON object with a list "kids" is expected')
    if document.get("type", "temporary") != "temporary":
        raise FormatError("licence request: only temporary sessions are licensed")
    if not 1 <= len(document["kids"]) <= MAX_KIDS:
        raise FormatError(f"licence request: {len(document['kids'])} KIDs; 1 to {MAX_KIDS} are answered")
    return list(dict.fromkeys(_decode(kid) for kid in document["kids"]))


def _decode(kid: object) -> UUID:
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise FormatError("licence request: a KID is 16 bytes in base64url")
    try:
        return UUID(bytes=urlsafe_b64decode(kid.rstrip("=") + "=="))
    except binascii.Error:
        raise FormatError("licence request: a KID is 16 bytes in base64url") from None


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
