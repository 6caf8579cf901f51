"""II. The nocturne's theme as a quick dance, attacca: E flat major up to F, 6/8, the beat is an eighth.

bars  0-3   a plucked ostinato over the pedal the nocturne left, brushes
bars  4-11  first variation: the theme broken into a jig for guitar
bars 12-19  the answer's harmony against the metre: vibraphone in threes of two, on its way to F
bars 20-27  the theme in F, guitar and vibraphone together, a tenor string descends by semitones below
bars 28-33  guitar and piano trade phrases over a circle of fifths
bars 34-38  the ostinato again, slower, and a last chord that rings
"""

from __future__ import annotations

from demo.mixer import Movement, Strip, chorus, tremolo
from demo.room import Room
from demo.score import Note, Tempo, arc, chord, line, moved, steady
from demo.voices.drums import HAT, KICK, RIDE, SHAKER, SWEEP, TAP
from demo.voices.keys import electric_piano, vibraphone
from demo.voices.strings import GUITAR, PIZZICATO, UPRIGHT
from demo.voices.sustained import bowed, pad

BAR = 6
BARS = 39

TEMPO = Tempo(
    (
        (0, 296), (2 * BAR, 312), (12 * BAR, 314), (19 * BAR, 312), (19.8 * BAR, 300), (20.1 * BAR, 316),
        (33 * BAR, 318), (35 * BAR, 304), (37 * BAR, 250), (38 * BAR, 200), (39 * BAR, 190),
    )
)  # fmt: skip

JIG = """
    G5/1 Ab5/1 G5/1 F5/2 Eb5/1 | D5/2 Eb5/1 F5/2 D5/1 | G5/1 F5/1 G5/1 C5/2 Eb5/1 | F5/1 Eb5/1 F5/1 B4/2 Ab4/1 |
    Bb4/1 Eb5/1 G5/1 Bb5/2 G5/1 | Bb5/1 Ab5/1 G5/1 Ab5/2 F5/1 | G5/1 F5/1 Eb5/1 D5/1 Eb5/1 F5/1 | Eb5/2 Bb4/1 C5/1 D5/1 F5/1
"""
AGAINST = """
    G5/2 F5/2 Eb5/2 | D5/2 F5/2 Bb5/2 | G5/2 Eb5/2 C5/2 | Bb4/2 Eb5/2 G5/2 |
    F5/2 Ab5/2 C6/2 | Bb5/2 A5/2 G5/2 | F5/2 G5/2 Bb5/2 | Bb5/1 G5/1 E5/1 Db5/1 E5/1 C5/1
"""
THEME_IN_F = """
    A5/3 G5/2 F5/1 | E5/2 C5/1 E5/1 F5/1 G5/1 | A5/3 G5/2 F5/1 | G5/2 F5/1 Db5/3 |
    C5/1 F5/1 A5/1 C6/3 | C6/2 A5/1 Bb5/2 G5/1 | A5/2 G5/1 E5/2 G5/1 | F5/4 A5/1 C6/1
"""
TENOR_IN_F = "E4/6 | E4/6 | D4/6 | Db4/6 | C4/6 | C4/3 Bb3/3 | Bb3/6 | A3/6"
TRADE_GUITAR = "D6/2 C6/1 Bb5/1 A5/1 F5/1 | G5/1 E5/1 C5/1 F#5/2 A5/1 | -/12 | A5/1 C6/1 A5/1 G5/1 F5/1 C5/1 | Db5/2 F5/1 G5/2 Db5/1"
TRADE_PIANO = "-/12 | Bb5/2 A5/1 G5/1 F5/1 D5/1 | F5/1 G5/1 Bb5/1 E5/1 G5/1 Bb5/1"

# One voicing a bar for the piano's off-beats; each moves as little as it can.
COMP = (
    "Bb3 F4 G4", "Ab3 Db4 F4", "Bb3 F4 G4", "B3 F4 Ab4",
    "Bb3 D4 G4", "Bb3 D4 F4", "C4 Eb4 G4", "B3 Eb4 F4", "Bb3 Eb4 G4", "Bb3 Db4 E4|Ab3 C4 Eb4", "Ab3 Eb4 G4|Ab3 D4 F4", "G3 C4 F4",
    "Bb3 Eb4 G4", "Bb3 D4 F4", "C4 Eb4 G4", "Bb3 Eb4 G4", "C4 F4 Ab4", "Bb3 D4 F4", "Bb3 F4 G4", "",
    "C4 E4 A4", "C4 E4 G4", "D4 F4 A4", "Db4 F4 G4", "C4 F4 A4", "C4 Eb4 F#4|Bb3 D4 F4", "Bb3 F4 A4|Bb3 E4 G4", "A3 D4 G4",
    "D4 F4 A4", "C4 E4 G4|C4 Eb4 F#4", "Bb3 D4 A4", "Bb3 D4 F4|Bb3 D4 E4", "A3 C4 E4", "Bb3 Db4 G4",
    "C4 G4 A4", "Bb3 Eb4 G4", "C4 G4 A4", "Db4 F4 G4", "",
)  # fmt: skip

