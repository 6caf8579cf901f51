"""The wire format of Protocol Buffers, as far as a Widevine ``pssh`` needs it: numbers and strings of bytes.

A message is fields one after another, each a tag and a value. The tag is ``field number << 3 | wire type``. Wire type 0 is
a varint: seven bits a byte, the lowest first, the top bit set on all but the last. Wire type 2 is a varint length and as
many bytes. So key id ``00…01`` in field 2 is ``12 10 00…01``. Types 1 and 5 are eight and four bytes, met only when skipped.

    >>> to_bytes([(2, b"\\x01\\x02"), (9, 300)]).hex()
    '1202010248ac02'

The few fields of one message do not pay for a code generator and a run-time library.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from media.errors import FormatError

Value = int | bytes
Field = tuple[int, Value]

VARINT, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5
_FIXED = {EIGHT_BYTES: 8, FOUR_BYTES: 4}
_LONGEST = 10  # bytes of a varint: 64 bits in groups of seven


def to_bytes(fields: Iterable[Field]) -> bytes:
    """The message with these fields in this order: numbers (0 to 2^64 - 1) as varints, bytes with their length."""
    return b"".join(
        _varint(number << 3 | VARINT) + _varint(value)
        if isinstance(value, int)
        else _varint(number << 3 | BYTES) + _varint(len(value)) + value
        for number, value in fields
    )


def read(data: bytes) -> Iterator[Field]:
    """The fields of a message in their order; the values of wire types 1 and 5 are their bytes. Raises `FormatError`."""
    at = 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        number, wire_type = tag >> 3, tag & 7
        if number == 0:
            raise FormatError(f"protobuf at byte {at}: there is no field 0")
        if wire_type == VARINT:
            value, at = _read_varint(data, at)
            yield number, value
            continue
        if wire_type == BYTES:
            size, at = _read_varint(data, at)
        elif wire_type in _FIXED:
            size = _FIXED[wire_type]
        else:
            raise FormatError(f"protobuf at byte {at}: field {number} has the unknown wire type {wire_type}")
        if size > len(data) - at:
            raise FormatError(
                f"protobuf at byte {at}: field {number} claims {size} bytes, {len(data) - at} are left"
            )
        yield number, data[at : at + size]
        at += size


def _varint(value: int) -> bytes:
    if not 0 <= value < 1 << 64:
        raise ValueError(f"{value} does not fit a varint of 64 bits")
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at byte `at`, and where it ends."""
    value = 0
    for index, byte in enumerate(data[at : at + _LONGEST]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            if value >= 1 << 64:
                break
            return value, at + index + 1
    raise FormatError(f"protobuf at byte {at}: a number that does not end, or is longer than 64 bits")
