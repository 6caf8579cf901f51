"""The space around the instruments: a convolution with noise that dies away, high frequencies sooner than low ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demo.sound import RATE, Rng, Stereo, bins, decay, fast_size, samples

_BANDS = (0, 250, 700, 1800, 4200, 9000)  # lower edges in Hz


@dataclass(frozen=True)
class Room:
    """`t60` in seconds at mid frequencies; `dark` is how much sooner the top dies than the middle (1 = at once)."""

    t60: float
    predelay: float = 0.018
    dark: float = 0.75
    seed: int = 1

    def response(self) -> Stereo:
        """The impulse response: sparse early reflections, then a diffuse tail, different for each ear. Energy 1 an ear."""
        rng = np.random.default_rng(self.seed)
        count = samples(self.t60 * 1.15)
        tail = np.stack([self._tail(count, rng) for _ in range(2)])
        # The tail builds up over the first 40 ms, while the early reflections speak.
        build = samples(0.04)
        tail[:, :build] *= np.linspace(0.15, 1, build, dtype=np.float32)
        response = np.zeros((2, count + samples(self.predelay)), dtype=np.float32)
        response[:, samples(self.predelay) :] = tail / np.sqrt((tail**2).sum(axis=1, keepdims=True))
        for at in rng.uniform(0.007, 0.06, 14):
            side = rng.uniform(0.25, 0.75)
            response[:, samples(at)] += np.float32(
                rng.choice([-1, 1]) * 0.11 * np.exp(-at / 0.05)
            ) * np.array([1 - side, side], dtype=np.float32)
        return response

    def _tail(self, count: int, rng: Rng) -> Stereo:
        size = fast_size(count)
        spectrum = np.fft.rfft(rng.standard_normal(size))
        frequencies = bins(size)
        result = np.zeros(count, dtype=np.float32)
        for low, high in zip(_BANDS, (*_BANDS[1:], RATE), strict=True):
            t60 = self.t60 * (1.12 if high <= 700 else 1 / (1 + (low / 4200) ** 1.2 * 3 * self.dark))
            tone = 1 / (1 + (frequencies / 5200) ** 2) * frequencies**2 / (frequencies**2 + 140.0**2)
            mask = (frequencies >= low) & (frequencies < high)
            result += np.fft.irfft(spectrum * mask * tone, size)[:count].astype(np.float32) * decay(
                count, t60
            )
        return result

    def around(self, send: Stereo) -> Stereo:
        """What the room answers to `send`, as long as it rings: shape (2, n + response)."""
        response = self.response()
        count = send.shape[1] + response.shape[1]
        size = fast_size(count)
        wet = np.fft.irfft(np.fft.rfft(send, size) * np.fft.rfft(response, size), size)
        return np.asarray(wet[:, :count], dtype=np.float32)