WALK = (
    "Eb2/3 Bb2/2 Eb2/1 | Eb2/3 Db3/2 Bb2/1 | Eb2/3 Bb2/2 Eb2/1 | Eb2/3 B2/2 D2/1 |"
    "Eb2/3 Bb2/2 F#2/1 | G2/3 D2/2 G2/1 | Ab2/3 Eb2/2 Ab2/1 | Ab2/3 F2/2 Ab2/1 |"
    "G2/3 Eb2/2 Db2/1 | C2/3 F2/2 C2/1 | Bb1/3 Bb1/2 D2/1 | Eb2/3 Bb1/2 B1/1 |"
    "C2/3 G2/2 C2/1 | Bb1/3 F2/2 Bb1/1 | Ab2/3 Eb2/2 Ab2/1 | G2/3 Eb2/2 D2/1 |"
    "Db2/3 Ab2/2 Db2/1 | G2/3 D2/2 G2/1 | C2/3 G2/2 C2/1 | C2/1 -/4 E2/1 |"
    "F2/3 C2/2 G#2/1 | A2/3 E2/2 A2/1 | Bb2/3 F2/2 Bb2/1 | Bb2/3 G2/2 Bb2/1 |"
    "A2/3 F2/2 Eb2/1 | D2/3 G2/2 D2/1 | C2/3 C2/2 E2/1 | F2/3 C2/2 A2/1 |"
    "Bb2/3 F2/2 Bb2/1 | A2/3 D2/2 F#2/1 | G2/3 D2/2 G2/1 | C2/3 G2/2 E2/1 | F2/3 C2/2 A2/1 | Bb2/3 F2/2 Db2/1 |"
    "F2/3 C2/2 F2/1 | F2/3 Eb2/2 F2/1 | F2/3 C2/2 F2/1 | F2/3 -/3 | F2/6"
)


def ostinato() -> list[Note]:
    accents = [0.62, 0.38, 0.44, 0.54, 0.40, 0.42]
    figures = (
        "Eb3 Bb3 F4 G4 F4 Bb3",
        "Eb3 Ab3 Db4 F4 Db4 Ab3",
        "Eb3 Bb3 F4 G4 F4 Bb3",
        "Eb3 B3 F4 Ab4 F4 B3",
    )
    notes: list[Note] = []
    for bar, figure in enumerate(figures):
        notes += steady(figure, bar * BAR, 1, 1.2, [(0.8 + 0.06 * bar) * accent for accent in accents])
    # Under the first variation it only marks the second half of each bar, then leaves the field.
    for bar, figure in enumerate(("G4 F4", "F4 D4", "G4 Eb4", "F4 B3", "G4 Eb4", "Eb4 C4", "F4 D4", "G4 F4")):
        notes += steady(figure, (4 + bar) * BAR + 4, 1, 1, [0.36, 0.30])
    for bar, figure in enumerate(
        ("F3 C4 G4 A4 G4 C4", "F3 Bb3 Eb4 G4 Eb4 Bb3", "F3 C4 G4 A4 G4 C4", "F3 Db4 G4 Bb4 G4 Db4")
    ):
        notes += steady(figure, (34 + bar) * BAR, 1, 1.4, [(0.86 - 0.1 * bar) * accent for accent in accents])
    return notes


