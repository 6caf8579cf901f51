"""From a path or an address to a report."""

from __future__ import annotations

import asyncio
import mmap
import os
from pathlib import Path

import aiohttp

from media.errors import FormatError, ObjectMissing, StoreUnavailable
from media.layout import INIT
from packager.inspect.boxes import inspect_boxes
from packager.inspect.manifests import inspect_mpd, inspect_playlist, inspect_presentation
from packager.inspect.report import Report
from packager.inspect.streams import inspect_stream

LARGEST = 256 << 20  # bytes taken from an address
_TIMEOUT = aiohttp.ClientTimeout(total=60, sock_connect=10, sock_read=20)
_HEAD = 64  # bytes
_SEGMENT = ".m4s"
_STREAMS = {b"fLaC": "FLAC", b"OggS": "Ogg", b"ID3": "stream behind an ID3 tag"}
_BOM = b"\xef\xbb\xbf"


def inspect(address: str) -> Report:
    """The report on a file or on what an http(s) address answers.

    Raises `ObjectMissing` and `StoreUnavailable` when it cannot be had, and `FormatError` for what is none of the formats.
    """
    if address.lower().startswith(("http://", "https://")):
        return report(address, memoryview(asyncio.run(_fetched(address))))
    path = Path(address.removeprefix("file:"))
    beside = path.parent / INIT
    init = _mapped(beside) if path.suffix == _SEGMENT and beside.is_file() else None
    return report(address, _mapped(path), init)


def report(name: str, data: memoryview, init: memoryview | None = None) -> Report:
    """The report on `data`, told by its first bytes. Raises `FormatError` for what is none of the formats.

    A media segment says nothing of seconds: `init` is the init segment that does.
    """
    head = bytes(data[:_HEAD])
    text = head.removeprefix(_BOM).lstrip()
    if text.startswith(b"#EXTM3U"):
        return inspect_playlist(name, bytes(data).removeprefix(_BOM))
    if text.startswith(b"<"):
        return inspect_mpd(name, bytes(data))
    if text.startswith(b"{"):
        return inspect_presentation(name, bytes(data))
    for magic, kind in _STREAMS.items():
        if head.startswith(magic):
            return inspect_stream(name, kind, bytes(data))
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return inspect_stream(name, "ADTS", bytes(data))
    if _is_box(head):
        return inspect_boxes(name, data, init)
    raise FormatError(f"{name}: neither boxes, a manifest, ADTS, FLAC nor Ogg")


def _is_box(data: bytes) -> bool:
    """Whether a box could begin here: four letters, and a size that holds its header."""
    size, kind = int.from_bytes(data[:4], "big"), data[4:8]
    return len(kind) == 4 and kind.replace(b" ", b"0").isalnum() and (size >= 8 or size in (0, 1))


def _mapped(path: Path) -> memoryview:
    """The file as the operating system maps it: boxes are looked at where they are, and media data not at all."""
    try:
        # Without O_NONBLOCK a named pipe would wait for its writer; as it is, it cannot be mapped, and that is said.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ))
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise ObjectMissing(f"{path}: no such file") from None
    except ValueError:
        return memoryview(b"")  # nothing can be mapped of an empty file
    except OSError as error:
        raise StoreUnavailable(f"{path}: {error.strerror}") from None


async def _fetched(address: str) -> bytes:
    try:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session, session.get(address) as response:
            if response.status in (404, 410):
                raise ObjectMissing(f"{address}: status {response.status}")
            if response.status != 200:
                raise StoreUnavailable(f"{address}: status {response.status}")
            body = bytearray()
            async for chunk in response.content.iter_chunked(1 << 16):
                body += chunk
                if len(body) > LARGEST:
                    raise StoreUnavailable(f"{address}: more than {LARGEST >> 20} MiB")
            return bytes(body)
    except aiohttp.InvalidURL:
        raise StoreUnavailable(f"{address}: not an address") from None
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise StoreUnavailable(f"{address}: {error or type(error).__name__}") from None
