"""Which format it is, by its first bytes: names are not trusted."""

from __future__ import annotations

from pathlib import Path

from media.access_units import Encoded
from media.errors import FormatError
from packager.inputs.adts import read_adts
from packager.inputs.flac import read_flac
from packager.inputs.mp4 import read_mp4
from packager.inputs.ogg import read_ogg

# The box that may come first: ISO/IEC 14496-12 §4.3 asks for ftyp, older writers and cut files do without.
_FIRST_BOXES = (b"ftyp", b"styp", b"moov", b"free", b"skip", b"wide", b"mdat")


def read_file(path: Path, *, name: str) -> Encoded:
    """The rendition `name` out of the file at `path`. Raises `FormatError`, which names the file."""
    try:
        return read(path.read_bytes(), name=name)
    except OSError as error:
        raise FormatError(f"{path}: {error.strerror}") from None
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None


def read(data: bytes, *, name: str) -> Encoded:
    """The rendition `name` out of a whole file. Raises `FormatError`."""
    if data[4:8] in _FIRST_BOXES:
        return read_mp4(data, name)
    if data.startswith(b"OggS"):
        return read_ogg(data, name)
    sound = data[_tag_size(data) :]
    if sound.startswith(b"fLaC"):
        return read_flac(sound, name)
    if sound[:1] == b"\xff" and sound[1:2] and sound[1] & 0xF6 == 0xF0:
        return read_adts(sound, name)
    raise FormatError("neither MP4, ADTS, FLAC nor Ogg")


def _tag_size(data: bytes) -> int:
    """The size of an ID3v2 tag in front of everything: ten bytes and what four groups of seven bits say."""
    if not data.startswith(b"ID3") or len(data) < 10:
        return 0
    groups = data[6:10]
    return 10 + (groups[0] << 21 | groups[1] << 14 | groups[2] << 7 | groups[3])