def guitar() -> list[Note]:
    jig = arc(line(JIG, 4 * BAR), 0.52, 0.78, 0.54, at=0.6)
    pickup = line("C5/1", 20 * BAR - 1, 0.6)
    theme = arc(line(THEME_IN_F, 20 * BAR), 0.64, 0.86, 0.62, at=0.6)
    trade = arc(line(TRADE_GUITAR, 28 * BAR), 0.60, 0.72, 0.56, at=0.3)
    last = line("A5/3 G5/2 F5/1 | C5/3", 36 * BAR, 0.44) + chord(
        "F3 C4 G4 A4 D5", 38 * BAR, 12, 0.52, roll=0.14
    )
    broken = arc(steady("Bb4 G4 E4 Db4 E4 G4", 19 * BAR, 1, 1, [0.5]), 0.62, 0.4, 0.66, at=0.5)
    # Thirds below the theme, each phrase's second half only: the second player joins when it gets high.
    under = arc(
        line("-/12 | F5/3 D5/3 | -/6 | A4/1 C5/1 F5/1 A5/3 | A5/2 F#5/1 G5/2 D5/1 | F5/3 C5/3", 20 * BAR),
        0.36,
        0.46,
        0.4,
    )
    return jig + pickup + theme + trade + last + broken + under


def vibes() -> list[Note]:
    calls = line("-/4 Bb5/2 | -/6 | -/4 F5/2 | -/4 B5/2", 0, 0.34)
    against = arc(line(AGAINST, 12 * BAR), 0.54, 0.80, 0.66, at=0.65)
    theme = moved(arc(line(THEME_IN_F, 20 * BAR), 0.40, 0.56, 0.40), steps=0)
    bell = line("-/3 A6/3 | -/6 | -/3 G6/3 | -/3 F6/3", 34 * BAR, 0.30) + chord(
        "A5 D6 G6", 38 * BAR + 0.8, 11, 0.34, roll=0.3
    )
    return calls + against + theme + bell


def comping() -> list[Note]:
    """The piano answers the bass on the second and third eighth, and traces the trades' other half."""
    notes: list[Note] = []
    for bar, voicing in enumerate(COMP):
        if not voicing or bar < 2:
            continue
        first, _, second = voicing.partition("|")
        level = 0.30 + 0.08 * (bar >= 20) - 0.05 * (12 <= bar < 16)
        notes += chord(first, bar * BAR + 1, 0.7, level) + chord(first, bar * BAR + 2, 0.9, level * 0.8)
        notes += chord(second or first, bar * BAR + 4, 1.7, level * 1.05)
    trade = arc(line(TRADE_PIANO, 28 * BAR), 0.50, 0.66, 0.60)
    return notes + trade + chord("F3 A3 D4 G4", 38 * BAR, 12, 0.42, roll=0.1)


def tenor() -> list[Note]:
    low = arc(moved(line(TENOR_IN_F, 4 * BAR), steps=-2), 0.26, 0.38, 0.28)
    rising = arc(
        line("Eb4/6 | D4/6 | C4/6 | Bb3/6 | C4/6 | D4/6 | F4/6 | E4/2", 12 * BAR), 0.30, 0.60, 0.60, at=0.9
    )
    song = arc(line(TENOR_IN_F, 20 * BAR), 0.52, 0.68, 0.5)
    circle = arc(
        line(
            "D4/6 | E4/3 D#4/3 | D4/6 | D4/3 E4/3 | C4/6 | Db4/6 | C4/6 | Bb3/6 | A3/6 | Bb3/6 | A3/12",
            28 * BAR,
        ),
        0.5,
        0.5,
        0.34,
        at=0.4,
    )
    return low + rising + song + circle


def held() -> list[Note]:
    start = (
        chord("Eb3 Bb3 F4", 0, 6, 0.40)
        + chord("Eb3 Ab3 F4", 6, 6, 0.34)
        + chord("Eb3 Bb3 F4", 12, 6, 0.32)
        + chord("Eb3 B3 F4", 18, 6, 0.36)
    )
    lift = (
        chord("F3 C4 Ab4", 16 * BAR, 6, 0.40)
        + chord("G3 Bb3 F4", 17 * BAR, 6, 0.44)
        + chord("F3 Bb3 G4", 18 * BAR, 6, 0.50)
        + chord("E3 Bb3 G4", 19 * BAR, 6, 0.52)
    )
    theme: list[Note] = []
    for bar, names in enumerate(
        (
            "A3 E4 C5",
            "G3 E4 C5",
            "F3 D4 A4",
            "F3 Db4 Bb4",
            "F3 C4 A4",
            "F#3 C4 A4|F3 Bb3 D4",
            "F3 Bb3 D4|E3 Bb3 D4",
            "F3 A3 D4",
        )
    ):
        first, _, second = names.partition("|")
        theme += chord(first, (20 + bar) * BAR, 3 if second else 6, 0.42)
        theme += chord(second, (20 + bar) * BAR + 3, 3, 0.42) if second else []
    last = (
        chord("F3 C4 G4", 34 * BAR, 6, 0.36)
        + chord("F3 Bb3 G4", 35 * BAR, 6, 0.36)
        + chord("F3 C4 A4", 36 * BAR, 6, 0.36)
        + chord("F3 Db4 Bb4", 37 * BAR, 6, 0.4)
        + chord("F3 C4 A4", 38 * BAR, 11, 0.42)
    )
    return start + lift + theme + last


