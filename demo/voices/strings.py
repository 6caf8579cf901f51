"""Plucked strings: Karplus and Strong's loop, solved in the frequency domain instead of sample by sample.

A plucked string is a delay line fed back through a gentle loss. The loop's answer to an excitation E is

    Y(z) = E(z) / (1 - L(z)),      L = loss · one trip along the string

so a note is one division of spectra and one inverse FFT. Two things become free that are work in a loop: the
trip may last any fraction of a sample (perfect tuning), and its phase may bend (stiffness, which stretches
the upper partials as on a real string). An FFT is circular, though, and a long note would bite its own tail:
the spectra are therefore taken on a circle of radius r > 1, which fades what wraps around by r^-size (here
60 dB), and the result is multiplied by r^n afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from demo.sound import RATE, Rng, Signal, bins, bounded, fast_size, samples

_WRAP = 1e3


@dataclass(frozen=True)
class Plucked:
    """A voice. `ring` is the T60 of the fundamental at middle C in seconds, `damping` the frequency in Hz where partials
    start to die sooner, `bright` the pick's softness in Hz, `position` where along the string it plucks, `mellow` the fall of the partials (1 = as 1/k)."""

    ring: float
    damping: float
    bright: float
    position: float
    mellow: float = 0.8
    stiffness: float = 2e-5
    release: float = 0.25
    body: tuple[tuple[float, float], ...] = ()  # (resonance in Hz, extra gain)

    def __call__(self, hertz: float, length: float, loud: float, rng: Rng) -> Signal:
        t60 = self.ring * (261.6 / hertz) ** 0.4
        count = samples(min(length + self.release, t60 * 1.1))
        size = fast_size(count + 4096)
        # A finger never meets the string twice at the same spot, nor with the same flesh.
        place = self.position * (1 + 0.06 * rng.standard_normal())
        burst = rng.standard_normal(round(RATE / hertz)) * np.sqrt(hertz / RATE)
        frequencies = bins(size)
        partial, loop = _loop(self, hertz, size)
        # A string pulled aside is a triangle: its partials fall with their number, and a soft finger rounds the corner.
        pick = 1 / (
            (0.5 + partial) ** self.mellow * (1 + (frequencies / (self.bright * (0.35 + 1.3 * loud))) ** 2)
        )
        excitation = pick * (1 - np.exp(-2j * np.pi * partial * place)) * (1 + 0.4 * np.fft.rfft(burst, size))
        grow = np.exp(np.arange(count) * (np.log(_WRAP) / size))
        signal = (np.fft.irfft(excitation * loop, size)[:count] * grow).astype(np.float32)
        # Players even out their strings by ear, not by the height of the first spike.
        signal *= np.float32(0.2 * loud**1.4) / signal[: samples(0.12)].std()
        return bounded(signal, 0.0015, length, self.release)


@lru_cache(maxsize=64)
def _loop(
    voice: Plucked, hertz: float, size: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.complex128]]:
    """For each bin the (fractional) number of its partial, and 1 / (1 - loss · trip) times the body's colour."""
    frequencies = bins(size)
    if voice.stiffness:
        # f = k·f0·√(1 + B·k²), solved for k: the trip's phase is a whole number of turns exactly at each partial.
        bend = 2 * voice.stiffness
        partial = np.sqrt((np.sqrt(1 + 2 * bend * (frequencies / hertz) ** 2) - 1) / bend)
    else:
        partial = frequencies / hertz
    t60 = voice.ring * (261.6 / hertz) ** 0.4 / (1 + (frequencies / voice.damping) ** 1.5)
    loss = 10 ** (-3 / (hertz * t60)) * _WRAP ** (-RATE / hertz / size)
    colour = frequencies**2 / (frequencies**2 + (0.5 * hertz) ** 2)
    for centre, gain in voice.body:
        colour = colour + gain / (1 + ((frequencies - centre) / (0.16 * centre)) ** 2)
    return partial, colour / (1 - loss * np.exp(-2j * np.pi * partial))


HARP = Plucked(ring=4.6, damping=2800, bright=3400, position=0.38, mellow=0.75, release=0.6)
GUITAR = Plucked(
    ring=4.4,
    damping=2000,
    bright=3200,
    position=0.21,
    release=0.16,
    body=((102, 0.8), (205, 0.8), (410, 0.5), (980, 0.25)),
)
PIZZICATO = Plucked(
    ring=1.3, damping=1200, bright=2400, position=0.24, release=0.12, body=((280, 1.2), (460, 0.6))
)
UPRIGHT = Plucked(
    ring=1.9,
    damping=600,
    bright=900,
    position=0.19,
    release=0.1,
    stiffness=6e-5,
    body=((98, 0.8), (190, 0.5)),
)
