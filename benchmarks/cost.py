"""What a program costs, as the system counts it for a whole process: interpreter start, threads and system calls included."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import click

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU is user and system time; the peak is that of resident memory."""

    cpu_ms: int
    peak_kb: int


def cost(arguments: Sequence[str], out: Path) -> Cost:
    """Run a program that writes into `out`, which is empty before. What it says is shown only when it fails."""
    shutil.rmtree(out, ignore_errors=True)
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(arguments, stdout=said, stderr=said, env=_environment())
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            text = said.read().decode(errors="replace")
            raise click.ClickException(f"{arguments[0]} ended with {process.returncode}:\n{text}")
    return Cost(round(1000 * (usage.ru_utime + usage.ru_stime)), usage.ru_maxrss)


def middle(costs: Sequence[Cost]) -> Cost:
    """The median of each."""
    return Cost(round(median(each.cpu_ms for each in costs)), round(median(each.peak_kb for each in costs)))


def _environment() -> dict[str, str]:
    """This checkout's code, compiled as an installation is, with no setting of the caller's."""
    unwanted = ("TONEARM_", "PYTHON")
    return {name: value for name, value in os.environ.items() if not name.startswith(unwanted)} | {
        "PYTHONPATH": str(ROOT)
    }
