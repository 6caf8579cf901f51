"""Promises in headers that a demuxer forgives and we do not.

libav reads a WAV or CAF to the end of the file whatever its ``data`` chunk says, takes the last page of an Ogg file
for its end, and calls an MP4 whose index is missing no media at all. All of them are masters that were cut off,
or whose writer lied, and a content engineer wants to know.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from media.errors import MasterRejected

_UNKNOWN = 0xFFFF_FFFF  # a size that the writer could not know (streamed), or that stands in a ds64 chunk
_OGG_PAGE = 65_307  # bytes: the largest page of RFC 3533
_RIFF = {b"RIFF": "<", b"RF64": "<", b"BW64": "<", b"RIFX": ">"}


def check_wav(file: BinaryIO, size: int, name: str) -> None:
    """Hold the ``data`` chunk of a RIFF file (EBU Tech 3306, RF64 included) against the file of `size` bytes.

    Raises `MasterRejected`: *no-samples* when it is empty or missing, *truncated* when the RIFF chunk too ends
    beyond the file, *header-lies* when ``data`` reaches beyond the very chunk that contains it. What is no RIFF
    file passes.
    """
    file.seek(0)
    head = file.read(12)
    order = _RIFF.get(head[:4])
    if order is None or len(head) < 12:
        return
    riff = struct.unpack(order + "I", head[4:8])[0]
    long_riff = long_data = _UNKNOWN
    offset = 12
    while len(chunk := file.read(8)) == 8:
        kind, length = chunk[:4], struct.unpack(order + "I", chunk[4:])[0]
        offset += 8
        if kind == b"ds64" and len(body := file.read(16)) == 16:
            long_riff, long_data = struct.unpack(order + "QQ", body)
        if kind == b"data":
            _check_data(
                length if length != _UNKNOWN else long_data,
                size - offset,
                offset - 8,
                riff if riff != _UNKNOWN else long_riff,
                name,
            )
            return
        offset += length + length % 2  # chunks are padded to even lengths
        file.seek(offset)
    raise MasterRejected("no-samples", f"{name}: a WAV header without a data chunk")


def _check_data(promised: int, present: int, before: int, riff: int, name: str) -> None:
    """`promised` bytes of audio by the header, `present` ones in the file, `before` of them the headers."""
    never_finished = riff in (0, _UNKNOWN)
    if present == 0 and (promised in (0, _UNKNOWN) or never_finished):
        raise MasterRejected("no-samples", f"{name}: a WAV header with no samples behind it")
    if promised == 0 and not never_finished:
        raise MasterRejected("no-samples", f"{name}: the data chunk is empty")
    if promised in (0, _UNKNOWN) or promised <= present:
        return
    if promised + before <= riff:
        raise MasterRejected("truncated", f"{name}: {_breaks_off(promised, present)}")
    raise MasterRejected(
        "header-lies",
        f"{name}: the data chunk claims {promised} bytes within a RIFF chunk of {riff}, and {present} are there",
    )


def _breaks_off(promised: int, present: int) -> str:
    return f"it breaks off: the header promises {promised} bytes of audio, {present} are there"


def check_caf(file: BinaryIO, size: int, name: str) -> None:
    """Raise `MasterRejected` (*truncated*) when the ``data`` chunk of a Core Audio file reaches beyond the file."""
    file.seek(0)
    if file.read(4) != b"caff":
        return
    offset = 8
    file.seek(offset)
    while len(chunk := file.read(12)) == 12:
        kind, length = struct.unpack(">4sq", chunk)
        offset += 12
        if kind == b"data" and length > size - offset:
            raise MasterRejected("truncated", f"{name}: {_breaks_off(length, size - offset)}")
        if kind == b"data" or not 0 <= length < size:  # a data chunk of length -1 goes on to the end
            return
        offset += length
        file.seek(offset)


def check_ogg(file: BinaryIO, size: int, name: str) -> None:
    """Raise `MasterRejected` (*truncated*) when the last page of an Ogg file is not the end of its stream (RFC 3533 §6)."""
    file.seek(0)
    if file.read(4) != b"OggS":
        return
    file.seek(max(0, size - _OGG_PAGE))
    tail = file.read()
    page = tail.rfind(b"OggS")
    if 0 <= page < len(tail) - 5 and not tail[page + 5] & 4:
        raise MasterRejected("truncated", f"{name}: it breaks off: its last page does not end the stream")


def check_mp4_is_whole(file: BinaryIO, size: int, name: str) -> None:
    """Raise `MasterRejected` (*truncated*) when this is an MP4 whose last top-level box reaches beyond the file.

    Asked only after no demuxer could open the file: an MP4 whose index (``moov``) comes last and was cut off.
    """
    offset, first = 0, True
    while offset + 8 <= size:
        file.seek(offset)
        length, kind = struct.unpack(">I4s", file.read(8))
        if first and kind != b"ftyp":
            return
        if length == 1:
            length = int.from_bytes(file.read(8), "big")
        if length < 8:  # 0: up to the end of the file; 1 to 7: nonsense
            return
        offset, first = offset + length, False
    if not first and offset != size:
        raise MasterRejected("truncated", f"{name}: an MP4 that breaks off before its index")
