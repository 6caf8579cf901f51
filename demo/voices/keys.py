"""Struck keys: an FM electric piano, and bars of metal (vibraphone, celesta) as sums of their few partials."""

from __future__ import annotations

import numpy as np

from demo.sound import Rng, Signal, bounded, decay, samples, seconds_axis

_TURN = np.float32(2 * np.pi)


def electric_piano(hertz: float, length: float, loud: float, rng: Rng) -> Signal:
    """Two operators for the tone bar, two for the tine (Chowning's FM): a harder blow brings more of both."""
    t60 = 5.5 * (261.6 / hertz) ** 0.45
    count = samples(min(length + 0.35, t60))
    time = seconds_axis(count)
    angle = _TURN * np.float32(hertz) * time
    drift = np.float32(1 + 2.2e-4 * rng.standard_normal())
    index = (
        np.float32(0.5 + 2.2 * loud**1.5)
        * (0.3 + 0.7 * decay(count, 1.7))
        * np.float32(min(1.0, 420 / hertz) ** 0.5)
    )
    bar = np.sin(angle * drift + index * np.sin(angle)) * decay(count, t60)
    # The tine rings at about 14 times the note; high up that would fold back at half the sample rate.
    ratio = 14 if hertz * 14 < 9000 else 7
    tine = np.sin(angle + np.float32(0.5 * loud) * decay(count, 0.35) * np.sin(ratio * angle))
    shine = (
        np.float32(0.13 * loud) * np.sin(ratio * angle + np.float32(rng.uniform(0, 6))) * decay(count, 0.28)
    )
    octave = np.float32(0.12) * np.sin(2 * angle * drift) * decay(count, t60 * 0.5)
    signal = (0.62 * bar + 0.3 * tine * decay(count, t60 * 0.7) + octave + shine) * np.float32(
        0.9 * loud**1.3
    )
    return bounded(signal, 0.003, length, 0.3)


def _bars(
    hertz: float,
    length: float,
    loud: float,
    rng: Rng,
    partials: tuple[tuple[float, float, float], ...],
    release: float,
) -> Signal:
    """A sum of ``(ratio, level, T60 at middle C)``; the higher ones come out with the force of the blow."""
    scale = (261.6 / hertz) ** 0.5
    count = samples(min(length + release, max(t60 for _, _, t60 in partials) * scale))
    time = seconds_axis(count)
    signal = np.zeros(count, dtype=np.float32)
    for place, (ratio, level, t60) in enumerate(partials):
        if hertz * ratio < 15_000:
            wave = np.sin(_TURN * np.float32(hertz * ratio) * time + np.float32(rng.uniform(0, 0.6) * place))
            signal += np.float32(level * (loud**0.8 if place else 1)) * wave * decay(count, t60 * scale)
    return bounded(signal * np.float32(loud**1.3), 0.0025, length, release)


def vibraphone(hertz: float, length: float, loud: float, rng: Rng) -> Signal:
    """Tuned bars have their overtones at 4 and about 10; the motor turns slowly."""
    signal = _bars(hertz, length, loud, rng, ((1, 0.8, 5.0), (3.99, 0.22, 1.3), (9.9, 0.09, 0.25)), 0.9)
    motor = _TURN * np.float32(4.4) * seconds_axis(len(signal)) + np.float32(rng.uniform(0, 6))
    signal *= np.float32(0.88) + np.float32(0.12) * np.sin(motor)
    return signal


def celesta(hertz: float, length: float, loud: float, rng: Rng) -> Signal:
    return _bars(
        hertz,
        length,
        loud,
        rng,
        ((1, 0.7, 3.2), (2.0, 0.16, 1.4), (4.02, 0.16, 0.8), (6.6, 0.07, 0.3), (11.2, 0.04, 0.12)),
        0.8,
    )
