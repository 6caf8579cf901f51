"""What broke off, what was overwritten, what is another format: one clear line, or a reading that is shorter and true."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from media.access_units import Encoded
from media.boxes import EsdsBox, MdatBox, MdhdBox, MvhdBox, parse
from media.errors import FormatError
from packager.fragments import read_init
from packager.inputs import read, read_file
from packager.package import Package

Made = Callable[[str, str], bytes]
AAC, OPUS, FLAC = "-t 0.7 -c:a aac -b:a 96k", "-t 0.7 -c:a libopus", "-t 0.7 -c:a flac -frame_size 1000"
FRAGMENTS = "-movflags empty_moov+default_base_moof -frag_duration 100000"
# ffmpeg's arguments, the suffix, and whether the format has a checksum over all that is sound
KINDS = [
    (AAC, "m4a", False),
    (f"{AAC} -movflags +faststart", "m4a", False),
    (f"{AAC} {FRAGMENTS}", "mp4", False),
    (OPUS, "mp4", False),
    (FLAC, "mp4", False),
    (f"{FLAC} {FRAGMENTS}", "mp4", False),
    (OPUS, "opus", True),
    (FLAC, "ogg", True),
    (FLAC, "flac", True),
    (AAC, "aac", False),
]
PARTS = 200


def attempt(data: bytes) -> Encoded | None:
    """The reading; ``None`` for an error, which is one line that is not empty."""
    try:
        return read(data, name="x")
    except FormatError as error:
        (line,) = str(error).splitlines()
        assert line
        return None


def assert_front(found: Encoded, whole: Encoded) -> None:
    """`found` is the first units of `whole` and nothing else, and no longer than they are."""
    units = len(found.units)
    assert found.units.sizes.tolist() == whole.units.sizes[:units].tolist()
    assert whole.units.data.startswith(found.units.data)
    assert found.samples <= min(whole.samples, units * found.units.samples_per_unit - found.priming)


@pytest.mark.parametrize(("arguments", "suffix", "summed"), KINDS)
def test_a_file_that_breaks_off(made: Made, arguments: str, suffix: str, summed: bool) -> None:
    data = made(arguments, suffix)
    whole = read(data, name="x")
    for part in range(PARTS):
        found = attempt(data[: len(data) * part // PARTS])
        if found is not None:
            assert_front(found, whole)
            assert len(found.units) < len(whole.units)


@pytest.mark.parametrize(
    ("arguments", "suffix"),
    [(f"{AAC} {FRAGMENTS}", "mp4"), (AAC, "aac"), (f"{OPUS} -page_duration 100000", "opus")],
)
def test_what_ends_between_two_parts_is_the_shorter_song(made: Made, arguments: str, suffix: str) -> None:
    data = made(arguments, suffix)
    whole = read(data, name="x")
    part = {"mp4": b"moof", "aac": data[:2], "opus": b"OggS"}[suffix]
    end = data.rindex(part) - (4 if suffix == "mp4" else 0)
    found = attempt(data[:end])
    assert found is not None
    assert_front(found, whole)
    assert 0 < len(found.units) < len(whole.units)


@pytest.mark.parametrize("what", ["zeros", "noise"])
@pytest.mark.parametrize(
    ("arguments", "suffix", "summed"),
    [pytest.param(*kind, marks=pytest.mark.soak) if kind[0] == FLAC else kind for kind in KINDS],
)
def test_a_file_that_was_overwritten(
    made: Made, arguments: str, suffix: str, summed: bool, what: str
) -> None:
    data, chance = made(arguments, suffix), random.Random(4)
    whole, refused = read(data, name="x"), 0
    for part in range(PARTS):
        place, size = len(data) * part // PARTS, chance.choice((1, 4, 64))
        piece = bytes(size) if what == "zeros" else chance.randbytes(size)
        broken = (data[:place] + piece + data[place + size :])[: len(data)]
        found = attempt(broken)
        refused += found is None
        if found is not None and summed:
            assert found.units.data == whole.units.data
        elif found is not None:
            assert len(found.units.data) <= len(data)
            assert 0 < found.samples <= len(found.units) * found.units.samples_per_unit - found.priming
    assert refused > (PARTS // 2 if summed else 0)


@pytest.mark.parametrize(
    ("arguments", "suffix", "reason"),
    [
        ("-c:a alac", "m4a", "alac: Apple Lossless; no browser plays it in MP4"),
        ("-c:a libmp3lame", "mp4", "mp4a.6b: MP3;"),
        ("-c:a libmp3lame", "mov", ".mp3: MP3;"),
        ("-c:a libmp3lame", "mp3", "MP3 or other MPEG audio is not packaged"),
        ("-c:a libmp3lame -id3v2_version 0 -write_xing 0", "mp3", "MP3 or other MPEG audio"),
        ("-c:a mp2", "mp2", "MP3 or other MPEG audio"),
        ("-c:a ac3", "mp4", "ac-3: AC-3;"),
        ("-c:a eac3", "mp4", "ec-3: E-AC-3;"),
        ("-c:a ac3", "ac3", "AC-3 or E-AC-3 is not packaged"),
        ("-c:a libvorbis", "ogg", "Vorbis: no standard"),
        ("-t 0.5 -c:a libvorbis", "mp4", "mp4a.dd: Vorbis;"),
        ("-c:a pcm_s16le", "mp4", "ipcm: PCM;"),
        ("-c:a pcm_f32le", "mp4", "fpcm: PCM;"),
        ("-c:a pcm_s16le", "mov", "sowt: PCM;"),
        ("-c:a pcm_s24le", "mov", "in24: PCM;"),
        ("-c:a pcm_s16le", "wav", "WAV is not packaged: only AAC, Opus and FLAC are"),
        ("-c:a pcm_s16be", "aiff", "AIFF is not packaged"),
        ("-c:a alac", "caf", "Core Audio is not packaged"),
        ("-c:a aac", "mkv", "Matroska or WebM is not packaged"),
        ("-c:a aac", "ts", "MPEG-2 transport stream is not packaged"),
    ],
)
def test_what_is_not_packaged_is_called_by_its_name(
    made: Made, tmp_path: Path, arguments: str, suffix: str, reason: str
) -> None:
    path = tmp_path / "song"  # names are not trusted
    path.write_bytes(made(arguments, suffix))
    with pytest.raises(FormatError) as caught:
        read_file(path, name="x")
    assert str(caught.value).startswith(f"{path}: {reason}")


def usac(*fields: tuple[int, int]) -> bytes:
    """AudioSpecificConfig with object type 42 by the escape (ISO/IEC 14496-3 §1.6.2.1), and what else is said, by value and width."""
    bits = "11111" + f"{42 - 32:06b}" + "".join(f"{value:0{width}b}" for value, width in fields)
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


# ISO/IEC 14496-3: index of the rate, channels; ISO/IEC 23003-3 §5.2: index of the rate, of the frame length, of the channels
STEREO_48 = usac((3, 4), (2, 4), (3, 5), (1, 3), (2, 5))
MONO_24_DOUBLED = usac((6, 4), (1, 4), (3, 5), (3, 3), (1, 5))
ESCAPED = usac((15, 4), (37800, 24), (0, 4), (31, 5), (37800, 24), (1, 3), (2, 5))


@pytest.mark.parametrize(
    ("config", "rate", "channels", "unit", "ticks"),
    [
        (STEREO_48, 48000, 2, 1024, 48000),
        (MONO_24_DOUBLED, 48000, 1, 2048, 24000),
        (ESCAPED, 37800, 2, 1024, 37800),
    ],
)
def test_xhe_aac_is_signalled_as_its_configuration_says(
    made: Made,
    changed: Callable[..., bytes],
    pack: Callable[..., Package],
    config: bytes,
    rate: int,
    channels: int,
    unit: int,
    ticks: int,
) -> None:
    """There is no encoder: an AAC file in whose units the first bit says that they depend on none (§5.3.1), and another configuration."""
    plain = made("-c:a aac -b:a 96k", "m4a")
    places = read(plain, name="x").units.offsets[:-1].tolist()
    # On another timescale: so many ticks a second, as many a unit
    data = changed(changed(plain, MdhdBox, timescale=ticks), MvhdBox, timescale=ticks)
    (sound,) = [box for box in parse(data) if isinstance(box, MdatBox)]
    media = bytearray(sound.data)
    for place in places:
        media[place] |= 0x80
    data = changed(changed(data, MdatBox, data=bytes(media)), EsdsBox, config=config)
    encoded = read(data, name="normal")
    assert (encoded.codec, encoded.config) == ("mp4a.40.42", config)
    assert (encoded.sample_rate, encoded.channels, encoded.units.samples_per_unit) == (rate, channels, unit)
    packed = pack([encoded])
    init = read_init(packed.bodies[packed.presentation.renditions[0].init])
    assert (init.codec, init.config, init.samples_per_unit) == ("mp4a.40.42", config, unit)
    manifests = {path: body.decode() for path, body in packed.objects() if path.endswith((".m3u8", ".mpd"))}
    assert 'CODECS="mp4a.40.42"' in manifests["hls.m3u8"]
    assert 'codecs="mp4a.40.42"' in manifests["dash.mpd"]
    media[0] &= 0x7F
    with pytest.raises(FormatError, match="xHE-AAC: unit 0 depends on the one before"):
        read(changed(data, MdatBox, data=bytes(media)), name="normal")
