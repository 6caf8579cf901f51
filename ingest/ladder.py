"""The ladder: which renditions a song gets, and at which sample rate.

    # ladder.toml, from the lowest to the highest
    [[rung]]
    name = "low"
    bitrate = 24000
    channels = 1
    coder = "twoloop"

**Coder.** ffmpeg's AAC encoder searches its quantisers in two ways. Measured with ffmpeg 9.0 on 20 s of three
orchestral pieces: CPU seconds, mean noise-to-mask ratio in dB, and mean distance of the spectra in dB:

    rung        twoloop               fast
    low         0.20   −0.4   2.5     0.07   −0.5   3.9
    normal      0.38   −8.1   0.77    0.17   −8.6   0.79
    high        0.41   −14.9  0.38    0.17   −18.8  0.28
    very_high   0.35   −29.8  0.09    0.22   −34.5  0.08

So ``fast`` where it is as good or better at half the cost. Not for `low`, where it loses the spectrum, and not for
`very_high`, where it leaves noise above the mask in quiet bands beyond 10 kHz and ``twoloop`` leaves none anywhere.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from media.errors import SettingsError

CODERS = ("twoloop", "fast")
NAME = re.compile(r"[a-z0-9_]{1,32}", re.ASCII)
# ISO/IEC 14496-3 §4.5.3.3 grants 6144 bits to a channel of a frame: 264.6 kbit/s at 44.1 kHz.
LOWEST, HIGHEST = 8_000, 256_000  # bit/s and channel


@dataclass(frozen=True, slots=True)
class Rung:
    """One AAC-LC encoding. `bitrate` in bit/s, `channels` 1 or 2, `coder` one of `CODERS`. Raises `SettingsError`."""

    name: str
    bitrate: int
    channels: int = 2
    coder: str = "twoloop"

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and NAME.fullmatch(self.name)):
            raise SettingsError(f"name {self.name!r} is not 1 to 32 of a-z 0-9 _")
        if type(self.channels) is not int or self.channels not in (1, 2):
            raise SettingsError(f"channels {self.channels!r} is neither 1 nor 2")
        low, high = LOWEST * self.channels, HIGHEST * self.channels
        if type(self.bitrate) is not int or not low <= self.bitrate <= high:
            raise SettingsError(f"bitrate {self.bitrate!r} is not a number of bit/s from {low} to {high}")
        if self.coder not in CODERS:
            raise SettingsError(f"coder {self.coder!r} is none of {', '.join(CODERS)}")


@dataclass(frozen=True, slots=True)
class Ladder:
    """Rungs from the lowest bitrate to the highest; none at all means that a master is only measured."""

    rungs: tuple[Rung, ...]

    def __post_init__(self) -> None:
        names = [rung.name for rung in self.rungs]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise SettingsError(f"two rungs are named {twice[0]!r}")
        bitrates = [rung.bitrate for rung in self.rungs]
        if bitrates != sorted(set(bitrates)):
            raise SettingsError(f"bitrates do not rise from rung to rung: {', '.join(map(str, bitrates))}")

    def digest_input(self) -> dict[str, Any]:
        """What decides about the encoded bytes, for the version of a presentation; equal ladders give equal values."""
        return {"rungs": [asdict(rung) for rung in self.rungs]}


DEFAULT_LADDER = Ladder(
    (
        Rung("low", 24_000, channels=1, coder="twoloop"),
        Rung("normal", 96_000, coder="fast"),
        Rung("high", 160_000, coder="fast"),
        Rung("very_high", 320_000, coder="twoloop"),
    )
)
MEASURE_ONLY = Ladder(())


def sample_rate(master: int) -> int:
    """The one rate of all rungs, in Hz, for a master's: the family decides, so that the ratio stays simple.

    All rungs share it because a switch between rates costs samples and bandwidth (docs/decisions/0007). 8, 12, 16,
    24, 32, 48, 96, 192 kHz go to 48 kHz; 11.025, 22.05, 44.1, 88.2 kHz, and odd rates, to 44.1 kHz.
    """
    return 48_000 if master % 4_000 == 0 else 44_100


def load_ladder(path: Path) -> Ladder:
    """Read a TOML ladder. Raises `SettingsError` that names the file, the rung and the value."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from None
    tables = document.pop("rung", None)
    if document:
        raise SettingsError(f"{path}: {next(iter(document))!r} is no setting of a ladder")
    if not (isinstance(tables, list) and tables and all(isinstance(table, dict) for table in tables)):
        raise SettingsError(f"{path}: no [[rung]] in it")
    try:
        return Ladder(tuple(_rung(table, number) for number, table in enumerate(tables, 1)))
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from None


def _rung(table: dict[str, Any], number: int) -> Rung:
    names = {field.name for field in fields(Rung)}
    if unknown := sorted(set(table) - names):
        raise SettingsError(f"rung {number}: {unknown[0]!r} is no setting of a rung")
    if missing := sorted({"name", "bitrate"} - set(table)):
        raise SettingsError(f"rung {number}: no {missing[0]}")
    try:
        return Rung(**table)
    except SettingsError as error:
        raise SettingsError(f"rung {number}: {error}") from None
