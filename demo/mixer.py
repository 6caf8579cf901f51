"""From written notes to a stereo recording: players who are never quite exact, a place for each, a room around all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from zlib import crc32

import numpy as np

from demo.room import Room
from demo.score import Note, Tempo, hertz
from demo.sound import RATE, Stereo, Voice, decibels, samples, seconds_axis


@dataclass(frozen=True)
class Strip:
    """One player: `gain` and `send` (to the room) in dB, `pan` -1…1, `spread` pans low notes left and high ones right,
    `late` and `loose` are seconds behind the beat and the standard deviation around that."""

    name: str
    voice: Voice
    notes: Sequence[Note]
    gain: float = 0.0
    pan: float = 0.0
    spread: float = 0.0
    send: float = -12.0
    late: float = 0.0
    loose: float = 0.005
    effect: Callable[[Stereo], Stereo] | None = None


@dataclass(frozen=True)
class Movement:
    """A piece as its score and its players; `beats` is where the next one may begin, `tail` seconds ring after it."""

    tempo: Tempo
    beats: float
    room: Room
    strips: Sequence[Strip] = field(repr=False)
    tail: float = 5.0

    @property
    def length(self) -> int:
        """Samples from the first beat to the place where the next piece may begin."""
        return samples(self.tempo.seconds(self.beats))


def perform(movement: Movement, lead: float) -> Stereo:
    """The recording, dry and room together, with `lead` seconds before the first beat."""
    count = samples(lead) + movement.length + samples(movement.tail)
    dry = np.zeros((2, count), dtype=np.float32)
    send = np.zeros((2, count), dtype=np.float32)
    for strip in movement.strips:
        stem = play(strip, movement.tempo, lead, count)
        dry += stem
        send += stem * np.float32(decibels(strip.send))
    dry += movement.room.around(send)[:, :count]
    return dry


def play(strip: Strip, tempo: Tempo, lead: float, count: int) -> Stereo:
    """One strip alone, shape (2, `count`), after its effect."""
    rng = np.random.default_rng(crc32(strip.name.encode()))
    stem = np.zeros((2, count), dtype=np.float32)
    for note in sorted(strip.notes):
        begin = tempo.seconds(note.start)
        length = tempo.seconds(note.start + note.length) - begin
        at = samples(
            max(0.0, lead + begin + strip.late + strip.loose * float(np.clip(rng.standard_normal(), -2, 2)))
        )
        loud = float(np.clip(note.loud * (1 + 0.05 * rng.standard_normal()), 0.02, 1.0))
        sound = strip.voice(hertz(note.pitch), length, loud, rng)[..., : count - at]
        pan = np.clip(strip.pan + strip.spread * (note.pitch - 64) / 24, -1, 1)
        sides = np.array([[np.cos((pan + 1) * np.pi / 4)], [np.sin((pan + 1) * np.pi / 4)]], dtype=np.float32)
        stem[:, at : at + sound.shape[-1]] += sound * sides
    stem *= np.float32(decibels(strip.gain))
    return stem if strip.effect is None else strip.effect(stem)


def tremolo(rate: float, depth: float) -> Callable[[Stereo], Stereo]:
    """The stage piano's own effect: the sound wanders between left and right, `rate` times a second."""

    def effect(stem: Stereo) -> Stereo:
        wave = np.float32(depth) * np.sin(np.float32(2 * np.pi * rate) * seconds_axis(stem.shape[1]))
        stem[0] *= 1 + wave
        stem[1] *= 1 - wave
        return stem

    return effect


def chorus(stem: Stereo) -> Stereo:
    """A second player for each ear, a few milliseconds behind and never quite in tune."""
    count = stem.shape[1]
    time = seconds_axis(count)
    index = np.arange(count)
    result = stem.copy()
    for side, (rate, phase) in enumerate(((0.31, 0.0), (0.37, 2.1))):
        lag = RATE * (0.014 + 0.0035 * np.sin(2 * np.pi * rate * time.astype(np.float64) + phase))
        at = np.maximum(index - lag, 0)
        whole = at.astype(np.int64)
        part = (at - whole).astype(np.float32)
        other = stem[1 - side]
        result[side] += np.float32(0.5) * (
            other[whole] * (1 - part) + other[np.minimum(whole + 1, count - 1)] * part
        )
    return result * np.float32(0.8)
