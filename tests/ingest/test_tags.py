"""Tags in every scheme, written by mutagen or libav, read as one."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path

import mutagen
import pytest
from mutagen.aiff import AIFF
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, TALB, TCON, TCOP, TDRC, TIT2, TPE1, TPE2, TPOS, TRCK, TSRC
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4, MP4Cover, MP4FreeForm
from mutagen.oggopus import OggOpus
from mutagen.wave import WAVE
from mutagen.wavpack import WavPack
from PIL import Image

from ingest.probe import probe
from ingest.tags import Tags, read_tags

Writer = Callable[..., Path]

EXPECTED = Tags(
    title="Título Ünïcode 🎵",
    artists=("First & Co", "Second"),
    album="The Album",
    album_artist="Various",
    track_number=7,
    disc_number=2,
    date="2024-05-01",
    genres=("Ambient", "Noise"),
    isrc="USRC17607839",
    copyright="© nobody",
)


def jpeg(colour: str) -> bytes:
    memory = io.BytesIO()
    Image.new("RGB", (32, 32), colour).save(memory, "JPEG")
    return memory.getvalue()


def block(colour: str, kind: int) -> Picture:
    picture = Picture()
    picture.type, picture.mime, picture.data = kind, "image/jpeg", jpeg(colour)
    return picture


def vorbis(tagged: mutagen.FileType) -> None:
    tagged["TITLE"] = EXPECTED.title
    tagged["Artist"] = list(EXPECTED.artists)
    tagged["album"] = EXPECTED.album
    tagged["albumartist"] = EXPECTED.album_artist
    tagged["tracknumber"] = "07/12"
    tagged["discnumber"] = "2"
    tagged["date"] = EXPECTED.date
    tagged["genre"] = list(EXPECTED.genres)
    tagged["isrc"] = "us-rc1-76-07839"
    tagged["copyright"] = EXPECTED.copyright


def write_flac(path: Path) -> None:
    tagged = FLAC(path)
    vorbis(tagged)
    tagged.add_picture(block("blue", 4))  # a back cover first
    tagged.add_picture(block("red", 3))
    tagged.save()


def write_ogg(path: Path) -> None:
    tagged = OggOpus(path)
    vorbis(tagged)
    tagged["metadata_block_picture"] = [
        "not base64!",
        base64.b64encode(b"no picture").decode(),
        base64.b64encode(block("red", 3).write()).decode(),
    ]
    tagged.save()


def write_wavpack(path: Path) -> None:
    tagged = WavPack(path)
    vorbis(tagged)
    del tagged["albumartist"], tagged["tracknumber"], tagged["discnumber"]
    tagged["Album Artist"], tagged["Track"], tagged["Disc"] = EXPECTED.album_artist, "7/12", "2"
    tagged.tags["Cover Art (Front)"] = mutagen.apev2.APEValue(
        b"cover.jpg\0" + jpeg("red"), mutagen.apev2.BINARY
    )
    tagged.save()


def id3(path: Path, kind: type[MP3] | type[AIFF] | type[WAVE]) -> None:
    tagged = kind(path)
    if tagged.tags is None:
        tagged.add_tags()
    assert tagged.tags is not None
    for frame in (
        TIT2(text=EXPECTED.title),
        TPE1(text=list(EXPECTED.artists)),
        TALB(text=EXPECTED.album),
        TPE2(text=EXPECTED.album_artist),
        TRCK(text="7/12"),
        TPOS(text="2"),
        TDRC(text=EXPECTED.date),
        TCON(text=["(26)", "Noise"]),  # ID3v1's number for Ambient
        TSRC(text="USRC17607839"),
        TCOP(text=EXPECTED.copyright),
        APIC(mime="image/jpeg", type=4, desc="back", data=jpeg("blue")),
        APIC(mime="image/gif", type=3, desc="front", data=jpeg("red")),  # the type is sniffed, not believed
    ):
        tagged.tags.add(frame)
    tagged.save()


def write_mp4(path: Path) -> None:
    tagged = MP4(path)
    tagged["©nam"], tagged["©ART"] = EXPECTED.title, list(EXPECTED.artists)
    tagged["©alb"], tagged["aART"] = EXPECTED.album, EXPECTED.album_artist
    tagged["trkn"], tagged["disk"] = [(7, 12)], [(2, 2)]
    tagged["©day"], tagged["©gen"] = EXPECTED.date, list(EXPECTED.genres)
    tagged["cprt"] = EXPECTED.copyright
    tagged["----:com.apple.iTunes:ISRC"] = MP4FreeForm(b"USRC17607839")
    tagged["covr"] = [MP4Cover(jpeg("red"), MP4Cover.FORMAT_PNG)]
    tagged.save()


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("a.flac", write_flac),
        ("a.ogg", write_ogg),
        ("a.wv", write_wavpack),
        ("a.mp3", lambda path: id3(path, MP3)),
        ("a.aiff", lambda path: id3(path, AIFF)),
        ("a.wav", lambda path: id3(path, WAVE)),
        ("a.m4a", write_mp4),
    ],
)
def test_every_scheme_says_the_same(write: Writer, name: str, tag: Callable[[Path], None]) -> None:
    path = write(name, rate=48000)
    tag(path)
    master = probe(path)
    assert master.tags == EXPECTED
    assert master.cover is not None
    with Image.open(io.BytesIO(master.cover.jpeg)) as image:
        red, _, blue = image.getpixel((16, 16))
    assert red > 200 > 100 > blue
    assert master.flaws == ()


def test_what_mutagen_does_not_know_libav_does(write: Writer) -> None:
    """RIFF INFO chunks; a song without a title is called by its file's name."""
    tagged = probe(write("info.wav", tags={"title": "A", "artist": "B", "date": "1999", "track": "3"}))
    assert tagged.tags == Tags(title="A", artists=("B",), date="1999", track_number=3)
    assert probe(write("My Song.wav")).song("my-song").title == "My Song"
    assert tagged.song("a-b").artists == ("B",)


