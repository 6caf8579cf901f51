from __future__ import annotations

import numpy as np
import pytest

from demo.room import Room
from demo.score import hertz, pitch
from demo.sound import RATE
from demo.voices import drums, keys, strings, sustained

VOICES = {
    "harp": strings.HARP,
    "guitar": strings.GUITAR,
    "pizzicato": strings.PIZZICATO,
    "upright": strings.UPRIGHT,
    "electric piano": keys.electric_piano,
    "vibraphone": keys.vibraphone,
    "celesta": keys.celesta,
    "pad": sustained.pad,
    "bowed": sustained.bowed,
    "kick": drums.KICK,
    "tap": drums.TAP,
    "sweep": drums.SWEEP,
    "ride": drums.RIDE,
    "hat": drums.HAT,
    "rim": drums.RIM,
    "shaker": drums.SHAKER,
}


@pytest.mark.parametrize("name", VOICES)
def test_a_voice_repeats_itself_and_never_clicks(name: str) -> None:
    voice = VOICES[name]
    first = voice(220.0, 0.4, 0.7, np.random.default_rng(5))
    again = voice(220.0, 0.4, 0.7, np.random.default_rng(5))
    assert first.dtype == np.float32
    assert np.array_equal(first, again)
    assert 0.03 < np.abs(first).max() < 1.2
    # It rises from nothing and returns to nothing.
    assert np.abs(first[..., 0]).max() < 1e-3
    assert np.abs(first[..., -1]).max() < 1e-3


@pytest.mark.parametrize("name", ["harp", "guitar", "electric piano", "vibraphone", "bowed"])
@pytest.mark.parametrize("note", ["G3", "Eb5"])
def test_instruments_are_in_tune(name: str, note: str) -> None:
    """The fundamental lies within four cents, although no string is a whole number of samples long."""
    wanted = hertz(pitch(note))
    sound = VOICES[name](wanted, 1.5, 0.5, np.random.default_rng(1))[: int(1.4 * RATE)]
    size = 1 << 19
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), size))
    frequencies = np.fft.rfftfreq(size, 1 / RATE)
    near = np.abs(frequencies / wanted - 1) < 0.04
    found = frequencies[near][spectrum[near].argmax()]
    assert abs(1200 * np.log2(found / wanted)) < 4


def test_a_string_does_not_bite_its_own_tail() -> None:
    """The circular transform must not fold a long ring back onto the quiet end."""
    sound = strings.HARP(65.4, 3.0, 0.8, np.random.default_rng(2))
    level = np.array([np.abs(part).max() for part in np.array_split(sound[: 3 * RATE], 12)])
    assert (np.diff(level) < 0.02 * level[0]).all()
    assert level[-1] < 0.2 * level[0]


def test_the_room_dies_away_and_top_first() -> None:
    response = Room(t60=1.0, predelay=0.01).response()

    def level(low: float, high: float, start: float) -> float:
        part = response[0, int(start * RATE) : int((start + 0.15) * RATE)]
        spectrum, frequencies = np.abs(np.fft.rfft(part)), np.fft.rfftfreq(len(part), 1 / RATE)
        return float(20 * np.log10(spectrum[(frequencies > low) & (frequencies < high)].mean()))

    assert -36 < level(400, 1500, 0.55) - level(400, 1500, 0.05) < -24  # half of 60 dB in half of a second
    assert level(5000, 9000, 0.55) - level(5000, 9000, 0.05) < -40
    assert abs(np.corrcoef(response)[0, 1]) < 0.2  # the ears hear different walls
