"""What is bowed or held: a wide warm pad, and one solo voice with vibrato.

The pad is Nasca's PADsynth: every harmonic is smeared a little in frequency and given a random phase, and one long
inverse FFT makes a loop of six seconds that sounds like many detuned players. A note is a slice of the loop per
ear; its filter opens and closes by blending a dark loop into a bright one.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from demo.sound import RATE, Rng, Signal, Stereo, bins, bounded, samples, seconds_axis

_LOOP = 1 << 18
_TABLE = 4096


@lru_cache(maxsize=128)
def _pad_loop(hertz: float, cutoff: float) -> Signal:
    """A seamless loop of `_LOOP` samples, RMS 1."""
    frequencies = bins(_LOOP)
    level = np.zeros(len(frequencies))
    for harmonic in range(1, int(min(9000, cutoff * 5) / hertz) + 1):
        centre = hertz * harmonic
        width = 0.0075 * centre**0.9  # about 13 cents at middle C, a little less above
        amplitude = harmonic**-1.1 / (1 + (centre / cutoff) ** 3)
        near = slice(*np.searchsorted(frequencies, [centre - 5 * width, centre + 5 * width]))
        level[near] += amplitude / np.sqrt(width) * np.exp(-(((frequencies[near] - centre) / width) ** 2))
    phase = np.random.default_rng(round(hertz * 1000)).uniform(0, 2 * np.pi, len(level))
    loop = np.fft.irfft(level * np.exp(1j * phase), _LOOP)
    return np.asarray(loop / loop.std(), dtype=np.float32)


def pad(hertz: float, length: float, loud: float, rng: Rng) -> Stereo:
    """Swells for a third of its length (0.25 to 1.2 s), opens with loudness, leaves over a second."""
    attack = min(1.2, max(0.25, length / 3))
    count = samples(length + 1.6)
    cutoff = 300 + 0.9 * hertz
    where = rng.integers(0, _LOOP, 2)
    index = np.arange(count)
    swell = np.sin(np.clip(seconds_axis(count) / np.float32(length), 0, 1) * np.float32(np.pi))
    blend = np.float32(0.2 + 0.5 * loud) * swell
    dark, bright = _pad_loop(hertz, cutoff), _pad_loop(hertz, cutoff * 4)
    sides = np.stack([(index + start) % _LOOP for start in where])
    signal = (1 - blend) * dark[sides] + np.float32(0.85) * blend * bright[sides]
    signal *= np.float32(0.25 * loud)
    return bounded(signal, attack, length, 1.5)


@lru_cache(maxsize=64)
def _wave(hertz: float, tilt: float) -> Signal:
    """One period of a bowed tone behind a wooden body (resonances near 300, 700 and 2600 Hz), RMS 1, plus one sample."""
    harmonics = np.arange(1, int(min(9000 / hertz, _TABLE // 2 - 1)) + 1)
    frequencies = harmonics * hertz
    level = harmonics**-tilt * (
        0.35
        + sum(
            g / (1 + ((frequencies - c) / (0.3 * c)) ** 2) for c, g in ((300, 1.0), (700, 0.7), (2600, 0.8))
        )
    )
    spectrum = np.zeros(_TABLE // 2 + 1, dtype=np.complex128)
    spectrum[1 : len(harmonics) + 1] = level * np.exp(1j * np.pi * harmonics**2 * 0.37)
    wave = np.fft.irfft(spectrum, _TABLE)
    wave /= wave.std()
    return np.append(wave, wave[0]).astype(np.float32)


def bowed(hertz: float, length: float, loud: float, rng: Rng) -> Signal:
    """A solo string: the vibrato arrives late, the bow presses towards the middle of a long note."""
    count = samples(length + 0.5)
    time = seconds_axis(count)
    late = np.clip((time - np.float32(0.25)) / np.float32(0.5), 0, 1)
    rate = 5.1 + 0.25 * rng.standard_normal()
    cents = 16 * late * np.sin(2 * np.pi * rate * time + rng.uniform(0, 6)) + 3 * np.sin(
        2 * np.pi * 0.7 * time + rng.uniform(0, 6)
    )
    # Phases are summed in double precision: a slow note has a hundred thousand of them.
    phase = np.cumsum(hertz / RATE * 2.0 ** (cents.astype(np.float64) / 1200)) % 1.0 * _TABLE
    index = phase.astype(np.int64)
    part = (phase - index).astype(np.float32)
    press = np.abs(np.sin(np.clip(time / np.float32(length), 0, 1) * np.float32(np.pi))) ** np.float32(0.7)
    blend = np.float32(0.25 + 0.6 * loud) * (0.4 + 0.6 * press)
    dark, bright = (
        table[index] * (1 - part) + table[index + 1] * part
        for table in (_wave(hertz, 2.1), _wave(hertz, 1.15))
    )
    signal = (
        ((1 - blend) * dark + np.float32(0.8) * blend * bright)
        * (0.72 + 0.28 * press)
        * np.float32(0.22 * loud)
    )
    return bounded(signal, min(0.14, length / 3), length, 0.35)
