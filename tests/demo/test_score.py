from __future__ import annotations

import pytest

from demo.pieces import dance, groove, nocturne
from demo.score import Note, Tempo, arc, chord, hertz, line, pitch


def test_names_are_midi_numbers() -> None:
    assert [pitch(name) for name in ("C-1", "C4", "Eb4", "D#4", "A4", "B3")] == [0, 60, 63, 63, 69, 59]
    assert hertz(69) == 440.0
    with pytest.raises(ValueError, match="H4"):
        pitch("H4")


def test_a_line_counts_its_rests() -> None:
    assert line("Bb4/1 | G5/3 -/2 F5/.5", start=5, loud=0.6) == [
        Note(5.0, 1.0, 70, 0.6),
        Note(6.0, 3.0, 79, 0.6),
        Note(11.0, 0.5, 77, 0.6),
    ]


def test_a_rolled_chord_ends_together() -> None:
    notes = chord("G4 C4 E4", 2, 3, roll=0.1)
    assert [note.pitch for note in notes] == [60, 64, 67]
    assert {round(note.start + note.length, 9) for note in notes} == {5.0}


def test_a_phrase_swells_and_ebbs() -> None:
    shaped = arc(line("A4/1 A4/1 A4/1 A4/1 A4/1", 0), 0.2, 0.8, 0.4, at=0.5)
    assert [round(note.loud, 6) for note in shaped] == [0.2, 0.5, 0.8, 0.6, 0.4]


def test_tempo_integrates_the_pace() -> None:
    assert Tempo(((0, 120),)).seconds(8) == pytest.approx(4.0)
    # From 60 to 120 over four beats, linear in beats: the integral of 60 / (60 + 15 b) is 4·ln 2.
    assert Tempo(((0, 60), (4, 120))).seconds(4) == pytest.approx(4 * 0.693147, rel=1e-3)


def test_swing_delays_only_the_second_of_a_pair() -> None:
    tempo = Tempo(((0, 60),), swing=0.6, grain=0.25)
    assert [round(tempo.seconds(beat), 6) for beat in (0, 0.25, 0.5, 0.75, 1)] == [0, 0.3, 0.5, 0.8, 1]


@pytest.mark.parametrize("piece", [nocturne, dance, groove])
def test_the_written_lines_fill_their_bars(piece) -> None:
    """A slip of the pen in a line shifts everything after it: each bar between bar lines must be full."""
    texts = {
        name: value
        for name, value in vars(piece).items()
        if isinstance(value, str) and "|" in value and "/" in value and not name.startswith("__")
    }
    assert texts
    for name, text in texts.items():
        bars = [sum(float(word.partition("/")[2]) for word in bar.split()) for bar in text.split("|")]
        assert all(bar % piece.BAR == 0 for bar in bars[:-1]), (name, bars)
        assert piece.BAR - 1 <= bars[-1] <= piece.BAR or bars[-1] % piece.BAR == 0, (name, bars)


@pytest.mark.parametrize("piece", [nocturne, dance, groove])
def test_nothing_is_written_outside_the_piece(piece) -> None:
    for strip in piece.MOVEMENT.strips:
        for note in strip.notes:
            assert -1 <= note.start < piece.MOVEMENT.beats, (strip.name, note)
            assert note.length > 0
            assert 0 < note.loud <= 1, (strip.name, note)
            assert 24 <= note.pitch <= 96, (strip.name, note)
