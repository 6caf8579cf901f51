"""The start bundle: what a player needs to make the first sound, in one body that fits the first flight of a connection.

    uuid   the words: JSON in UTF-8, behind 16 bytes that name it (ISO/IEC 14496-12 §11.1)
    ftyp moov            the rendition's header, as it lies in the store
    styp? sidx? moof mdat   its first segment

It is one file of the ISO base media format: a SourceBuffer, ffmpeg and players skip the box they do not know and play the
rest. Whoever wants the words reads the size in the first four bytes; what lies behind that many bytes is the media, which
may be absent. Both ends use this module: the API writes, the virtual player reads.
"""

from __future__ import annotations

import json
import struct
from typing import Any
from uuid import UUID

from media.errors import FormatError

LARGEST = 11_000  # bytes of a bundle: with a server's headers they leave in the first flight (RFC 6928)
WORDS = 1_300  # bytes that are left to the words when a packager plans first segments and a server chooses among them
MEDIA_TYPE = "audio/mp4"
USER_TYPE = UUID("8cdcd460-c22a-58d4-bd92-c8e1ce66d3d4").bytes
_HEAD = struct.Struct(">I4s16s")  # size of the box, its type, its user type


def write(words: bytes, media: bytes) -> bytes:
    """`words` is a JSON document, `media` a header and a segment, or nothing."""
    return b"".join((_HEAD.pack(_HEAD.size + len(words), b"uuid", USER_TYPE), words, media))


def read(bundle: bytes) -> tuple[dict[str, Any], bytes]:
    """The words and the media. Raises `FormatError`."""
    if len(bundle) < _HEAD.size:
        raise FormatError(f"start bundle: {len(bundle)} bytes, its first box alone has {_HEAD.size}")
    size, kind, user_type = _HEAD.unpack_from(bundle)
    if (kind, user_type) != (b"uuid", USER_TYPE):
        raise FormatError("start bundle: does not begin with the box of its words")
    if not _HEAD.size <= size <= len(bundle):
        raise FormatError(f"start bundle: a first box of {size} bytes in {len(bundle)}")
    try:
        words = json.loads(bundle[_HEAD.size : size].decode(), parse_constant=_refuse)
    except (ValueError, RecursionError):
        words = None
    if not isinstance(words, dict):
        raise FormatError("start bundle: its words are no JSON object")
    return words, bundle[size:]


def _refuse(constant: str) -> None:
    """NaN and Infinity are not JSON (RFC 8259 §6)."""
    raise ValueError(constant)
