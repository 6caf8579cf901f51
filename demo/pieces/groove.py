"""III. A slow groove in G dorian, 4/4, the beat is a quarter, sixteenths swung.

bars  0-1   electric piano alone: two chords that differ by one finger
bars  2-5   first strain: guitar over bass and brushes
bars  6-9   second strain, higher, vibraphone answering
bars 10-13  bridge around the circle of fifths: tenor string and pad, the drums step back and return
bars 14-17  the first strain's opening, a Neapolitan turn, and the run-out
"""

from __future__ import annotations

from demo.mixer import Movement, Strip, chorus, tremolo
from demo.room import Room
from demo.score import Note, Tempo, arc, chord, line
from demo.voices.drums import HAT, KICK, RIDE, RIM, SHAKER, SWEEP, TAP
from demo.voices.keys import electric_piano, vibraphone
from demo.voices.strings import GUITAR, UPRIGHT
from demo.voices.sustained import bowed, pad

BAR = 4
BARS = 18

TEMPO = Tempo(
    ((0, 74), (3, 80), (7.2, 79), (8, 80), (62, 80), (65, 77), (68, 66), (70, 58), (72, 56)),
    swing=0.57,
    grain=0.25,
)

STRAIN = """
    -/.5 D5/.25 F5/.25 G5/.75 F5/.25 D5/.5 C5/.25 Bb4/.25 D5/1 | -/.5 A4/.5 C5/.25 D5/.25 E5/1 D5/.25 C5/.25 A4/.5 -/.5 |
    Bb4/.75 D5/.25 F5/.75 G5/.25 D5/1 Bb4/.5 C5/.25 D5/.25 | F5/.5 Eb5/.5 C5/.5 Bb4/.5 A4/.75 G4/.25 A4/1
"""
HIGHER = """
    -/.25 D5/.25 F5/.25 A5/.25 G5/1 F5/.25 G5/.25 F5/.25 D5/.25 Bb4/.5 -/.5 | E5/.75 D5/.25 E5/.5 G5/.5 A5/1 G5/.25 E5/.25 D5/.5 |
    F5/.75 G5/.25 Bb5/1 A5/.25 G5/.25 F5/.5 D5/1 | C5/.5 D5/.25 Eb5/.25 F5/.5 Eb5/.25 C5/.25 Bb4/.5 A4/.5 C5/.5 -/.5
"""
BRIDGE = """
    G4/1.5 Eb5/.5 D5/1.5 C5/.5 | C5/1 A4/1 Bb4/1.5 G4/.5 | C5/1.5 Bb4/.5 A4/1 F#4/1 | G4/2 A4/.5 Bb4/.5 C5/.5 D5/.5
"""
CLOSE = """
    -/.5 D5/.25 F5/.25 G5/.75 F5/.25 D5/.5 C5/.25 Bb4/.25 D5/1 | -/.5 A4/.5 C5/.25 D5/.25 E5/1.5 D5/.5 C5/.5 |
    D5/1 F5/.5 G5/.5 C5/1 D5/1 | Bb4/.5 A4/3.5
"""

# Rootless voicings, the bass has the roots. Two a bar where two are named; common tones stay in the same finger.
CHANGES = (
    "F3 A3 Bb3 D4", "E3 A3 Bb3 D4",
    "F3 A3 Bb3 D4", "E3 A3 Bb3 D4", "G3 Bb3 D4 F4", "G3 C4 D4 A4|F#3 C4 F4 A4",
    "F3 A3 Bb3 D4", "E3 A3 Bb3 D4", "G3 Bb3 D4 F4", "G3 C4 D4 A4|F#3 C4 F4 A4",
    "Eb3 G3 Bb3 D4|Eb3 G3 A3 D4", "D3 F3 A3 C4|D3 F3 G3 Bb3", "C3 Eb3 G3 D4|C3 F#3 A3 Eb4", "Bb2 D3 F3 A3|F3 A3 Bb3 D4",
    "F3 A3 Bb3 D4", "E3 A3 Bb3 D4", "G3 Bb3 D4 F4|G3 C4 D4 G4", "F3 Bb3 D4 A4",
)  # fmt: skip