def test_a_broken_cover_is_a_flaw_and_no_reason_to_refuse(write: Writer) -> None:
    path = write("a.flac")
    tagged = FLAC(path)
    picture = Picture()
    picture.type, picture.mime, picture.data = 3, "image/png", b"\x89PNG\r\n\x1a\nnonsense"
    tagged.add_picture(picture)
    tagged.save()
    master = probe(path)
    assert master.cover is None
    assert len(master.flaws) == 1
    assert master.flaws[0].startswith("cover: ")


@pytest.mark.parametrize(
    ("key", "text", "field", "expected"),
    [
        ("title", "  two\r\n lines\0\x1b[31m ", "title", "two lines[31m"),
        ("title", "e\u0301", "title", "é"),
        ("title", "lone \ud800 surrogate", "title", "lone  surrogate"),
        ("title", "x" * 5000, "title", "x" * 1000),
        ("title", "\u200b\u200d", "title", "\u200b\u200d"),
        ("ARTIST", " ", "artists", ()),
        ("track", "0", "track_number", None),
        ("track", "A1", "track_number", None),
        ("track", "-3", "track_number", None),
        ("track", "12345", "track_number", 1234),
        ("disc", "1/2", "disc_number", 1),
        ("date", "2004-07", "date", "2004-07"),
        ("date", "2004-07-01T12:00:00", "date", "2004-07-01"),
        ("date", "12 May 1987", "date", "1987"),
        ("year", "1987", "date", "1987"),
        ("date", "long ago", "date", ""),
        ("isrc", "GB-AYE-68-00123", "isrc", "GBAYE6800123"),
        ("isrc", "GBAYE68001234", "isrc", ""),
        ("isrc", "'; DROP TABLE", "isrc", ""),
    ],
)
def test_tags_are_cleaned(key: str, text: str, field: str, expected: object) -> None:
    assert getattr(read_tags(None, {key: text}), field) == expected
