"""What a master says of itself, whatever its tagging scheme, cleaned for a catalogue.

mutagen reads the schemes that keep several values apart (Vorbis comments, ID3, MP4 atoms, APEv2); what it does not
know (RIFF INFO, AIFF text chunks, WMA) is taken from libav's own reading. Tags are a courtesy of the file: one that
makes no sense is left out, and is never a reason to refuse the music.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, BinaryIO

import mutagen

# By libav's name of the container, "module:class"; where several share one, each is asked how well it fits. mutagen is imported
# piece by piece, as files ask for it: all of it takes as long as to encrypt a song.
_READERS = {
    "aiff": ("aiff:AIFF",),
    "ape": ("monkeysaudio:MonkeysAudio",),
    "flac": ("flac:FLAC",),
    "mov": ("mp4:MP4",),
    "mp3": ("mp3:MP3",),
    "ogg": ("oggvorbis:OggVorbis", "oggopus:OggOpus", "oggflac:OggFLAC"),
    "wav": ("wave:WAVE",),
    "wv": ("wavpack:WavPack",),
}
# Field → how it is called. Text keys are those of Vorbis comments, APEv2 and libav, in lower case.
_TEXT = {
    "title": ("title",),
    "artists": ("artist",),
    "album": ("album",),
    "album_artist": ("albumartist", "album artist", "album_artist"),
    "track_number": ("tracknumber", "track"),
    "disc_number": ("discnumber", "disc"),
    "date": ("date", "year"),
    "genres": ("genre",),
    "isrc": ("isrc", "tsrc"),
    "copyright": ("copyright",),
}
_ID3 = {
    "title": "TIT2",
    "artists": "TPE1",
    "album": "TALB",
    "album_artist": "TPE2",
    "track_number": "TRCK",
    "disc_number": "TPOS",
    "date": "TDRC",
    "genres": "TCON",
    "isrc": "TSRC",
    "copyright": "TCOP",
}
_MP4 = {
    "title": "©nam",
    "artists": "©ART",
    "album": "©alb",
    "album_artist": "aART",
    "track_number": "trkn",
    "disc_number": "disk",
    "date": "©day",
    "genres": "©gen",
    "isrc": "----:com.apple.iTunes:ISRC",
    "copyright": "cprt",
}
_LONGEST = 1000  # characters of one value
_MOST = 32  # values of one tag
_ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}", re.ASCII)  # ISO 3901, without its hyphens
_DATE = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?", re.ASCII)
_FRONT_COVER = 3  # ID3v2 APIC and FLAC PICTURE share the numbering


@dataclass(frozen=True, slots=True)
class Tags:
    """The tags that a `media.song.Song` has, under the same names and with the same empty values."""

    title: str = ""
    artists: tuple[str, ...] = ()
    album: str = ""
    album_artist: str = ""
    track_number: int | None = None
    disc_number: int | None = None
    date: str = ""
    genres: tuple[str, ...] = ()
    isrc: str = ""
    copyright: str = ""


def open_tagged(file: BinaryIO, container: str) -> mutagen.FileType | None:
    """mutagen's view of an open file, or ``None`` where it has none or cannot make sense of the file."""
    file.seek(0)
    try:
        return mutagen.File(file, options=_readers(container)) if container in _READERS else None
    except mutagen.MutagenError:
        return None


def _readers(container: str) -> list[type[mutagen.FileType]]:
    targets = (target.partition(":") for target in _READERS[container])
    return [getattr(import_module(f"mutagen.{module}"), name) for module, _, name in targets]


def read_tags(tagged: mutagen.FileType | None, fallback: Mapping[str, str]) -> Tags:
    """Tags out of mutagen's view, each completed from `fallback`, libav's names and values."""
    found = _values(tagged.tags if tagged is not None else None)
    others = _text_values({key.lower(): [value] for key, value in fallback.items()})
    values = {name: _clean(found.get(name) or others.get(name) or ()) for name in _TEXT}
    first = {name: texts[0] if texts else "" for name, texts in values.items()}
    return Tags(
        title=first["title"],
        artists=values["artists"],
        album=first["album"],
        album_artist=first["album_artist"],
        track_number=_number(first["track_number"]),
        disc_number=_number(first["disc_number"]),
        date=_date(first["date"]),
        genres=values["genres"],
        isrc=_isrc(first["isrc"]),
        copyright=first["copyright"],
    )


