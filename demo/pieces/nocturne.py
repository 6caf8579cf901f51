"""I. A calm nocturne in E flat major, 6/8, the beat is an eighth.

bars  0-3   introduction: harp alone over a pedal, the minor subdominant foreshadowed
bars  4-11  theme, eight bars: a rising sixth and a long way down; electric piano over harp, bass, pad
bars 12-17  answer in C minor, sung by a tenor string, the piano only echoes
bars 18-22  the theme returns higher, with celesta, and stops on the dominant: the dance takes over without a breath
"""

from __future__ import annotations

from demo.mixer import Movement, Strip, chorus, tremolo
from demo.room import Room
from demo.score import Note, Tempo, arc, chord, line, moved, steady
from demo.voices.keys import celesta, electric_piano
from demo.voices.strings import HARP, UPRIGHT
from demo.voices.sustained import bowed, pad

BAR = 6
BARS = 23

# A phrase ends with a little time; the last bar leans forward into the dance.
TEMPO = Tempo(
    (
        (0, 138), (1.5 * BAR, 150), (3.4 * BAR, 148), (4 * BAR, 138), (4.5 * BAR, 154), (7.3 * BAR, 158), (8 * BAR, 148),
        (9 * BAR, 158), (10.4 * BAR, 154), (11.7 * BAR, 136), (12.2 * BAR, 150), (14 * BAR, 158), (16.4 * BAR, 150),
        (17.8 * BAR, 120), (18.3 * BAR, 150), (20.2 * BAR, 160), (21 * BAR, 138), (21.8 * BAR, 128), (22.3 * BAR, 140),
        (23 * BAR, 190),
    )
)  # fmt: skip

HARP_FIGURES = (
    "Eb3 Bb3 F4 G4 F4 Bb3", "Eb3 Bb3 D4 G4 D4 Bb3", "Eb3 C4 Eb4 Ab4 Eb4 C4", "Eb3 B3 F4 Ab4 F4 B3",
    "Eb3 Bb3 F4 G4 Bb4 G4", "D3 G3 Bb3 F4 Bb3 G3", "Eb3 Ab3 C4 G4 C4 Ab3", "Eb3 Ab3 B3 F4 Ab4 F4",
    "Eb3 Bb3 Eb4 G4 Eb4 Bb3", "E3 Bb3 Db4 Ab3 Eb4 G4", "F3 Ab3 Eb4 F3 Ab3 D4", "Eb3 Bb3 F4 G4 C5 G4",
    "Eb3 Bb3 D4 G4 D4 Bb3", "F3 Bb3 D4 G4 D4 Bb3", "Eb3 Ab3 C4 G4 C4 Ab3", "Eb3 G3 Bb3 G4 Bb3 G3",
    "Eb3 Ab3 C4 G4 C5 G4", "Ab3 C4 Eb4 Ab3 B3 D4",
    "Eb3 Bb3 F4 G4 Bb4 G4", "D3 Bb3 F4 E3 Bb3 D4", "Eb3 Ab3 C4 Eb3 Ab3 B3", "Bb2 G3 Bb3 Eb4 Bb3 G3",
    "Bb2 Ab3 Eb4 - - -",
)  # fmt: skip

HALVED = (9, 10, 17, 19, 20)  # bars with two harmonies

THEME = """
    G5/3 F5/2 Eb5/1 | D5/4 Eb5/1 F5/1 | G5/3 F5/2 Eb5/1 | F5/2 Eb5/1 B4/3 |
    Bb4/1 Eb5/1 G5/1 Bb5/3 | Bb5/2 G5/1 Ab5/3 | G5/2 F5/1 D5/2 F5/1 | Eb5/5
"""
ANSWER = """
    G4/3 F4/1 Eb4/1 D4/1 | F4/2 D4/1 Bb3/3 | Eb4/3 D4/1 C4/1 Eb4/1 |
    Bb3/4 C4/1 D4/1 | Eb4/2 F4/1 G4/2 Ab4/1 | C5/3 B4/2
"""
RETURN = """
    G5/3 F5/1 Eb5/1 F5/1 | D5/3 E5/1 G5/1 Bb5/1 | C6/3 B5/2 Ab5/1 | Bb5/3 G5/2 F5/1 | Eb5/3 D5/3
"""

# The inner voices of the theme, one line each, so that every voice moves by step or stays: the pad sings these.
TENOR = "D4/6 | D4/6 | C4/6 | B3/6 | Bb3/6 | Bb3/3 Ab3/3 | Ab3/6 | G3/6"
ALTO = "G4/6 | F4/6 | G4/6 | F4/6 | G4/6 | E4/3 Eb4/3 | Eb4/3 D4/3 | F4/6"
BARITONE = "Bb3/6 | Bb3/6 | Ab3/6 | Ab3/6 | G3/6 | G3/3 F3/3 | F3/6 | Eb3/6"


def harp() -> list[Note]:
    notes: list[Note] = []
    for bar, figure in enumerate(HARP_FIGURES):
        # Swells over each pair of bars, and over the piece; the first of a group carries it.
        level = (0.50, 0.44)[bar % 2] + 0.10 * (bar >= 4) - 0.08 * (12 <= bar < 16) + 0.08 * (bar >= 18)
        accents = [level * part for part in (1.0, 0.72, 0.80, 0.92, 0.76, 0.68)]
        for place, note in enumerate(steady(figure, bar * BAR, 1, 4.5, accents)):
            # The hand damps what the next harmony would not like: at the bar, or at its half where there are two.
            end = 3 if bar in HALVED and place < 3 else BAR
            notes.append(note._replace(length=min(4.5, end - place + 0.1)))
    run = steady("Bb3 C4 D4 Eb4 F4 G4 Ab4 Bb4 C5 D5", 22 * BAR + 3, 0.3, 1.6, [0.5])
    return notes + arc(run, 0.34, 0.66, 0.66, at=1)


