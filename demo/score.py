"""Written music: notes in beats, a few words to write them with, and the tempo that turns beats into seconds.

    >>> line("Bb4/1 G5/3 -/2", start=5, loud=0.6)[1]
    Note(start=6.0, length=3.0, pitch=79, loud=0.6)

A piece chooses what a beat is (6/8: the eighth; 4/4: the quarter).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from demo.sound import Floats

STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_NAME = re.compile(r"([A-G])(#|b)?(-?\d)")


class Note(NamedTuple):
    start: float  # beats
    length: float  # beats
    pitch: int  # MIDI number, 69 = A4
    loud: float  # 0…1


def pitch(name: str) -> int:
    """``Eb4`` → 63. Raises `ValueError` for what is not a note."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"not a note: {name!r}")
    letter, accidental, octave = match.groups()
    return 12 * (int(octave) + 1) + STEPS[letter] + {"#": 1, "b": -1, None: 0}[accidental]


def hertz(midi: float) -> float:
    return float(440.0 * 2.0 ** ((midi - 69) / 12))


def line(text: str, start: float, loud: float = 0.6) -> list[Note]:
    """Notes one after another, ``name/beats``; ``-`` is a rest, ``|`` only helps the eye."""
    notes, at = [], float(start)
    for word in text.replace("|", " ").split():
        name, _, length = word.partition("/")
        if name != "-":
            notes.append(Note(at, float(length), pitch(name), loud))
        at += float(length)
    return notes


def chord(names: str, start: float, length: float, loud: float = 0.5, roll: float = 0.0) -> list[Note]:
    """Notes together; `roll` beats lie between one and the next, lowest first, the inner ones a little softer."""
    pitches = sorted(pitch(name) for name in names.split())
    outer = {pitches[0], pitches[-1]}
    return [
        Note(start + roll * place, length - roll * place, midi, loud * (1.0 if midi in outer else 0.86))
        for place, midi in enumerate(pitches)
    ]


def steady(names: str, start: float, step: float, length: float, loud: Sequence[float]) -> list[Note]:
    """A figure in even steps, each note ringing for `length`; `loud` gives the accents, repeated as needed."""
    return [
        Note(start + step * place, length, pitch(name), loud[place % len(loud)])
        for place, name in enumerate(names.split())
        if name != "-"
    ]


def arc(notes: Iterable[Note], first: float, peak: float, last: float, at: float = 0.6) -> list[Note]:
    """A phrase breathes: loudness runs from `first` over `peak` (at that part of the way) to `last`.

    On top of it the higher note of a phrase sings a little more than the lower one.
    """
    notes = list(notes)
    begin, end = notes[0].start, max(note.start for note in notes)
    middle = float(np.mean([note.pitch for note in notes]))
    span = max(end - begin, 1e-9)
    return [
        note._replace(
            loud=float(np.interp((note.start - begin) / span, [0, at, 1], [first, peak, last]))
            * (1 + 0.008 * (note.pitch - middle))
        )
        for note in notes
    ]


def moved(notes: Iterable[Note], beats: float = 0.0, steps: int = 0, loud: float = 1.0) -> list[Note]:
    """The same notes later, transposed by semitones, louder or softer by a factor."""
    return [Note(note.start + beats, note.length, note.pitch + steps, note.loud * loud) for note in notes]


@dataclass(frozen=True)
class Tempo:
    """Beats per minute along the piece, linear between ``(beat, bpm)`` points: rubato is just more points.

    `swing` 0.5 is straight; 0.58 delays every second of two `grain`-beat notes to 58 % of the pair.
    """

    points: tuple[tuple[float, float], ...]
    swing: float = 0.5
    grain: float = 0.25

    def seconds(self, beat: float) -> float:
        pair = 2 * self.grain
        whole, part = divmod(beat, pair)
        half = part / pair
        bent = half * 2 * self.swing if half < 0.5 else self.swing + (half - 0.5) * 2 * (1 - self.swing)
        return float(np.interp((whole + bent) * pair, *self._clock))

    @cached_property
    def _clock(self) -> tuple[Floats, Floats]:
        """Beats, and the second each falls on: the integral of the pace, by trapezoids of a sixteenth of a beat."""
        beats = np.arange(0.0, self.points[-1][0] + 64, 1 / 16)
        pace = 60 / np.interp(beats, *np.array(self.points).T)
        return beats, np.concatenate([[0.0], np.cumsum((pace[1:] + pace[:-1]) / 32)])
