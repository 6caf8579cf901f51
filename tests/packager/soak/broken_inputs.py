"""Mutated files of every kind through the readers of encoded music: see `limits`."""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path

from limits import soak
from mutations import mutated

from media.boxes import places
from media.crc import CRC32
from media.errors import FormatError
from packager.inputs import read

MUSIC = (".mp4", ".m4a", ".aac", ".flac", ".ogg")
_PLACE = re.compile(r"at byte (\d+)")

files = [path.read_bytes() for path in sorted(Path(sys.argv[1]).iterdir()) if path.suffix in MUSIC]
boxes = [path.read_bytes() for path in sorted(Path(sys.argv[1]).glob("*.box"))]


def make(chance: random.Random) -> bytes:
    seed = chance.choice(files)
    if seed[4:8] == b"ftyp" and chance.random() < 0.8:
        return _tables(seed, chance)
    data = mutated(seed, chance.choice(boxes), chance)
    return _summed(data) if data.startswith(b"OggS") and chance.random() < 0.8 else data


def _tables(seed: bytes, chance: random.Random) -> bytes:
    """What tells of the media broken, the media whole: where all the bytes count, most mutations would hit the media."""
    starts = places(seed)
    pieces = [seed[start:stop] for start, stop in zip(starts, [*starts[1:], len(seed)], strict=True)]
    telling = [place for place, piece in enumerate(pieces) if piece[4:8] in (b"moov", b"moof")]
    place = chance.choice(telling)
    broken = mutated(pieces[place], chance.choice(boxes), chance)
    pieces[place] = len(broken).to_bytes(4, "big") + broken[4:]
    return b"".join(pieces)


def _summed(data: bytes) -> bytes:
    """Each Ogg page with a checksum that is right again."""
    mended, at = bytearray(data), 0
    while mended[at : at + 4] == b"OggS" and len(mended) >= at + 27:
        stop = at + 27 + mended[at + 26] + sum(mended[at + 27 : at + 27 + mended[at + 26]])
        mended[at + 22 : at + 26] = bytes(4)
        mended[at + 22 : at + 26] = CRC32(mended[at:stop]).to_bytes(4, "little")
        at = stop
    return bytes(mended)


def attempt(data: bytes) -> bool:
    try:
        encoded = read(data, name="x")
    except FormatError as error:
        check(str(error), data)
        return False
    units = encoded.units
    assert 0 < encoded.samples <= len(units) * units.samples_per_unit - encoded.priming
    assert encoded.priming >= 0
    assert len(units.data) <= len(data)
    assert encoded.sample_rate > 0
    assert encoded.channels > 0
    return True


def check(text: str, data: bytes) -> None:
    """One line, and no place beyond the end."""
    assert len(text.splitlines()) == 1, text
    assert all(int(place) <= len(data) for place in _PLACE.findall(text)), text


if __name__ == "__main__":
    soak(make, attempt)
