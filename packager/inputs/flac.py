"""FLAC: a raw file cut into its frames, and frames from any container counted.

A raw file does not say where a frame ends. The next one begins where there is a sync code, a sound header with
CRC-8 and the number that is due; should that happen twice, the frame's own CRC-16 decides. In the end the CRC-16 of
every frame is checked, so that what is cut is certain.

Units of one length: a stream whose block size varies is refused, its last block apart. There is no priming.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import replace

import numpy

from media.access_units import Encoded, Sizes
from media.crc import CRC16
from media.errors import FormatError
from media.flac import LONGEST_HEADER, STREAMINFO, FrameHeader, StreamInfo, read_frame_header
from packager.inputs.track import Codec, encoded

_LONGEST_FRAME = 1 << 19  # bytes; an uncompressed block of the streamable subset is below
_DOUBTS = 256  # sound headers within frames, in a whole file; chance makes one in ten million bytes


def read_flac(data: bytes, name: str) -> Encoded:
    """Read a raw FLAC file. Raises `FormatError`; also when it holds less than STREAMINFO promises."""
    info, first = _metadata(data)
    starts = numpy.array([*_boundaries(data, first, info), len(data)], dtype=numpy.int64)
    sizes = numpy.diff(starts)
    frames = numpy.frombuffer(data, dtype=numpy.uint8)
    (wrong,) = numpy.nonzero(CRC16.each(frames, starts[:-1], sizes))
    if len(wrong):
        raise FormatError(f"FLAC frame {wrong[0]} at byte {starts[wrong[0]]}: its checksum is wrong")
    codec, held = flac_codec(info, data[first:], sizes)
    if info.samples not in (0, held):
        raise FormatError(f"STREAMINFO promises {info.samples} samples, the frames hold {held}")
    return encoded(name, codec, data[first:], sizes, priming=0, samples=held)


def flac_codec(info: StreamInfo, payload: bytes, sizes: Sizes) -> tuple[Codec, int]:
    """The codec of frames that lie end to end in `payload`, and how many samples they hold.

    What STREAMINFO says of the length is made true: a file that was cut keeps its old one. Raises `FormatError`.
    """
    first, last, held, start = None, None, 0, 0
    for count, size in enumerate(sizes.tolist()):
        header = read_frame_header(payload[start : start + LONGEST_HEADER], info.channels)
        if header is None or (last is not None and header.place != last.next_place):
            raise FormatError(f"FLAC frame {count}: no frame header, or not with the number that is due")
        first = header if first is None else first
        if last is not None and last.block_size != first.block_size:
            raise FormatError(
                f"FLAC frame {count - 1}: a block of {last.block_size} samples, the first has {first.block_size}"
            )
        last, held, start = header, held + header.block_size, start + size
    if first is None or last is None:
        raise FormatError("FLAC: no frames")
    if last.block_size > first.block_size:
        raise FormatError(f"FLAC: the last block has {last.block_size} samples, the first {first.block_size}")
    if held != info.samples:
        info = replace(info, samples=held, md5=bytes(16))
    return Codec("fLaC", info.config(), info.sample_rate, info.channels, first.block_size), held


def _metadata(data: bytes) -> tuple[StreamInfo, int]:
    """STREAMINFO, and where the first frame is (RFC 9639 §8.1)."""
    info, offset, last = None, 4, False
    while not last:
        if offset + 4 > len(data):
            raise FormatError(f"FLAC: byte {offset}: the metadata has no end")
        last, kind = data[offset] >= 0x80, data[offset] & 0x7F
        start, offset = offset + 4, offset + 4 + int.from_bytes(data[offset + 1 : offset + 4], "big")
        if offset > len(data):
            raise FormatError(
                f"FLAC: byte {start}: a metadata block of {offset - start} bytes, {len(data) - start} are left"
            )
        if kind == STREAMINFO and info is None:
            info = StreamInfo.from_bytes(data[start:offset])
    if info is None:
        raise FormatError("FLAC: no STREAMINFO")
    return info, offset


def _boundaries(data: bytes, first: int, info: StreamInfo) -> Iterator[int]:
    """Where each frame starts."""
    start, before = first, _header(data, first, info)
    if before is None:
        raise FormatError(f"FLAC frame 0 at byte {first}: no frame header")
    there = dict(_candidates(data, first + 1, info))
    by_place: dict[tuple[bool, int], list[int]] = {}
    for offset, header in there.items():
        by_place.setdefault(header.place, []).append(offset)
    offsets, count, doubts = list(there), 0, 0
    while True:
        yield start
        limit = start + _LONGEST_FRAME
        due = by_place.get(before.next_place, [])
        due = due[bisect_right(due, start) : bisect_right(due, limit)]
        stop = due[0] if due else limit
        behind, end = bisect_right(offsets, start), bisect_left(offsets, stop)
        doubts += end - behind + (len(due) if len(due) > 1 else 0)
        if doubts > _DOUBTS:
            raise FormatError(f"FLAC frame {count} at byte {start}: too many places where it could end")
        if len(due) > 1:
            stop = next(_sound_ends(data, start, due), stop)
            end = bisect_left(offsets, stop)
        # A frame that is not due must not vanish in the one before, whose checksum would not tell.
        expected = set(due)
        strangers = [offset for offset in offsets[behind:end] if offset not in expected]
        for offset in _sound_ends(data, start, strangers):
            raise FormatError(
                f"FLAC frame {count} at byte {start}: the one behind it is number {there[offset].number}"
            )
        if not due:
            break
        start, count, before = stop, count + 1, there[stop]
    if len(data) - start > _LONGEST_FRAME:
        raise FormatError(f"FLAC frame {count} at byte {start}: no end of it within {_LONGEST_FRAME} bytes")


def _sound_ends(data: bytes, start: int, ends: list[int]) -> Iterator[int]:
    """Those of `ends`, in order, at which a frame from `start` on has a checksum that is right; one pass, however many."""
    code, done = 0, start
    for end in ends:
        code, done = CRC16(data[done:end], code), end
        if not code:
            yield end


def _candidates(data: bytes, start: int, info: StreamInfo) -> Iterator[tuple[int, FrameHeader]]:
    """Every place where a sound frame header stands, whether by intent or by chance."""
    octets = numpy.frombuffer(data, dtype=numpy.uint8)[start:]
    (places,) = numpy.nonzero((octets[:-1] == 0xFF) & (octets[1:] & 0xFE == 0xF8))
    for place in places.tolist():
        header = _header(data, start + place, info)
        if header is not None:
            yield start + place, header


def _header(data: bytes, offset: int, info: StreamInfo) -> FrameHeader | None:
    return read_frame_header(data[offset : offset + LONGEST_HEADER], info.channels)
