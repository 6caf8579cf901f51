"""The last steps of a recording: tone, glue, loudness (ITU-R BS.1770-5), a gentle limiter, and sixteen bits.

Everything is a whole-buffer operation; both channels always get the same gain, so the image never moves.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from demo.sound import RATE, Floats, Signal, Stereo, bins, decibels, fast_size, samples

TARGET_LUFS = -16.0
CEILING = -1.5  # dBFS; lossy codecs overshoot a little


def master(mix: Stereo) -> Stereo:
    """A mix at any level becomes a programme at `TARGET_LUFS` whose samples stay below `CEILING`."""
    mix = glued(toned(mix))
    for _ in range(2):  # the limiter takes a little loudness away, so ask twice
        mix = limited(mix * np.float32(decibels(TARGET_LUFS - loudness(mix))))
    return mix


def toned(mix: Stereo) -> Stereo:
    """No rumble below 28 Hz, a little less mud around 300 Hz, a little air above 7 kHz."""
    size = fast_size(mix.shape[1])
    frequencies = bins(size)
    rumble = frequencies**4 / (frequencies**4 + 28.0**4)
    mud = 1 - 0.16 / (1 + ((frequencies - 300) / 160) ** 2)
    air = 1 + 0.35 / (1 + (7000 / np.maximum(frequencies, 1)) ** 2)
    shape = (rumble * mud * air).astype(np.float32)
    return np.asarray(np.fft.irfft(np.fft.rfft(mix, size) * shape, size)[:, : mix.shape[1]], dtype=np.float32)


def _box(signal: Signal, width: int) -> Signal:
    """The centred mean over `width` samples (odd), edges padded with their own value."""
    padded = np.pad(signal.astype(np.float64), (width // 2 + 1, width // 2), mode="edge")
    total = np.cumsum(padded)
    return ((total[width:] - total[:-width]) / width).astype(np.float32)


def glued(mix: Stereo, ratio: float = 1.7, over: float = 3.0) -> Stereo:
    """A slow compressor: what is `over` dB above the piece's own mean level is brought closer, within a tenth of a second."""
    power = _box((mix**2).mean(axis=0), samples(0.08) | 1) + np.float32(1e-9)
    threshold = power.mean() * np.float32(decibels(2 * over))
    gain = np.minimum(1, (power / threshold) ** np.float32((1 / ratio - 1) / 2))
    return mix * _box(_box(gain, samples(0.05) | 1), samples(0.05) | 1)


def loudness(mix: Stereo) -> float:
    """Integrated loudness in LUFS: K-weighting, 400 ms blocks every 100 ms, gates at -70 LUFS and -10 LU (BS.1770-5)."""
    count = mix.shape[1]
    size = fast_size(count)
    weighted = np.fft.irfft(np.fft.rfft(mix, size) * _k_weight(bins(size)), size)[:, :count]
    step = RATE // 10
    steps = (weighted[:, : count // step * step] ** 2).reshape(2, -1, step).mean(axis=2).sum(axis=0)
    blocks = np.convolve(steps, np.full(4, 0.25), "valid")
    heard = blocks[blocks > 10 ** ((-70 + 0.691) / 10)]
    heard = heard[heard > heard.mean() / 10]
    return float(-0.691 + 10 * np.log10(heard.mean()))


def _k_weight(frequencies: Floats) -> npt.NDArray[np.complex64]:
    """The two filters of BS.1770-5 annex 1 as analogue prototypes: a shelf of +4 dB above 1.7 kHz, a high-pass at 38 Hz."""
    s = 2j * np.tan(
        np.pi * np.minimum(frequencies, 0.499 * RATE) / RATE
    )  # the bilinear transform's axis, times 2
    shelf_at, shelf_q, gain = 2 * np.tan(np.pi * 1681.974 / RATE), 0.7071752, decibels(3.999844)
    top = gain * s**2 + gain**0.4996667 * (shelf_at / shelf_q) * s + shelf_at**2
    shelf = top / (s**2 + (shelf_at / shelf_q) * s + shelf_at**2)
    pass_at, pass_q = 2 * np.tan(np.pi * 38.13547 / RATE), 0.5003270
    high = s**2 / (s**2 + (pass_at / pass_q) * s + pass_at**2)
    return np.asarray(shelf * high, dtype=np.complex64)


def limited(mix: Stereo, ceiling: float = CEILING, look: float = 0.006) -> Stereo:
    """Peaks above `ceiling` are ducked smoothly, `look` seconds before and after; what lies below is not touched."""
    top = np.float32(decibels(ceiling))
    reach = samples(look) | 1
    peak = _sliding_max(np.abs(mix).max(axis=0), reach)
    gain = np.minimum(1, top / np.maximum(peak, 1e-9)).astype(np.float32)
    # Two boxes make a triangle of the same reach as the maximum: the gain arrives before the peak and never overshoots.
    gain = _box(_box(gain, reach), reach)
    return np.asarray(np.clip(mix * gain, -top, top), dtype=np.float32)


def _sliding_max(signal: Signal, reach: int) -> Signal:
    """The largest value within `reach` samples to either side, by doubling windows."""
    width, done = 2 * reach + 1, 1
    result = np.pad(signal, reach)
    while done < width:
        step = min(done, width - done)
        result = np.maximum(result[:-step], result[step:])
        done += step
    return result


def sixteen_bits(programme: Stereo, rng: np.random.Generator) -> npt.NDArray[np.int16]:
    """Shape (2, n), with triangular dither of ±1 LSB: rounding becomes a faint hiss instead of distortion."""
    dither = rng.random(programme.shape, dtype=np.float32) - rng.random(programme.shape, dtype=np.float32)
    return np.round(programme * np.float32(32767) + dither).clip(-32768, 32767).astype(np.int16)
