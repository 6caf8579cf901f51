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

# What is not read, so that it can be named: where its first bytes are, and what they are
_OTHERS = (
    (8, b"WAVE", "WAV"),
    (8, b"AIFF", "AIFF"),
    (8, b"AIFC", "AIFF"),
    (0, b"caff", "Core Audio"),
    (0, b"\x1a\x45\xdf\xa3", "Matroska or WebM"),
    (0, b"\x0b\x77", "AC-3 or E-AC-3"),
    (0, b"wvpk", "WavPack"),
    (0, b"MAC ", "Monkey's Audio"),
    (188, b"\x47", "MPEG-2 transport stream"),
)


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
    found = _named(sound)
    if found:
        raise FormatError(
            f"{found} is not packaged: only AAC, Opus and FLAC are, from MP4, ADTS, FLAC and Ogg"
        )
    raise FormatError("neither MP4, ADTS, FLAC nor Ogg")


def _named(data: bytes) -> str:
    """What a file is that is none of ours; empty where that is not known."""
    # ISO/IEC 11172-3 §2.4.1.3: eleven bits of sync, and a layer that is not the reserved one ADTS has
    if data[:1] == b"\xff" and data[1:2] and data[1] & 0xE0 == 0xE0 and data[1] & 6:
        return "MP3 or other MPEG audio"
    return next((name for at, magic, name in _OTHERS if data[at : at + len(magic)] == magic), "")


def _tag_size(data: bytes) -> int:
    """The size of an ID3v2 tag in front of everything: ten bytes and what four groups of seven bits say."""
    if not data.startswith(b"ID3") or len(data) < 10:
        return 0
    groups = data[6:10]
    return 10 + (groups[0] << 21 | groups[1] << 14 | groups[2] << 7 | groups[3])
