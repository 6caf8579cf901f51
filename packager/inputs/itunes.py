"""``iTunSMPB``: where Apple's encoders told priming and length before they wrote edit lists.

A free-form tag of ``moov/udta/meta/ilst``: twelve hexadecimal numbers as text, of which the second is the priming, the third the
padding at the end and the fourth the length, all in samples of the decoder's output.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from media.boxes import Box, MoovBox, UdtaBox, UnknownBox, parse
from media.errors import BoxError

_TEXT = re.compile(rb"\s*[0-9A-Fa-f]{8} ([0-9A-Fa-f]{8}) [0-9A-Fa-f]{8} ([0-9A-Fa-f]{16})")
_FULL_BOX, _DATA_HEAD = 4, 8  # bytes in front of a box's boxes or text


class Smpb(NamedTuple):
    priming: int
    samples: int


def find_smpb(moov: MoovBox) -> Smpb | None:
    """The tag, if it is there and makes sense: tags are not worth an error."""
    user = [box for udta in moov.all(UdtaBox) for box in udta.children]
    ilst = _inside(_inside(user, b"meta", _FULL_BOX), b"ilst")
    for tag in ilst:
        parts = _boxes(tag, 0) if tag.type == b"----" else []
        names = [box.to_bytes()[8 + _FULL_BOX :] for box in parts if box.type == b"name"]
        for box in parts:
            if box.type == b"data" and names == [b"iTunSMPB"]:
                found = _TEXT.match(box.to_bytes()[8 + _DATA_HEAD :])
                if found and int(found[2], 16):
                    return Smpb(int(found[1], 16), int(found[2], 16))
    return None


def _inside(boxes: list[Box], kind: bytes, head: int = 0) -> list[Box]:
    """The boxes in the boxes of type `kind`."""
    return [inner for box in boxes if box.type == kind for inner in _boxes(box, head)]


def _boxes(box: Box, head: int) -> list[Box]:
    try:
        return parse(box.to_bytes()[8 + head :]) if isinstance(box, UnknownBox) else []
    except BoxError:
        return []