BASS = """
    -/4 | -/3 C2/.5 F#2/.5 |
    G2/1 -/.5 D2/.5 F2/.75 G2/.25 -/.5 B1/.5 | C2/1 -/.5 G2/.5 A2/.75 Bb2/.25 -/.5 D2/.5 |
    Eb2/1 -/.5 Bb2/.5 D2/.75 Eb2/.25 -/.5 Eb2/.5 | D2/1 -/.5 A2/.5 C2/.75 D2/.25 -/.5 F#2/.5 |
    G2/1 -/.25 G2/.25 D2/.5 F2/.75 G2/.25 -/.5 B1/.5 | C2/1 -/.5 G2/.5 A2/.75 Bb2/.25 G2/.5 D2/.5 |
    Eb2/1 -/.25 Eb2/.25 Bb2/.5 D2/.75 Eb2/.25 -/.5 Eb2/.5 | D2/1 -/.5 A2/.5 C2/.5 D2/.5 -/.5 B1/.5 |
    C2/1.5 G2/.5 F2/1.5 C2/.5 | Bb1/1.5 F2/.5 Eb2/1.5 Bb1/.5 | A1/1.5 Eb2/.5 D2/1.5 F#2/.5 | G2/1.5 D2/.5 G2/.75 F2/.25 D2/.5 F#2/.5 |
    G2/1 -/.5 D2/.5 F2/.75 G2/.25 -/.5 B1/.5 | C2/1 -/.5 G2/.5 A2/.75 Bb2/.25 -/.5 D2/.5 |
    Eb2/1.5 Bb2/.5 Ab2/1.5 Ab2/.5 | G1/4
"""


def keys() -> list[Note]:
    notes: list[Note] = []
    for bar, named in enumerate(CHANGES):
        at, (first, _, second) = bar * BAR, named.partition("|")
        bridge, level = 10 <= bar < 14, 0.56 if bar < 2 else 0.42
        if bar == BARS - 1:
            notes += chord(first, at, 7, 0.46, roll=0.06)
        elif bridge:
            notes += chord(first, at, 1.9, 0.38, roll=0.02) + chord(second, at + 2, 1.9, 0.36, roll=0.02)
        else:
            # A chord on one, its echo before two and a half; the change is pushed an eighth ahead when there is one.
            notes += chord(first, at, 1.35, level, roll=0.012) + chord(first, at + 1.75, 0.6, level * 0.72)
            notes += chord(second or first, at + 2.5, 1.2, level * 0.9, roll=0.012)
            if bar % 2:
                notes += chord(second or first, at + 3.75, 0.22, level * 0.6)
    top = arc(line("-/2.5 A4/.5 C5/.5 D5/.5 | -/2.5 G4/.5 A4/.5 C5/.5", 0), 0.40, 0.50, 0.38)
    fill = arc(
        line("-/2.5 D5/.25 F5/.25 A5/.5 G5/.5", 11 * BAR) + line("-/3 C5/.25 Eb5/.25 F#5/.5", 12 * BAR),
        0.36,
        0.46,
        0.34,
    )
    return notes + top + fill


def guitar() -> list[Note]:
    first = arc(line(STRAIN, 2 * BAR), 0.50, 0.66, 0.50, at=0.55)
    second = arc(line(HIGHER, 6 * BAR), 0.54, 0.80, 0.52, at=0.6)
    bridge = line("-/3.5 Bb4/.25 C5/.25 | -/3.5 D5/.25 C5/.25", 10 * BAR, 0.36)
    # Grace notes: the finger slides in from a semitone below, where the tune leans.
    slides = [
        Note(start - 0.07, 0.09, midi - 1, 0.34)
        for start, midi in ((9.0, 79), (13.5, 76), (25.0, 79), (30.0, 81), (33.0, 82))
    ]
    close = arc(line(CLOSE, 14 * BAR), 0.54, 0.58, 0.34, at=0.3)
    return first + second + bridge + slides + close


def vibes() -> list[Note]:
    intro = line("-/3 A5/.5 D6/.5 | -/3 G5/.5 A5/.5", 0, 0.30)
    answers = line(
        "-/3.25 A5/.25 D6/.5 | -/3.5 D6/.5 | -/3.5 A5/.25 C6/.25 | -/2 Eb6/.5 C6/.5 Bb5/.5 A5/.5",
        6 * BAR,
        0.44,
    )
    shade = arc(line("G5/4 | F5/2 G5/2 | Eb5/2 F#5/2 | A5/4", 10 * BAR), 0.30, 0.40, 0.34)
    last = line("-/3 A5/.5 D6/.5 | -/3 G5/.5 E6/.5 | -/3 G5/.5 D6/.5", 14 * BAR, 0.36) + chord(
        "D6 A6", 17 * BAR + 0.6, 5, 0.28, roll=0.5
    )
    return intro + answers + shade + last


def held() -> list[Note]:
    bridge = (
        chord("G3 Bb3 D4", 40, 2, 0.42) + chord("F3 A3 D4", 42, 2, 0.42) + chord("F3 A3 D4", 44, 2, 0.44)
        + chord("F3 G3 D4", 46, 2, 0.44) + chord("Eb3 G3 C4", 48, 2, 0.46) + chord("F#3 A3 C4", 50, 2, 0.50)
        + chord("F3 Bb3 D4", 52, 4, 0.44)
    )  # fmt: skip
    second = (
        chord("F3 Bb3 D4", 24, 4, 0.30)
        + chord("E3 Bb3 D4", 28, 4, 0.32)
        + chord("G3 Bb3 D4", 32, 4, 0.36)
        + chord("G3 C4 D4", 36, 2.4, 0.36)
        + chord("F#3 C4 F4", 38.5, 1.5, 0.36)
    )
    end = (
        chord("F3 Bb3 D4", 56, 4, 0.32)
        + chord("E3 Bb3 D4", 60, 4, 0.30)
        + chord("G3 Bb3 D4", 64, 2, 0.34)
        + chord("G3 C4 G4", 66, 2, 0.38)
        + chord("G3 Bb3 D4", 68, 6, 0.34)
    )
    return second + bridge + end


