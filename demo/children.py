"""Child processes that never outlive us: whatever ends a block, a signal included, ends its child first."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, Any

TONEARM = str(Path(sys.executable).with_name("tonearm"))
GRACE = 10.0  # seconds between asking and insisting


@contextmanager
def child(arguments: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Run a program inside the block; on leaving it gets SIGTERM, and SIGKILL when it does not listen."""
    with subprocess.Popen(arguments, text=True, **options) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(GRACE)
                except subprocess.TimeoutExpired:
                    process.kill()


def run(arguments: Sequence[str], stdout: int | IO[str] | None = None) -> tuple[int, str]:
    """Run a program to its end: its exit status and, with ``stdout=PIPE``, what it wrote."""
    with child(arguments, stdout=stdout) as process:
        output, _ = process.communicate()
        return process.returncode, output or ""


def stop_on_signals() -> None:
    """SIGTERM and SIGHUP become an exception like SIGINT already is, so that every `finally` runs."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
