"""The five minutes of AAC that every packager gets: four M4A files, encoded once, kept under ``build/bench``."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import click
from imageio_ffmpeg import get_ffmpeg_exe
from mutagen.flac import FLAC

SECONDS = 300
RATE = 44_100
LADDER = (
    ("low", 24, 1),
    ("normal", 96, 2),
    ("high", 160, 2),
    ("very_high", 320, 2),
)  # name, kbit/s, channels
SHARED = Path(os.environ.get("TONEARM_SHARED", "../shared"), "masters", "good")


def renditions(folder: Path) -> tuple[list[Path], str]:
    """The files from the lowest bit rate to the highest, and what music they hold; encoded when they are not there."""
    files, said = [folder / f"{name}.m4a" for name, _, _ in LADDER], folder / "music.txt"
    if not said.exists():
        folder.mkdir(parents=True, exist_ok=True)
        masters = _masters(folder.parent)
        click.echo(f"Encoding {', '.join(master.name for master in masters)} …")
        _encode(masters, files)
        said.write_text(", ".join(master.name for master in masters))
    return files, said.read_text()


def _masters(work: Path) -> list[Path]:
    """Real music where there is some, else the demo's album: masters that last five minutes end to end, repeated if need be."""
    found = _stereo(SHARED.glob("*.flac"))
    if not found:
        subprocess.run([sys.executable, "-m", "demo.compose", str(work / "masters")], check=True)
        found = _stereo((work / "masters").glob("*.flac"))
    longest_first = sorted(found, key=lambda path: (-found[path], path.name))
    masters: list[Path] = []
    while sum(found[path] for path in masters) < SECONDS * RATE:
        masters.append(longest_first[len(masters) % len(longest_first)])
    return masters


def _stereo(paths: Iterable[Path]) -> dict[Path, int]:
    """How many samples each has, of those that can stand in one file."""
    infos = {path: FLAC(path).info for path in paths}
    return {
        path: info.total_samples
        for path, info in infos.items()
        if info.channels == 2 and info.sample_rate == RATE
    }


def _encode(masters: Sequence[Path], files: Sequence[Path]) -> None:
    inputs = "".join(f"[{number}:a]" for number in range(len(masters)))
    ends = "".join(f"[{name}]" for name, _, _ in LADDER)
    graph = (
        f"{inputs}concat=n={len(masters)}:v=0:a=1,atrim=end_sample={SECONDS * RATE},asplit={len(files)}{ends}"
    )
    command = [get_ffmpeg_exe(), "-loglevel", "error", "-y"]
    for master in masters:
        command += ["-i", str(master)]
    command += ["-filter_complex", graph]
    for (name, kilobits, channels), file in zip(LADDER, files, strict=True):
        command += [
            "-map",
            f"[{name}]",
            "-c:a",
            "aac",
            "-b:a",
            f"{kilobits}k",
            "-ac",
            str(channels),
            str(file),
        ]
    subprocess.run(command, check=True)
