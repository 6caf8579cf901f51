"""The album: three pieces, two of them one recording, cut where the second begins.

The nocturne and the dance are performed, mixed and mastered as one programme and cut once, at a sample. Strings and
room of the first still ring in the second's first seconds: a player that is not gapless is heard at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from demo.mastering import master, sixteen_bits
from demo.mixer import Movement, perform
from demo.pieces import dance, groove, nocturne
from demo.sound import Stereo, samples

TITLE = "Inner Groove"
ARTIST = "The Tonearm Ensemble"
LEAD = 0.06  # seconds before the first beat of a recording
AHEAD = 0.01  # a cut lies this long before the beat, so that no attack is split

Pcm = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Track:
    number: int
    title: str
    genre: str
    pcm: Pcm  # (2, n), 44.1 kHz


class Piece(NamedTuple):
    movement: Movement
    title: str
    genre: str


# The pieces of one recording are played without a pause.
Recordings = Sequence[Sequence[Piece]]
RECORDINGS: Recordings = (
    (
        Piece(nocturne.MOVEMENT, "Lead-In Nocturne", "Chamber music"),
        Piece(dance.MOVEMENT, "Needle Dance", "Chamber music"),
    ),
    (Piece(groove.MOVEMENT, "Dead Wax", "Downtempo"),),
)


def filenames(recordings: Recordings) -> list[str]:
    titles = [piece.title for recording in recordings for piece in recording]
    return [f"{number:02d} {title}.flac" for number, title in enumerate(titles, 1)]


def album(recordings: Recordings) -> Iterator[Track]:
    """Perform, master and cut everything. Deterministic; about eight seconds of one core."""
    number = 0
    for recording in recordings:
        for piece, pcm in zip(recording, record([piece.movement for piece in recording]), strict=True):
            number += 1
            yield Track(number, piece.title, piece.genre, pcm)


def record(movements: Sequence[Movement]) -> list[Pcm]:
    """Movements played one after another, mastered as one, cut into one piece of PCM each."""
    lead = samples(LEAD)
    begins = np.cumsum([0] + [movement.length for movement in movements])
    mix: Stereo = np.zeros((2, lead + int(begins[-1]) + samples(movements[-1].tail)), dtype=np.float32)
    for begin, movement in zip(begins, movements, strict=False):
        sound = perform(movement, LEAD)[:, : mix.shape[1] - begin]
        mix[:, begin : begin + sound.shape[1]] += sound
    programme = master(mix)
    fade = samples(1.4)
    programme[:, -fade:] *= np.cos(np.linspace(0, np.pi / 2, fade, dtype=np.float32)) ** 2
    pcm = sixteen_bits(programme, np.random.default_rng(len(movements)))
    return np.split(pcm, begins[1:-1] + lead - samples(AHEAD), axis=1)


def score_digest() -> str:
    """What the masters were made from: they are made again when any line of the music or its instruments changes."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        if path.name not in {"run.py", "report.py", "record.py", "children.py"}:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:32]
