"""``python -m benchmarks.packaging``: our packager beside Shaka Packager, on the same encoded song in one run.

    make bench
    python -m benchmarks.packaging --packager /usr/bin/packager --repeats 9

Each round runs every contender once, so that a busy minute hits all of them alike; the medians of the rounds are compared.
A first round is not counted: it compiles our modules and brings the files into memory. Exit code 1 when a target is missed.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from benchmarks.cost import Cost, cost, middle
from benchmarks.renditions import renditions
from demo.children import TONEARM

WORK = Path("build/bench")
KID, KEY = "00112233445566778899aabbccddeeff", "0123456789abcdeffedcba9876543210"
SCHEMES = ("cbcs", "cenc")
BATCHES = (1, 5, 20)  # songs in one process
ONE_SONG, BATCH = 1 / 3, 1 / 6  # of Shaka Packager's CPU time, the second for each song of the largest batch
PEAK_KB, GROWTH = 200 * 1000, 1.25  # memory, and how much more of it the largest batch may take than one song


@dataclass(frozen=True, slots=True)
class Verdict:
    """One target: what was measured against what was asked."""

    target: str
    measured: float
    limit: float

    @property
    def met(self) -> bool:
        return self.measured <= self.limit


@click.command()
@click.option("--packager", required=True, help="Shaka Packager's program.")
@click.option("--repeats", default=5, show_default=True, type=click.IntRange(1), help="Rounds that count.")
@click.option(
    "--json", "report", type=click.Path(path_type=Path), default=WORK / "packaging.json", show_default=True
)
def main(packager: str, repeats: int, report: Path) -> None:
    """Package one song with both, many with ours, and say whether the targets are met."""
    console = Console(highlight=False)
    files, music = renditions(WORK / "song")
    contenders = {f"shaka {scheme}": shaka(packager, files, scheme) for scheme in SCHEMES}
    contenders |= {f"tonearm {scheme} 1": tonearm(map(str, files), scheme) for scheme in SCHEMES}
    for count in BATCHES[1:]:
        folders = [str(folder) for folder in songs(files, count)]
        contenders |= {f"tonearm {scheme} {count}": tonearm(folders, scheme) for scheme in SCHEMES}

    rounds: dict[str, list[Cost]] = {name: [] for name in contenders}
    for number in track(range(repeats + 1), "Measuring", console=console, transient=True):
        for name, command in contenders.items():
            spent = cost(command, WORK / "out")
            if number:
                rounds[name].append(spent)
    costs = {name: middle(spent) for name, spent in rounds.items()}
    verdicts = judge(costs)
    machine = about(packager, files, music)
    console.print(
        *(f"{name}: {value}" for name, value in machine.items()), sep="\n", soft_wrap=True, markup=False
    )
    console.print(table(costs), judgement(verdicts), sep="\n\n")
    document = {
        "machine": machine,
        "rounds": {name: [asdict(each) for each in spent] for name, spent in rounds.items()},
        "medians": {name: asdict(spent) for name, spent in costs.items()},
        "verdicts": [asdict(verdict) | {"met": verdict.met} for verdict in verdicts],
    }
    report.write_text(json.dumps(document, indent=2) + "\n")
    sys.exit(0 if all(verdict.met for verdict in verdicts) else 1)


def shaka(packager: str, files: Sequence[Path], scheme: str) -> list[str]:
    """The ladder to HLS and DASH over the same fMP4 segments, one raw key, all of it protected."""
    out, command = WORK / "out", [packager]
    for file in files:
        folder = out / file.stem
        command.append(
            f"in={file},stream=audio,init_segment={folder}/init.mp4,segment_template={folder}/$Number%05d$.m4s,"
            f"playlist_name={file.stem}.m3u8,hls_group_id=audio,drm_label=AUDIO"
        )
    command += ["--hls_master_playlist_output", f"{out}/hls.m3u8", "--mpd_output", f"{out}/dash.mpd"]
    command += ["--segment_duration", "4", "--clear_lead", "0", "--protection_scheme", scheme]
    return [*command, "--enable_raw_key_encryption", "--keys", f"label=AUDIO:key_id={KID}:key={KEY}"]


def tonearm(inputs: Sequence[str], scheme: str) -> list[str]:
    key = ["--protect", scheme, "--key", f"{KID}:{KEY}"]
    return [TONEARM, "package", *inputs, "--out", str(WORK / "out"), *key]


def songs(files: Sequence[Path], count: int) -> list[Path]:
    """A folder for each of `count` songs, alike but for one byte of music: a song that is there already would be passed over."""
    folders = [WORK / "songs" / f"{number:02d}" for number in range(1, count + 1)]
    for number, folder in enumerate(folders):
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            data = bytearray(file.read_bytes())
            data[data.index(b"mdat") + 4096] ^= number
            (folder / file.name).write_bytes(data)
    return folders


def judge(costs: dict[str, Cost]) -> list[Verdict]:
    """The targets of the packager, in the order in which they are told."""
    verdicts, most = [], BATCHES[-1]
    for scheme in SCHEMES:
        theirs = costs[f"shaka {scheme}"].cpu_ms
        one, batch = costs[f"tonearm {scheme} 1"].cpu_ms, costs[f"tonearm {scheme} {most}"].cpu_ms / most
        verdicts.append(Verdict(f"{scheme}: CPU of one song, of Shaka Packager's", one / theirs, ONE_SONG))
        verdicts.append(
            Verdict(f"{scheme}: CPU per song of {most}, of Shaka Packager's", batch / theirs, BATCH)
        )
    peaks = {
        (scheme, count): costs[f"tonearm {scheme} {count}"].peak_kb for scheme in SCHEMES for count in BATCHES
    }
    verdicts.append(Verdict("peak memory, of 200 MB", max(peaks.values()) / PEAK_KB, 1.0))
    growth = max(peaks[scheme, most] / peaks[scheme, 1] for scheme in SCHEMES)
    verdicts.append(Verdict(f"peak memory with {most} songs, of that with one", growth, GROWTH))
    return verdicts


def about(packager: str, files: Sequence[Path], music: str) -> dict[str, str]:
    """What was measured on, and with what."""
    processor = next(
        (line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    size = sum(file.stat().st_size for file in files)
    return {
        "processor": f"{processor}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
        "versions": f"{_said([packager, '--version'])}; {_said([TONEARM, '--version'])}; Python {platform.python_version()}",
        "music": f"{music}; {size / 1e6:.1f} MB in {len(files)} renditions",
    }


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def _said(command: Sequence[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def table(costs: dict[str, Cost]) -> Table:
    """CPU and memory of everything that ran."""
    shown = Table(box=None, pad_edge=False)
    shown.add_column("")
    for column in ("songs", "CPU ms", "ms a song", "of Shaka's", "peak MB"):
        shown.add_column(column, justify="right")
    for name, spent in costs.items():
        who, scheme, *batch = name.split()
        count = int(batch[0]) if batch else 1
        each = spent.cpu_ms / count
        ratio = each / costs[f"shaka {scheme}"].cpu_ms
        shown.add_row(
            f"{who} {scheme}",
            str(count),
            str(spent.cpu_ms),
            f"{each:.0f}",
            f"{ratio:.2f}",
            f"{spent.peak_kb / 1000:.0f}",
        )
    return shown


def judgement(verdicts: Sequence[Verdict]) -> Table:
    """One line a target."""
    shown = Table(box=None, pad_edge=False, show_header=False)
    for verdict in verdicts:
        word = Text("met", "green") if verdict.met else Text("missed", "bold red")
        shown.add_row(verdict.target, f"{verdict.measured:.3f}", f"at most {verdict.limit:.3f}", word)
    return shown


if __name__ == "__main__":
    main()
