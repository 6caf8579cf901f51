"""A small kit played with brushes: every stroke is made of shaped noise and a few decaying modes.

A drum is a voice that ignores its pitch and its length.
Noise is dear, so each drum has a handful of strokes made once and chosen at random: no two in a row are alike.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from demo.sound import RATE, Rng, Signal, band, bounded, decay, noise, samples, seconds_axis

_STROKES = 6


def _modes(count: int, modes: tuple[tuple[float, float, float], ...]) -> Signal:
    """A sum of ``(Hz, level, T60)``."""
    time = seconds_axis(count)
    result = np.zeros(count, dtype=np.float32)
    for frequency, level, t60 in modes:
        result += np.float32(level) * np.sin(np.float32(2 * np.pi * frequency) * time) * decay(count, t60)
    return result


def _kick(rng: Rng) -> Signal:
    """A soft beater: the head falls from 105 to 47 Hz within a few hundredths of a second."""
    count = samples(0.5)
    fall = 47 + 58 * decay(count, 0.16)
    phase = np.cumsum(fall.astype(np.float64)) / RATE
    head = np.sin(2 * np.pi * phase).astype(np.float32) * decay(count, 0.42)
    felt = noise(count, band(200, 900), rng) * decay(count, 0.05)
    return head + np.float32(0.12) * felt


def _tap(rng: Rng) -> Signal:
    """A brush on the snare: wires that fan out for a moment, and the head below them."""
    count = samples(0.4)
    time = seconds_axis(count)
    fan = noise(count, band(1300, 6500), rng) * decay(count, 0.22) * (1 - np.exp(-time / np.float32(0.0025)))
    head: Signal = np.float32(0.32) * _modes(count, ((186, 1, 0.16), (331, 0.5, 0.1)))
    head += np.float32(0.8) * fan
    return head


def _sweep(rng: Rng) -> Signal:
    """A brush drawn across the head in a half circle."""
    count = samples(0.6)
    turn = np.abs(np.sin(np.linspace(0, np.pi, count, dtype=np.float32))) ** np.float32(1.6)
    grain = 1 + np.float32(0.3) * noise(count, band(4, 22), rng)
    return np.float32(0.45) * noise(count, band(1800, 5200, 3), rng) * turn * grain


def _ride(rng: Rng) -> Signal:
    """A dark cymbal: sixty partials that agree on nothing, the low ones longest, a soft wooden tip on top."""
    count = samples(1.8)
    time = seconds_axis(count)
    result = np.zeros(count, dtype=np.float32)
    for frequency in np.sort(rng.uniform(2200, 9500, 48)):
        wave = np.sin(np.float32(2 * np.pi * frequency) * time + np.float32(rng.uniform(0, 6)))
        result += (
            wave
            * decay(count, float(4000 / frequency * rng.uniform(0.7, 1.6)))
            * np.float32((3000 / frequency) ** 0.7)
        )
    tip = noise(count, band(3500, 8000), rng) * decay(count, 0.04)
    result *= np.float32(0.7) / np.abs(result).max()
    return result + np.float32(0.5) * tip


def _hat(rng: Rng) -> Signal:
    count = samples(0.2)
    return noise(count, band(5200, 11000, 3), rng) * decay(count, 0.09)


def _rim(rng: Rng) -> Signal:
    count = samples(0.15)
    wood = _modes(count, ((780, 1, 0.05), (1690, 0.7, 0.035), (2730, 0.3, 0.02)))
    return np.float32(0.6) * wood + np.float32(0.1) * noise(count, band(2000, 6000), rng) * decay(count, 0.03)


def _shaker(rng: Rng) -> Signal:
    """Grains need a moment to reach the far wall."""
    count = samples(0.16)
    time = seconds_axis(count)
    rise = np.clip(time / np.float32(0.035), 0, 1) ** 2
    grains = noise(count, band(4500, 9000, 3), rng)
    grains *= rise * decay(count, 0.16)
    return grains


@lru_cache(maxsize=16)
def _strokes(make: Callable[[Rng], Signal]) -> tuple[Signal, ...]:
    rng = np.random.default_rng(sum(map(ord, make.__name__)))
    return tuple(bounded(make(rng), 0.0008, 10.0, 1.0) for _ in range(_STROKES))


def _drum(make: Callable[[Rng], Signal]) -> Callable[[float, float, float, Rng], Signal]:
    def voice(hertz: float, length: float, loud: float, rng: Rng) -> Signal:
        stroke = _strokes(make)[rng.integers(_STROKES)]
        return stroke * np.float32(loud**1.5)

    return voice


KICK, TAP, SWEEP, RIDE, HAT, RIM, SHAKER = map(_drum, (_kick, _tap, _sweep, _ride, _hat, _rim, _shaker))
