from __future__ import annotations

import numpy as np
import pytest

from demo.mastering import CEILING, TARGET_LUFS, limited, loudness, master, sixteen_bits
from demo.sound import RATE, decibels


def tone(frequency: float, level: float, seconds: float) -> np.ndarray:
    time = np.arange(int(seconds * RATE)) / RATE
    return np.stack([decibels(level) * np.sin(2 * np.pi * frequency * time)] * 2).astype(np.float32)


@pytest.mark.parametrize(("frequency", "offset"), [(997, 0.0), (100, -1.87), (10_000, 3.31)])
def test_loudness_follows_the_k_curve(frequency: float, offset: float) -> None:
    """BS.1770: a stereo sine of 997 Hz reads its level in dBFS; bass less, treble more (ffmpeg's ebur128 agrees)."""
    assert loudness(tone(frequency, -23, 4)) == pytest.approx(-23 + offset, abs=0.1)


def test_silence_between_does_not_count() -> None:
    programme = np.concatenate([tone(997, -20, 3), tone(997, -80, 6)], axis=1)
    assert loudness(programme) == pytest.approx(-20, abs=0.35)


def test_the_limiter_touches_only_what_is_near_a_peak() -> None:
    quiet = tone(440, -12, 1)
    peaky = quiet.copy()
    peaky[:, 22_050:22_060] += 1.5
    result = limited(peaky)
    assert np.abs(result).max() <= decibels(CEILING) + 1e-6
    near = slice(22_050 - 1000, 22_060 + 1000)
    untouched = np.ones(RATE, dtype=bool)
    untouched[near] = False
    assert np.abs(result - peaky)[:, untouched].max() < 1e-6
    # The gain glides: no step is larger than the tone's own.
    gain = result[0, 21_000:22_040] / peaky[0, 21_000:22_040]
    assert np.abs(np.diff(gain[np.isfinite(gain)])).max() < 0.02


def test_a_master_hits_the_target() -> None:
    rng = np.random.default_rng(1)
    beat = (np.sin(np.arange(4 * RATE) / RATE * 2 * np.pi * 2) > 0.9).astype(np.float32)
    mix = (rng.standard_normal((2, 4 * RATE)).astype(np.float32) * 0.05) * (0.2 + 3 * beat) + tone(
        220, -20, 4
    )
    result = master(mix)
    assert loudness(result) == pytest.approx(TARGET_LUFS, abs=0.3)
    assert np.abs(result).max() <= decibels(CEILING) + 1e-6


def test_dither_leaves_no_bias_and_no_distortion() -> None:
    half = np.full((2, 200_000), 0.3 / 32767, dtype=np.float32)
    pcm = sixteen_bits(half, np.random.default_rng(0))
    assert pcm.mean() == pytest.approx(0.3, abs=0.01)
    assert np.abs(pcm).max() <= 2
