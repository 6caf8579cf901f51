"""From a master to its renditions: exact to the sample, in the right place, and nothing left behind.

The judge is PyAV, whose libraries are not those of the ffmpeg that encoded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy
import numpy.typing as npt
import pytest

from ingest.ffmpeg import Ffmpeg, source
from ingest.ladder import DEFAULT_LADDER, MEASURE_ONLY, Ladder, Rung
from ingest.probe import probe
from ingest.transcode import PRIMING, Transcoded, resampled, transcode
from media.access_units import Encoded
from media.codecs import SAMPLE_RATES
from media.errors import MasterRejected, TranscodeFailed

Audio = npt.NDArray[numpy.float64]
Writer = Callable[..., Path]
Decoder = Callable[[bytes, str], Audio]
ONE = Ladder((Rung("normal", 96_000, coder="fast"),))


def programme(transcoded: Transcoded) -> Audio:
    return numpy.fromfile(transcoded.pcm, dtype=numpy.float32).reshape(-1, 2).T.astype(numpy.float64)


def adts(encoded: Encoded) -> bytes:
    """Put the headers back in front of the units, bit by bit as ISO/IEC 14496-3 §1.A.2.2 lists them."""
    frames = []
    for number, size in enumerate(encoded.units.sizes.tolist()):
        bits = 0
        for width, value in (
            (12, 0xFFF), (1, 0), (2, 0), (1, 1), (2, 1), (4, SAMPLE_RATES.index(encoded.sample_rate)),
            (1, 0), (3, encoded.channels), (4, 0), (13, size + 7), (11, 0x7FF), (2, 0),
        ):  # fmt: skip
            bits = bits << width | value
        frames.append(bits.to_bytes(7, "big") + bytes(encoded.units.payload(number, number + 1)))
    return b"".join(frames)


def lag(signal: Audio, reference: Audio) -> int:
    """By how many samples `signal` is late: where the cross-correlation of the two is largest."""
    size = 1 << (len(signal) + len(reference)).bit_length()
    spectrum = numpy.fft.rfft(signal, size) * numpy.conj(numpy.fft.rfft(reference, size))
    peak = int(numpy.argmax(numpy.fft.irfft(spectrum, size)))
    return peak if peak < size // 2 else peak - size


async def refused(path: Path, ffmpeg: Ffmpeg, work: Path) -> str:
    with pytest.raises(MasterRejected) as caught:
        await transcode(probe(path), MEASURE_ONLY, ffmpeg=ffmpeg, work=work)
    assert list(work.iterdir()) == []
    return caught.value.reason


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


async def test_the_ladder(
    ffmpeg: Ffmpeg, write: Writer, chirp: Callable[..., Audio], decode: Decoder, work: Path
) -> None:
    """Four rungs of one programme: the same units, the same length, 1024 samples late and not one more."""
    audio = chirp(50_001)
    made = await transcode(probe(write("a.flac", audio)), DEFAULT_LADDER, ffmpeg=ffmpeg, work=work)
    assert (made.samples, made.sample_rate) == (50_001, 44100)
    assert [encoded.name for encoded in made.encoded] == ["low", "normal", "high", "very_high"]
    for encoded, rung in zip(made.encoded, DEFAULT_LADDER.rungs, strict=True):
        assert (encoded.bitrate, encoded.channels, encoded.sample_rate) == (
            rung.bitrate,
            rung.channels,
            44100,
        )
        assert (encoded.samples, encoded.priming, encoded.codec) == (50_001, 1024, "mp4a.40.2")
        assert len(encoded.units) == -(-(1024 + 50_001) // 1024)
        heard = decode(adts(encoded), "aac")
        assert heard.shape == (rung.channels, len(encoded.units) * 1024)
        assert lag(heard[0], audio.mean(axis=0)) == PRIMING
    assert [path.name for path in made.pcm.parent.iterdir()] == [made.pcm.name]


async def test_nothing_is_done_to_a_programme_that_needs_nothing(
    ffmpeg: Ffmpeg, write: Writer, chirp: Callable[..., Audio], decode: Decoder, work: Path
) -> None:
    path = write("a.flac", chirp(30_000, 48000), rate=48000)
    made = await transcode(probe(path), MEASURE_ONLY, ffmpeg=ffmpeg, work=work)
    assert made.encoded == ()
    assert numpy.array_equal(programme(made), decode(path.read_bytes(), "flac"))


@pytest.mark.parametrize("samples", [1, 6, 7, 2205, 30_001])
@pytest.mark.parametrize(
    ("rate", "to"), [(96000, 48000), (88200, 44100), (8000, 48000), (32000, 48000), (11025, 44100), (37800, 44100)]
)  # fmt: skip
async def test_resampling_is_exact(
    ffmpeg: Ffmpeg, write: Writer, chirp: Callable[..., Audio], work: Path, rate: int, to: int, samples: int
) -> None:
    made = await transcode(
        probe(write("a.wav", chirp(samples, rate, 1) + 0.1, rate=rate)),
        MEASURE_ONLY,
        ffmpeg=ffmpeg,
        work=work,
    )
    assert (made.samples, made.sample_rate) == (resampled(samples, rate, to), to)
    if samples > 10_000:
        # What was at a time is at that time: interpolating the master there gives the programme.
        times = numpy.arange(made.samples) / to
        expected = numpy.interp(times, numpy.arange(samples) / rate, chirp(samples, rate, 1)[0] + 0.1)
        early = slice(made.samples // 100, made.samples // 10)  # the slow part of the sweep
        assert numpy.abs(programme(made)[0, early] - expected[early]).max() < 0.01


def test_rounding_is_half_up() -> None:
    assert [resampled(n, 96000, 48000) for n in (0, 1, 2, 3)] == [0, 1, 1, 2]
    assert resampled(44100 * 3600, 44100, 48000) == 48000 * 3600


async def test_very_short_masters_encode(
    ffmpeg: Ffmpeg, write: Writer, chirp: Callable[..., Audio], work: Path
) -> None:
    for samples, units in ((1, 2), (1024, 2), (1025, 3)):
        made = await transcode(probe(write("a.wav", chirp(samples) + 0.1)), ONE, ffmpeg=ffmpeg, work=work)
        assert (made.samples, len(made.encoded[0].units)) == (samples, units)


async def test_mono_is_heard_from_both_speakers_and_low_is_their_mean(
    ffmpeg: Ffmpeg, write: Writer, decode: Decoder, work: Path
) -> None:
    tone = 0.5 * numpy.sin(2 * numpy.pi * 1000 * numpy.arange(20_000) / 48000)
    low = Ladder((Rung("low", 64_000, 1),))
    made = await transcode(probe(write("mono.wav", tone[None], rate=48000)), low, ffmpeg=ffmpeg, work=work)
    assert numpy.abs(programme(made) - tone).max() < 1e-4
    assert numpy.abs(decode(adts(made.encoded[0]), "aac")[0, 5000:15000]).max() == pytest.approx(
        0.5, abs=0.02
    )
    left = numpy.stack([tone, numpy.zeros(20_000)])
    made = await transcode(probe(write("left.wav", left, rate=48000)), low, ffmpeg=ffmpeg, work=work)
    assert numpy.abs(decode(adts(made.encoded[0]), "aac")[0, 5000:15000]).max() == pytest.approx(
        0.25, abs=0.02
    )


async def test_surround_is_mixed_down_by_bs_775_and_does_not_clip(
    ffmpeg: Ffmpeg, write: Writer, work: Path
) -> None:
    """Front left, right, centre, LFE, left and right surround: each beside a silent rest, then all at full scale."""
    k, c = 1 / (1 + 2 * 0.5**0.5), 0.5**0.5
    shares = {0: (k, 0), 1: (0, k), 2: (k * c, k * c), 4: (k * c, 0), 5: (0, k * c)}
    for channel, expected in shares.items():
        audio = numpy.zeros((6, 5000))
        audio[channel] = audio[3] = 0.9  # nothing of the LFE is heard
        made = await transcode(
            probe(write("a.flac", audio, rate=48000)), MEASURE_ONLY, ffmpeg=ffmpeg, work=work
        )
        assert programme(made)[:, 2500] / 0.9 == pytest.approx(expected, abs=1e-3)
    full = write("full.flac", numpy.full((6, 5000), 0.9999), rate=48000)
    made = await transcode(probe(full), MEASURE_ONLY, ffmpeg=ffmpeg, work=work)
    assert numpy.abs(programme(made)).max() <= 1.0


async def test_same_master_same_bytes(ffmpeg: Ffmpeg, write: Writer, work: Path) -> None:
    master = probe(write("a.wav", rate=48000))
    first, second = [await transcode(master, DEFAULT_LADDER, ffmpeg=ffmpeg, work=work) for _ in range(2)]
    for one, other in zip(first.encoded, second.encoded, strict=True):
        assert one.units.data == other.units.data
    assert first.pcm.read_bytes() == second.pcm.read_bytes()
    assert first.loudness == second.loudness


async def test_the_padding_of_an_mp3_is_not_part_of_the_song(
    ffmpeg: Ffmpeg, write: Writer, chirp: Callable[..., Audio], work: Path
) -> None:
    audio = chirp(30_000)
    made = await transcode(probe(write("a.mp3", audio)), MEASURE_ONLY, ffmpeg=ffmpeg, work=work)
    assert made.samples == 30_000
    assert lag(programme(made)[0], audio[0]) == 0


async def test_progress_is_in_samples(ffmpeg: Ffmpeg, write: Writer, work: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    master = probe(write("a.flac", rate=96000))
    made = await transcode(
        master, ONE, ffmpeg=ffmpeg, work=work, on_progress=lambda done, total: seen.append((done, total))
    )
    assert seen[-1] == (made.samples, made.samples)


@pytest.mark.parametrize(
    "name",
    [
        "-i.flac",
        "-y",
        "concat:a|b.flac",
        "http:x.flac",
        "pipe:0",
        "file:odd.flac",
        "50%d of it.flac",
        "%03d.flac",
        "two\nlines.flac",
        "it's; [quoted],\\ =.flac",
        "$(touch x) `y`.flac",
        "日本語 🎵 e\u0301.flac",
        "not-utf8-\udcff.flac",
    ],
)
async def test_no_name_is_an_option_a_protocol_or_a_pattern(
    ffmpeg: Ffmpeg, write: Writer, tmp_path: Path, work: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    write("plain.flac").rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    made = await transcode(probe(Path(name)), MEASURE_ONLY, ffmpeg=ffmpeg, work=work)
    assert made.samples == 22_050
    assert source(Path(name)) == f"file:{tmp_path}/{name}"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "work"])


async def test_tags_reach_neither_the_command_nor_the_output(
    ffmpeg: Ffmpeg, write: Writer, work: Path
) -> None:
    tags = {"title": "-y /etc/passwd", "artist": "';[out]anullsrc", "comment": "SENTINEL"}
    made = await transcode(probe(write("a.flac", tags=tags)), ONE, ffmpeg=ffmpeg, work=work)
    assert b"SENTINEL" not in made.encoded[0].units.data


def noise(samples: int) -> Audio:
    return numpy.random.default_rng(5).uniform(-0.5, 0.5, (2, samples))


@pytest.mark.parametrize(
    "name", ["a.flac", "a.m4a", "a.wv", "a.mp3", "a.ogg", "a.aac", "a.aiff", "a.caf", "a.wav"]
)
async def test_what_breaks_off_is_truncated(
    ffmpeg: Ffmpeg, write: Writer, tmp_path: Path, work: Path, name: str
) -> None:
    path = write(name, noise(96_000), rate=48000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    assert await refused(path, ffmpeg, work) == "truncated"


@pytest.mark.parametrize("name", ["a.flac", "a.m4a", "a.wv", "a.mp3", "a.ogg", "a.aac"])
async def test_what_is_damaged_inside_is_corrupt(
    ffmpeg: Ffmpeg, write: Writer, work: Path, name: str
) -> None:
    path = write(name, noise(400_000), rate=48000)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = numpy.random.default_rng(6).bytes(3000)
    path.write_bytes(data)
    assert await refused(path, ffmpeg, work) == "corrupt"


async def test_a_single_wrong_bit_in_a_flac_is_noticed(ffmpeg: Ffmpeg, write: Writer, work: Path) -> None:
    path = write("a.flac", noise(100_000))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)
    with pytest.raises(MasterRejected, match=r"damaged at 0:01\.\d\d\d"):
        await transcode(probe(path), MEASURE_ONLY, ffmpeg=ffmpeg, work=work)


@pytest.mark.parametrize("name", ["a.flac", "a.mp3", "a.wv", "a.wav", "a.m4a"])
async def test_an_old_tag_behind_the_music_is_no_damage(
    ffmpeg: Ffmpeg, write: Writer, work: Path, name: str
) -> None:
    path = write(name, noise(30_000), rate=48000)
    path.write_bytes(path.read_bytes() + b"TAG" + b"Title".ljust(125, b"\0"))
    made = await transcode(probe(path), MEASURE_ONLY, ffmpeg=ffmpeg, work=work)
    assert made.samples == 30_000


async def test_a_broken_picture_block_is_no_damage_to_the_music(
    ffmpeg: Ffmpeg, write: Writer, work: Path
) -> None:
    path = write("a.flac", noise(20_000))
    data = path.read_bytes()
    # Behind STREAMINFO: a PICTURE block of 12 bytes that promises a media type of 4 GiB (RFC 9639 §8.8).
    path.write_bytes(data[:42] + b"\x06\0\0\x0c\0\0\0\x03\xff\xff\xff\xff\0\0\0\0" + data[42:])
    made = await transcode(probe(path), MEASURE_ONLY, ffmpeg=ffmpeg, work=work)
    assert made.samples == 20_000


async def test_a_file_that_changes_under_our_hands_is_refused(
    ffmpeg: Ffmpeg, write: Writer, tmp_path: Path, work: Path
) -> None:
    path = write("a.m4a")
    master = probe(path)
    path.write_bytes(b"something else altogether")
    with pytest.raises(MasterRejected, match="does not open any more"):
        await transcode(master, MEASURE_ONLY, ffmpeg=ffmpeg, work=work)


async def test_more_samples_than_declared(ffmpeg: Ffmpeg, write: Writer, work: Path) -> None:
    path = write("a.flac", noise(50_000))
    data = bytearray(path.read_bytes())
    # STREAMINFO: 36 bits of total samples end 18 bytes behind the block's start at byte 8 (RFC 9639 §8.2).
    data[21:26] = bytes([data[21] & 0xF0]) + (20_000).to_bytes(4, "big")
    path.write_bytes(data)
    assert await refused(path, ffmpeg, work) == "header-lies"


async def test_a_header_and_nothing_else(ffmpeg: Ffmpeg, write: Writer, work: Path) -> None:
    path = write("a.flac", noise(5000))
    data = bytearray(path.read_bytes()[: path.read_bytes().index(b"\xff\xf8")])
    data[21:26] = bytes([data[21] & 0xF0]) + bytes(4)  # and it does not say how much there should be
    path.write_bytes(data)
    assert await refused(path, ffmpeg, work) == "no-samples"


@pytest.mark.parametrize("name", ["a.flac", "a.wav", "a.mp3"])
async def test_silence(ffmpeg: Ffmpeg, write: Writer, work: Path, name: str) -> None:
    assert await refused(write(name, numpy.zeros((2, 20_000))), ffmpeg, work) == "silent"


async def test_almost_silence_is_music(ffmpeg: Ffmpeg, write: Writer, work: Path) -> None:
    """One sample in 24 bits, 138 dB down; and eight bits, in which a quiet place is all zeros."""
    audio = numpy.zeros((2, 20_000))
    audio[0, 19_999] = 2**-23
    faint = write("faint.wav", audio, codec="pcm_s24le")
    coarse = write("coarse.wav", numpy.zeros((1, 20_000)), codec="pcm_u8", rate=8000)
    for path in (faint, coarse):
        made = await transcode(probe(path), MEASURE_ONLY, ffmpeg=ffmpeg, work=work)
        assert made.loudness.integrated_lufs is None


async def test_too_long_without_saying_so(ffmpeg: Ffmpeg, write: Writer, work: Path) -> None:
    path = write("a.caf", noise(8000 * 4), rate=8000)
    with pytest.raises(MasterRejected) as caught:
        await transcode(probe(path), MEASURE_ONLY, ffmpeg=ffmpeg, work=work, max_seconds=2)
    assert caught.value.reason == "too-large"
    assert list(work.iterdir()) == []


async def test_an_encoder_that_fails_is_not_the_masters_fault(
    tmp_path: Path, write: Writer, work: Path
) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho '[aac @ 0x1] [error] out of luck' >&2\nexit 7\n")
    broken.chmod(0o755)
    with pytest.raises(TranscodeFailed, match=r"a\.wav: ffmpeg: \[aac\] \[error\] out of luck"):
        await transcode(probe(write("a.wav")), ONE, ffmpeg=Ffmpeg(str(broken), "1"), work=work)
    assert list(work.iterdir()) == []


async def test_cancelled_in_the_middle(ffmpeg: Ffmpeg, write: Writer, work: Path) -> None:
    """Two minutes of noise, stopped at the first sign of progress: no process, no file."""
    master = probe(write("long.wav", numpy.tile(noise(44_100), 120)))
    started = asyncio.Event()
    task = asyncio.create_task(
        transcode(master, DEFAULT_LADDER, ffmpeg=ffmpeg, work=work, on_progress=lambda *_: started.set())
    )
    await started.wait()
    assert any(work.glob("*/*.aac"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list(work.iterdir()) == []
    assert Path("/proc/thread-self/children").read_text() == ""