def kit() -> dict[str, list[Note]]:
    parts: dict[str, list[Note]] = {
        name: [] for name in ("kick", "tap", "sweep", "hat", "shaker", "rim", "ride")
    }

    def hits(name: str, bar: int, pattern: str) -> None:
        """`pattern`: place in beats and loudness in hundredths, ``0:60 2.75:40``."""
        for word in pattern.split():
            place, _, loud = word.partition(":")
            parts[name].append(Note(bar * BAR + float(place), 0.25, 36, int(loud) / 100))

    hits("shaker", 1, "2:22 2.5:26 3:32 3.25:30 3.5:38 3.75:40")
    hits("tap", 1, "3.5:34 3.75:44")
    for bar in range(2, 17):
        bridge, last = 10 <= bar < 13, bar >= 16
        if bar == 13:  # everyone breathes before the tune comes home
            hits("kick", bar, "0:52")
            hits("sweep", bar, "0:46 1:42")
            hits("tap", bar, "2.5:20 2.75:26 3:36 3.25:30 3.5:44 3.75:54")
            continue
        hits("sweep", bar, "0:52 1:44 2:50 3:44")
        if last:
            hits("kick", bar, "0:50")
            hits("tap", bar, "1:36")
            continue
        hits("hat", bar, "1:40 3:44")
        if not bridge:
            hits(
                "shaker",
                bar,
                "0:44 .25:22 .5:38 .75:26 1:46 1.25:20 1.5:36 1.75:30 2:44 2.25:22 2.5:38 2.75:28 3:46 3.25:22 3.5:36 3.75:32",
            )
        if bridge:
            hits("kick", bar, "0:56 2:48 2.75:30")
            hits("rim", bar, "1:44 3:48")
            hits("ride", bar, "0:44 1:34 1.75:28 2:42 3:36 3.75:28")
        else:
            hits("kick", bar, "0:66 .75:36 2.25:40 2.5:58" if bar % 2 == 0 else "0:66 1.75:42 2.5:56 3.75:34")
            hits("tap", bar, "1:58 1.75:20 2.25:18 3:62" + (" 3.75:24" if bar % 2 == 0 else ""))
        if bar in (5, 9):
            hits("tap", bar, "3.25:26 3.5:38 3.75:48")
    hits("ride", 6, "0:56")
    hits("ride", 14, "0:52")
    hits("ride", 17, "0:36")
    hits("kick", 17, "0:44")
    return parts


KIT = kit()

MOVEMENT = Movement(
    tempo=TEMPO,
    beats=BARS * BAR,
    room=Room(t60=2.1, predelay=0.022, seed=13),
    strips=(
        Strip("groove keys", electric_piano, keys(), gain=-7.0, send=-13, late=0.006, effect=tremolo(4.2, 0.26)),
        Strip("groove guitar", GUITAR, guitar(), gain=2.5, pan=0.18, send=-10, late=0.018, loose=0.008),
        Strip("groove vibes", vibraphone, vibes(), gain=-4.5, pan=-0.34, send=-7, late=0.01),
        Strip("groove bass", UPRIGHT, [note._replace(loud=0.68 if note.start % 1 == 0 else 0.52) for note in line(BASS, 0)], gain=2.0, send=-26, late=0.008),
        Strip("groove tenor", bowed, arc(line(BRIDGE, 10 * BAR), 0.46, 0.72, 0.52, at=0.6), gain=-3.5, pan=-0.15, send=-8),
        Strip("groove pad", pad, held(), gain=-10.0, send=-10, effect=chorus),
        Strip("groove kick", KICK, KIT["kick"], gain=-2.0, send=-28, loose=0.003),
        Strip("groove tap", TAP, KIT["tap"], gain=3.0, pan=0.06, send=-13, late=0.010, loose=0.004),
        Strip("groove sweep", SWEEP, KIT["sweep"], gain=-4.5, pan=-0.1, send=-16, late=-0.12),
        Strip("groove hat", HAT, KIT["hat"], gain=-5.0, pan=-0.35, send=-18),
        Strip("groove shaker", SHAKER, KIT["shaker"], gain=1.0, pan=0.5, send=-16, late=-0.022, loose=0.004),
        Strip("groove rim", RIM, KIT["rim"], gain=-1.0, pan=0.12, send=-10),
        Strip("groove ride", RIDE, KIT["ride"], gain=-7.0, pan=0.42, send=-14),
    ),
    tail=3.5,
)  # fmt: skip