def piano() -> list[Note]:
    opening = line("Bb4/1", 4 * BAR - 1, 0.42)
    first = arc(line(THEME, 4 * BAR), 0.52, 0.72, 0.46, at=0.62)
    echo = arc(
        line("-/3 Bb5/1 G5/1 D5/1", 13 * BAR) + line("-/3 D5/1 G5/1 Bb5/1", 15 * BAR), 0.30, 0.36, 0.30
    )
    below = arc(line("-/3 Eb4/3", 11 * BAR), 0.3, 0.3, 0.3)
    pickup = line("Bb4/1", 18 * BAR - 1, 0.50)
    last = arc(line(RETURN, 18 * BAR), 0.58, 0.80, 0.60, at=0.5)
    # Thirds and sixths below the tune where it is highest.
    second = arc(
        line("Eb5/3 Db5/3 | Eb5/3 Eb5/2 F5/1 | G5/3 Eb5/2 D5/1 | Ab4/3 Ab4/3", 19 * BAR), 0.36, 0.46, 0.34
    )
    return (
        opening + first + echo + below + pickup + last + [note for note in second if note.start >= 20 * BAR]
    )


def bells() -> list[Note]:
    intro = line("-/3 F6/3 | -/3 D6/3 | -/3 C6/3 | -/3 B5/2", 0, 0.34)
    sparkle = line("-/4 Bb6/2", 7 * BAR, 0.22) + line("-/2 F6/1 C6/3", 11 * BAR, 0.3)
    return intro + sparkle + moved(arc(line(RETURN, 18 * BAR), 0.34, 0.46, 0.36), steps=12)[:-2]


def bass() -> list[Note]:
    intro = line("Eb2/12 | Eb2/11", 0, 0.36)
    theme = line(
        "Eb2/5 Bb2/1 | G2/5 G2/1 | Ab2/5 Eb2/1 | Ab2/5 Ab2/1 | G2/5 G2/1 | C2/3 F2/3 | Bb1/3 Bb2/3 | Eb2/5 D2/1",
        24,
    )
    answer = line("C2/5 C2/1 | Bb1/5 Bb1/1 | Ab2/5 Eb2/1 | G2/5 G2/1 | F2/5 C2/1 | Bb1/3 Bb2/2 Bb1/1", 72)
    last = line("Eb2/5 Bb2/1 | G2/3 C2/3 | Ab2/3 Ab2/3 | Bb1/5 F2/1 | Bb1/3 Bb2/3", 108)
    return intro + arc(theme, 0.46, 0.56, 0.44) + arc(answer, 0.40, 0.52, 0.46) + arc(last, 0.5, 0.62, 0.6)


def held() -> list[Note]:
    intro = (
        chord("Eb3 Bb3 G4", 0, 12, 0.26) + chord("Eb3 C4 Ab4", 12, 6, 0.32) + chord("Eb3 B3 Ab4", 18, 6, 0.30)
    )
    theme = [note for voice in (TENOR, ALTO, BARITONE) for note in arc(line(voice, 24), 0.30, 0.42, 0.32)]
    answer = (
        chord("Eb3 Bb3 G4", 72, 6, 0.36) + chord("D3 Bb3 F4", 78, 6, 0.34) + chord("C3 Ab3 G4", 84, 6, 0.38)
        + chord("Eb3 Bb3 G4", 90, 6, 0.38) + chord("F3 Ab3 C4", 96, 6, 0.44) + chord("Ab3 C4 F4", 102, 3, 0.46)
        + chord("Ab3 B3 F4", 105, 3, 0.44)
    )  # fmt: skip
    last = (
        chord("G3 D4 Bb4", 108, 6, 0.46) + chord("F3 D4 Bb4", 114, 3, 0.46) + chord("E3 D4 Bb4", 117, 3, 0.5)
        + chord("Eb3 C4 G4", 120, 3, 0.54) + chord("Eb3 B3 Ab4", 123, 3, 0.52) + chord("Eb3 Bb3 G4", 126, 6, 0.48)
        + chord("F3 Ab3 Eb4", 132, 3, 0.46) + chord("F3 Ab3 D4", 135, 4.5, 0.52)
    )  # fmt: skip
    return intro + theme + answer + last


def tenor() -> list[Note]:
    song = arc(line(ANSWER, 12 * BAR), 0.50, 0.78, 0.56, at=0.85)
    line_below = arc(line("Bb3/6 | Bb3/3 Bb3/3 | C4/3 B3/3 | Bb3/6 | Ab3/6", 18 * BAR), 0.34, 0.44, 0.36)
    return song + line_below


MOVEMENT = Movement(
    tempo=TEMPO,
    beats=BARS * BAR,
    room=Room(t60=2.9, predelay=0.024, seed=11),
    strips=(
        Strip("nocturne harp", HARP, harp(), gain=-1.5, spread=0.55, send=-7, loose=0.008),
        Strip(
            "nocturne piano",
            electric_piano,
            piano(),
            gain=-7.5,
            pan=0.1,
            send=-9,
            late=0.014,
            loose=0.007,
            effect=tremolo(2.2, 0.12),
        ),
        Strip("nocturne bells", celesta, bells(), gain=-4.5, pan=0.4, send=-4, late=0.008),
        Strip("nocturne bass", UPRIGHT, bass(), gain=3.0, send=-20, loose=0.004),
        Strip("nocturne pad", pad, held(), gain=-8.5, send=-9, loose=0.02, effect=chorus),
        Strip("nocturne tenor", bowed, tenor(), gain=-2.0, pan=-0.16, send=-6),
    ),
    tail=4.0,
)