def pictures(tagged: mutagen.FileType | None) -> list[bytes]:
    """The embedded pictures as they are, the front cover first."""
    if tagged is None:
        return []
    from mutagen.apev2 import APEv2
    from mutagen.flac import FLAC
    from mutagen.id3 import ID3
    from mutagen.mp4 import MP4Tags

    tags: Any = tagged.tags
    typed: list[tuple[int, bytes]] = []
    if isinstance(tagged, FLAC):
        typed = [(picture.type, picture.data) for picture in tagged.pictures]
    elif isinstance(tags, ID3):
        typed = [(int(frame.type), frame.data) for frame in tags.getall("APIC")]
    elif isinstance(tags, MP4Tags):
        typed = [(_FRONT_COVER, bytes(picture)) for picture in tags.get("covr", [])]
    elif isinstance(tags, APEv2):
        # A file name, a zero, the picture.
        typed = [
            (_FRONT_COVER, value.value.partition(b"\0")[2])
            for key, value in tags.items()
            if key.lower() == "cover art (front)" and isinstance(value.value, bytes)
        ]
    elif tags is not None:
        typed = list(_picture_blocks(tags.get("metadata_block_picture", [])))
    return [data for _, data in sorted(typed, key=lambda picture: picture[0] != _FRONT_COVER)]


def _picture_blocks(blocks: Iterable[str]) -> Iterable[tuple[int, bytes]]:
    """FLAC PICTURE blocks in base64, as Vorbis comments carry them."""
    from mutagen.flac import Picture

    for block in blocks:
        try:
            picture = Picture(base64.b64decode(block, validate=True))
        except (binascii.Error, ValueError, mutagen.MutagenError):
            continue
        yield picture.type, picture.data


def _values(tags: Any) -> dict[str, list[str]]:
    """Field → values, by the scheme that `tags` is of."""
    if tags is None:
        return {}
    from mutagen.mp4 import MP4Tags

    if isinstance(tags, MP4Tags):
        return {name: [_mp4_text(value) for value in tags.get(key, [])] for name, key in _MP4.items()}
    from mutagen.apev2 import APEv2
    from mutagen.id3 import ID3

    if isinstance(tags, ID3):
        return {
            name: [
                text
                for frame in tags.getall(key)
                for text in (frame.genres if key == "TCON" else map(str, frame.text))
            ]
            for name, key in _ID3.items()
        }
    if isinstance(tags, APEv2):
        return _text_values({key.lower(): str(value).split("\0") for key, value in tags.items()})
    return _text_values(tags.as_dict())


def _text_values(texts: Mapping[str, list[str]]) -> dict[str, list[str]]:
    return {name: next((texts[key] for key in keys if key in texts), []) for name, keys in _TEXT.items()}


def _mp4_text(value: object) -> str:
    """``trkn`` and ``disk`` are pairs of a number and a total; freeform atoms are bytes."""
    if isinstance(value, tuple):
        return str(value[0])
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _clean(texts: Iterable[str]) -> tuple[str, ...]:
    """NFC, on one line, without control characters and lone surrogates, each value once, none of them empty."""
    cleaned = (
        "".join(
            character
            for character in unicodedata.normalize("NFC", " ".join(text[:_LONGEST].split()))
            if unicodedata.category(character) not in ("Cc", "Cs")
        ).strip()
        for text in texts
    )
    return tuple(dict.fromkeys(text for text in cleaned if text))[:_MOST]


def _number(text: str) -> int | None:
    """``5``, ``05`` and ``5/12`` are five."""
    match = re.match(r"[0-9]{1,4}", text)
    return int(match[0]) or None if match else None


def _date(text: str) -> str:
    """A year, month or day of ISO 8601; of anything else the year it contains."""
    if match := _DATE.match(text):
        return match[0]
    match = re.search(r"\b[0-9]{4}\b", text)
    return match[0] if match else ""


def _isrc(text: str) -> str:
    code = re.sub(r"[\s-]", "", text).upper()
    return code if _ISRC.fullmatch(code) else ""
