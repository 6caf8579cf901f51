"""Mutated manifests through their readers and rules: see `limits`."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from limits import soak
from mutations import mutated

from manifests import hls_reader, mpd_reader
from manifests.rules import check_media, check_mpd, check_multivariant
from media.errors import FormatError, ManifestError
from media.presentation import Presentation
from packager.inspect.inspection import report

TEXTS = (".m3u8", ".mpd", ".json")
WORDS = [
    b"",
    b"\n",
    b'"',
    b",",
    b"=",
    b"<",
    b"&",
    b"$",
    b"\0",
    b"-1",
    b"9" * 30,
    b"1e309",
    b"\xff",
    b"\xc2\xa0",
    b"[",
    b"{}",
    b"null",
]

files = [path.read_bytes() for path in sorted(Path(sys.argv[1]).iterdir()) if path.suffix in TEXTS]


def make(chance: random.Random) -> bytes:
    seed, other = chance.choice(files), chance.choice(files)
    if chance.random() < 0.3:
        return mutated(seed, other, chance)
    data = bytearray(seed)
    for _ in range(chance.choice((1, 1, 2, 4))):
        at = chance.randrange(len(data) + 1)
        start = chance.randrange(len(other))
        piece = chance.choice((chance.choice(WORDS), other[start : start + chance.randrange(60)]))
        data[at : at + chance.choice((0, 1, 8, 30))] = piece
    return bytes(data)


def attempt(data: bytes) -> bool:
    for check in (check_media, check_multivariant, check_mpd):
        for finding in check(data, "x"):
            one_line(str(finding))
    read = _read(hls_reader.read, data) and b"#EXTM3U" in data
    read = _read(mpd_reader.read, data) or _read(Presentation.from_json, data) or read
    try:
        one_line(report("x", memoryview(data)).error)
    except FormatError as error:
        one_line(str(error))
    return read


def _read(reader: Callable[[bytes], Any], data: bytes) -> bool:
    try:
        reader(data)
    except ManifestError as error:
        one_line(str(error))
        return False
    return True


def one_line(text: str) -> None:
    assert len(text.splitlines()) <= 1, text


if __name__ == "__main__":
    soak(make, attempt)
