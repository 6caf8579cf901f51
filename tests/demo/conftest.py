"""A few bars of the album: enough to hear whether it is cut, tagged and repeated exactly, in a fraction of a second."""

from __future__ import annotations

from dataclasses import replace

import pytest

from demo import album
from demo.mixer import Movement
from demo.pieces import dance, groove, nocturne


def first(movement: Movement, beats: float) -> Movement:
    """The first `beats` of a movement, with a short tail."""
    strips = [
        replace(strip, notes=[note for note in strip.notes if note.start < beats])
        for strip in movement.strips
    ]
    return replace(movement, beats=beats, strips=strips, tail=1.0, room=replace(movement.room, t60=0.4))


@pytest.fixture(scope="session")
def sketch() -> album.Recordings:
    """The album's shape (two pieces in one breath, then a third) over one bar each."""
    return (
        (
            album.Piece(first(nocturne.MOVEMENT, 6), "One", "Chamber music"),
            album.Piece(first(dance.MOVEMENT, 6), "Two", "Chamber music"),
        ),
        (album.Piece(first(groove.MOVEMENT, 4), "Three", "Downtempo"),),
    )


@pytest.fixture(scope="session")
def tracks(sketch: album.Recordings) -> list[album.Track]:
    return list(album.album(sketch))
