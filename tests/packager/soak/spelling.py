"""Where a box may be written again other than it was read: the places that the standard reserves, and lengths with two spellings.

A reader of its own, from the standard's tables: what `media.boxes` thinks of them is not asked.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

# Bytes in front of the boxes in a box
ENTRIES = dict.fromkeys((b"mp4a", b"enca", b"Opus", b"fLaC"), 28)
INSIDE = {
    **dict.fromkeys((b"moov", b"trak", b"edts", b"mdia", b"minf", b"dinf", b"stbl", b"mvex", b"moof"), 0),
    **dict.fromkeys((b"traf", b"sinf", b"schi", b"ludt"), 0),
    **dict.fromkeys((b"stsd", b"dref"), 8),
    **ENTRIES,
}
# Bytes that are reserved or pre-defined, from the start of the body, in version 0 and in version 1
RESERVED = {
    b"mvhd": ([(26, 36), (72, 96)], [(38, 48), (84, 108)]),
    b"tkhd": ([(16, 20), (24, 32), (38, 40)], [(24, 28), (36, 44), (50, 52)]),
    b"mdhd": ([(22, 24)], [(34, 36)]),
    b"hdlr": ([(4, 8), (12, 24)], []),
    b"smhd": ([(6, 8)], []),
    b"tenc": ([(4, 5)], [(4, 5)]),
    b"sidx": ([(20, 22)], [(28, 30)]),
    **dict.fromkeys((*ENTRIES, b"alac"), ([(0, 6), (10, 16), (20, 24)],) * 2),
}
LANGUAGE = {0: 20, 1: 32}  # where mdhd has it: a bit of padding and three letters


def boxes(data: bytes, outermost: bool = False) -> Iterator[tuple[bytes, bytes]]:
    """Type and body of each."""
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            (size,), head = struct.unpack_from(">Q", data, at + 8), 16
        elif size == 0 and outermost:
            size = len(data) - at
        assert head <= size <= len(data) - at
        yield kind, data[at + head : at + size]
        at += size


def same(before: bytes, after: bytes, outermost: bool = True) -> bool:
    """Whether `after` says what `before` says. Both parse."""
    first, second = list(boxes(before, outermost)), list(boxes(after, outermost))
    return [kind for kind, _ in first] == [kind for kind, _ in second] and all(
        _same_box(kind, body, other) for (kind, body), (_, other) in zip(first, second, strict=True)
    )


def _same_box(kind: bytes, before: bytes, after: bytes) -> bool:
    if before == after:
        return True
    if kind in INSIDE and (kind not in (b"stsd", b"dref") or before[0] == 0):
        head = INSIDE[kind]
        return _masked(kind, before[:head]) == _masked(kind, after[:head]) and same(
            before[head:], after[head:], outermost=False
        )
    if kind == b"udta":
        return _same_user_data(before, after)
    if kind in WITH_A_READER:
        return WITH_A_READER[kind](before) == WITH_A_READER[kind](after)
    return _masked(kind, before) == _masked(kind, after)


def _masked(kind: bytes, body: bytes) -> bytes:
    data = bytearray(body)
    version = data[0] if data and kind not in ENTRIES and kind != b"alac" else 0
    if kind not in RESERVED or version > 1:
        return body
    for start, stop in RESERVED[kind][version]:
        data[start:stop] = bytes(stop - start)
    if kind == b"mdhd":
        data[LANGUAGE[version]] &= 0x7F
    if kind == b"hdlr" and not data[24:].endswith(b"\0"):
        data += b"\0"
    return bytes(data)


def _same_user_data(before: bytes, after: bytes) -> bool:
    """Only `ludt` is read there, so that only in there anything can differ."""
    place = next(at for at in range(len(before)) if before[at] != after[at])
    return before.rfind(b"ludt", 0, place + 8) >= 0


def _descriptors(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        tag, size, at = data[at], 0, at + 1
        for _ in range(4):
            size, more, at = size << 7 | data[at] & 0x7F, data[at] >> 7, at + 1
            if not more:
                break
        yield tag, data[at : at + size]
        at += size


def _esds(body: bytes) -> Any:
    """ISO/IEC 14496-14 §3.1.2 fixes all else: no dependence, URL or clock, and a sync layer of kind 2."""
    _, es = next(_descriptors(body[4:]))
    at = 3 + (2 if es[2] & 0x80 else 0)
    at += 1 + es[at] if es[2] & 0x40 else 0
    at += 2 if es[2] & 0x20 else 0
    _, decoder = next(_descriptors(es[at:]))
    specific = next(_descriptors(decoder[13:]), (5, b""))
    return body[:4], es[:2], decoder[0], decoder[1] >> 2, decoder[2:13], specific


def _sgpd(body: bytes) -> Any:
    common, count = struct.unpack_from(">II", body, 8)
    entries, at = [], 16
    for _ in range(count):
        size = common
        if not common:
            (size,), at = struct.unpack_from(">I", body, at), at + 4
        entries.append(body[at : at + size])
        at += size
    return body[:8], entries


def _loudness(body: bytes) -> Any:
    version, at = body[0], 4
    count, found = 1, []
    if version:
        count, at = body[4] & 0x3F, 5
    for _ in range(count):
        eq_set = body[at] & 0x3F if version else 0
        at += version
        size = 7 + 3 * body[at + 6]
        found.append((eq_set, body[at] & 0x1F, body[at + 1 : at + size]))
        at += size
    return body[:4], found


WITH_A_READER = {b"esds": _esds, b"sgpd": _sgpd, b"tlou": _loudness, b"alou": _loudness}
