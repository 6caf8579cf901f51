"""Words that every voice shares: the sample rate, signals and the few curves that all of them need.

A `Signal` is float32 of shape (n,), a `Stereo` float32 of shape (2, n), left first. Full scale is ±1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

RATE = 44_100

Signal = npt.NDArray[np.float32]
Stereo = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Rng = np.random.Generator
# (frequency in Hz, length in seconds, loudness 0…1, randomness) → (n,) or (2, n), its own ending included
Voice = Callable[[float, float, float, Rng], npt.NDArray[np.float32]]


def samples(seconds: float) -> int:
    return round(seconds * RATE)


def decibels(level: float) -> float:
    """A gain in dB as a factor."""
    return float(10.0 ** (level / 20.0))


def seconds_axis(count: int) -> Signal:
    return np.arange(count, dtype=np.float32) / np.float32(RATE)


def decay(count: int, t60: float) -> Signal:
    """An exponential that falls by 60 dB in `t60` seconds."""
    curve: Signal = np.exp(seconds_axis(count) * np.float32(-6.9078 / t60))
    return curve


def fast_size(count: int) -> int:
    """The next length of the form 2^a, 3·2^a or 5·2^a: the ones an FFT likes."""
    power = 1 << max(0, count - 1).bit_length()
    return min(size for size in (power, power * 3 // 4, power * 5 // 8) if size >= count)


def bins(size: int) -> Floats:
    """The frequencies in Hz of an FFT over `size` real samples."""
    return np.asarray(np.fft.rfftfreq(size, 1 / RATE), dtype=np.float64)


def bounded(signal: Signal, attack: float, length: float, release: float) -> Signal:
    """`signal` with a smooth start, held for `length` seconds, then let go over about `release` seconds. In place."""
    rise = min(samples(attack), signal.shape[-1])
    signal[..., :rise] *= np.sin(np.linspace(0, np.pi / 2, rise, endpoint=False, dtype=np.float32)) ** 2
    off = min(samples(length), signal.shape[-1])
    signal[..., off:] *= decay(signal.shape[-1] - off, release)
    tail = min(samples(0.01), signal.shape[-1])
    signal[..., -tail:] *= np.linspace(1, 0, tail, dtype=np.float32)
    return signal


def noise(count: int, shape: Callable[[Floats], Floats], rng: Rng) -> Signal:
    """`count` samples of noise whose spectrum follows `shape(frequencies in Hz)`, peak 1."""
    size = fast_size(count)
    spectrum = np.fft.rfft(rng.standard_normal(size))
    spectrum *= shape(bins(size))
    signal = np.fft.irfft(spectrum, size)[:count]
    return np.asarray(signal / np.abs(signal).max(), dtype=np.float32)


def band(low: float, high: float, order: int = 2) -> Callable[[Floats], Floats]:
    """The magnitude of a band-pass with smooth flanks of 6·`order` dB per octave."""

    def shape(frequencies: Floats) -> Floats:
        ratio = np.maximum(frequencies, 1.0)
        result: Floats = 1 / np.sqrt((1 + (low / ratio) ** (2 * order)) * (1 + (ratio / high) ** (2 * order)))
        return result

    return shape