def kit() -> dict[str, list[Note]]:
    """The brushes: a circle every half bar, a lilting cymbal, the backbeat on four. Written by bar, never twice the same level."""
    parts: dict[str, list[Note]] = {name: [] for name in ("kick", "tap", "sweep", "ride", "hat", "shaker")}

    def hit(name: str, beat: float, loud: float) -> None:
        parts[name].append(Note(beat, 1, 36, loud))

    for bar in range(38):
        at, full = bar * BAR, 20 <= bar < 34
        if bar == 19:  # a break, and the fill out of it
            for place, loud in enumerate((0.0, 0.0, 0.34, 0.42, 0.52, 0.62)):
                if loud:
                    hit("tap", at + place, loud)
            hit("tap", at + 5.5, 0.5)
            continue
        fade = 1.0 if bar < 34 else 1 - 0.18 * (bar - 33)
        hit("sweep", at, (0.5 + 0.05 * (bar % 2)) * fade)
        hit("sweep", at + 3, 0.58 * fade)
        if bar >= 1:
            hit("kick", at, (0.52 + 0.12 * full) * fade)
            hit("tap", at + 3, (0.40 + 0.14 * full + 0.03 * (bar % 4 == 3)) * fade)
        if bar >= 4:
            hit("hat", at + 3, 0.34 * fade)
            hit("shaker", at + 2, 0.5 * fade)
            hit("shaker", at + 5, 0.56 * fade)
        if bar % 4 == 3 and bar < 34:
            hit("kick", at + 5, 0.4)
            hit("tap", at + 4.5, 0.24)
            hit("tap", at + 5, 0.34)
        if bar >= 8:
            for place, loud in ((0, 0.50), (2, 0.34), (3, 0.44), (5, 0.36)):
                hit("ride", at + place, (loud + 0.12 * full) * fade)
    hit("ride", 20 * BAR, 0.8)
    hit("kick", 38 * BAR, 0.5)
    hit("ride", 38 * BAR, 0.46)
    return parts


KIT = kit()

MOVEMENT = Movement(
    tempo=TEMPO,
    beats=BARS * BAR,
    room=Room(t60=1.9, predelay=0.014, seed=12),
    strips=(
        Strip("dance ostinato", PIZZICATO, ostinato(), gain=4.5, pan=-0.35, spread=0.3, send=-9, loose=0.004),
        Strip("dance guitar", GUITAR, guitar(), gain=0.5, pan=0.22, send=-11, late=0.004),
        Strip("dance vibes", vibraphone, vibes(), gain=-8.0, pan=-0.3, send=-9, late=0.006),
        Strip("dance piano", electric_piano, comping(), gain=-8.0, pan=0.05, send=-13, late=0.008, effect=tremolo(4.6, 0.1)),
        Strip("dance bass", UPRIGHT, [note._replace(loud=0.62 if note.start % 3 == 0 else 0.46) for note in line(WALK, 0)], gain=2.0, send=-24, loose=0.004),
        Strip("dance tenor", bowed, tenor(), gain=-2.5, pan=-0.12, send=-8),
        Strip("dance pad", pad, held(), gain=-10.0, send=-10, effect=chorus),
        Strip("dance kick", KICK, KIT["kick"], gain=-3.0, send=-26, loose=0.003),
        Strip("dance tap", TAP, KIT["tap"], gain=2.5, pan=0.1, send=-13, loose=0.004),
        Strip("dance sweep", SWEEP, KIT["sweep"], gain=-5.0, pan=-0.15, send=-16, late=-0.09, loose=0.006),
        Strip("dance ride", RIDE, KIT["ride"], gain=-8.5, pan=0.4, send=-14, loose=0.004),
        Strip("dance hat", HAT, KIT["hat"], gain=-4.0, pan=-0.4, send=-16),
        Strip("dance shaker", SHAKER, KIT["shaker"], gain=-1.5, pan=-0.55, send=-14, late=-0.02),
    ),
    tail=4.5,
)  # fmt: skip
