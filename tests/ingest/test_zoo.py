"""Every master of the shared zoo: the good ones go all the way, the bad ones each get their own reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy
import pytest

from ingest.ffmpeg import Ffmpeg
from ingest.ladder import DEFAULT_LADDER, MEASURE_ONLY
from ingest.probe import probe
from ingest.transcode import transcode
from media.errors import MasterRejected

pytestmark = pytest.mark.masters

# name: (codec, rate, channels, bits, samples at that rate, title, cover, encoded here because it is short)
GOOD = {
    "ambience-8k-u8.wav": ("pcm_u8", 8000, 1, 8, 80_000, "", False, True),
    "battle-epic.flac": ("flac", 44100, 2, 16, 3_267_200, "Battle Epic", False, False),
    "blip-50ms.wav": ("pcm_s16le", 44100, 2, 16, 2_205, "", False, True),
    "defeat-96k-24bit.wav": ("pcm_s24le", 96000, 2, 24, 1_359_872, "Defeat", False, False),
    "defeat-cover.flac": ("flac", 44100, 2, 16, 374_272, "Defeat", True, True),
    "elf-land.flac": ("flac", 44100, 2, 16, 1_183_696, "Elf Land", False, False),
    "frantic.flac": ("flac", 44100, 2, 16, 3_735_530, "Frantic", False, False),
    "love-theme.flac": ("flac", 44100, 2, 16, 4_204_086, "Love Theme", False, False),
    "main-theme.flac": ("flac", 44100, 2, 16, 2_279_419, "Main Theme", False, False),
    "revelation-cover.mp3": ("mp3", 44100, 2, None, 3_427_200, "Revelation", True, False),
    "sad-5.1-48k.flac": ("flac", 48000, 6, 16, 960_000, "Sad", False, False),
    "victory-mono-48k.aiff": ("pcm_s16be", 48000, 1, 16, 261_922, "Victory", False, True),
    "victory2-alac.m4a": ("alac", 44100, 2, 24, 933_274, "Victory", False, False),
}
BAD = {
    "corrupt-middle.flac": ("corrupt", "damaged at 0:12.6"),
    "digital-silence.flac": ("silent", "every sample is zero"),
    "empty.wav": ("empty", "the file is empty"),
    "header-only.wav": ("no-samples", "no samples behind it"),
    "lying-data-size.wav": ("header-lies", "claims 2147483392 bytes"),
    "random.mp3": ("not-audio", "not audio"),
    "text-named.flac": ("not-audio", "not audio"),
    "truncated.flac": ("truncated", "breaks off at 0:04.2"),
    "video-only.mp4": ("no-audio-stream", "only video"),
}


def test_nothing_of_the_zoo_is_left_out(good_masters: Path, bad_masters: Path) -> None:
    assert sorted(path.name for path in good_masters.iterdir()) == sorted(GOOD)
    assert sorted(path.name for path in bad_masters.iterdir()) == sorted(BAD)


@pytest.mark.parametrize("name", GOOD)
async def test_good(
    good_masters: Path, ffmpeg: Ffmpeg, tmp_path: Path, decode: Callable[..., numpy.ndarray], name: str
) -> None:
    codec, rate, channels, bits, samples, title, has_cover, short = GOOD[name]
    path = good_masters / name
    master = probe(path)
    assert (master.codec, master.sample_rate, master.channels, master.bits) == (codec, rate, channels, bits)
    assert (master.declared_samples, master.tags.title) == (samples, title)
    assert (master.cover is not None) == has_cover
    ladder = DEFAULT_LADDER if short else MEASURE_ONLY
    made = await transcode(master, ladder, ffmpeg=ffmpeg, work=tmp_path)
    expected_rate = 44100 if rate == 44100 else 48000
    assert (made.samples, made.sample_rate) == (samples * expected_rate // rate, expected_rate)
    assert made.pcm.stat().st_size == made.samples * 8
    assert [encoded.samples for encoded in made.encoded] == [made.samples] * len(ladder.rungs)
    if (rate, channels) == (44100, 2):
        # Nothing to resample, nothing to mix: the programme is what PyAV decodes, sample for sample.
        heard = decode(path.read_bytes(), master.container)
        programme = numpy.fromfile(made.pcm, dtype=numpy.float32).reshape(-1, 2).T
        assert numpy.abs(programme - heard).max() <= (1e-6 if master.lossless else 1e-3)


@pytest.mark.parametrize("name", BAD)
async def test_bad(bad_masters: Path, ffmpeg: Ffmpeg, tmp_path: Path, name: str) -> None:
    reason, words = BAD[name]
    with pytest.raises(MasterRejected) as caught:
        await transcode(probe(bad_masters / name), MEASURE_ONLY, ffmpeg=ffmpeg, work=tmp_path)
    assert caught.value.reason == reason
    assert words in str(caught.value)
    assert name in str(caught.value)
    assert list(tmp_path.iterdir()) == []
