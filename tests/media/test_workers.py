"""The parent of workers that cannot start, or will not live. (What living workers do is in tests/origin/test_workers.py.)"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import cli
from media.tally import Tally

SCRIPT = """
import os, sys
from media.errors import SettingsError, TonearmError
from media.serving import log_json_lines
from media.workers import run_workers

def work(worker):
    {body}

log_json_lines(access=False)
try:
    run_workers(2, "127.0.0.1", 0, work, ready=lambda port: {ready}, restarted=lambda: print("again", flush=True))
except TonearmError as error:
    print(error, flush=True)
    sys.exit(error.exit_code)
"""


def run(body: str, ready: str = "print('ready', flush=True)") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SCRIPT.format(body=body, ready=ready)],
        cwd=Path(cli.__file__).parent,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise SettingsError('no such thing')", "exit code 2"),
        ("raise ValueError('a bug')", "exit code 1"),
        ("os.kill(os.getpid(), 9)", "signal SIGKILL"),
    ],
)
def test_workers_that_cannot_start_are_an_error_and_not_a_loop(body: str, said: str) -> None:
    result = run(body)
    assert result.returncode == 2
    assert said in result.stdout
    assert "could not start" in result.stdout
    assert "ready" not in result.stdout
    if "no such thing" in body:
        assert "no such thing" in result.stderr


def test_a_worker_that_dies_again_and_again_is_started_again_and_again(tmp_path: Path) -> None:
    """The first one dies as soon as all were ready; its third life ends the test by way of the parent."""
    body = f"""
    import signal
    worker.ready(worker.port)
    if worker.number == 1:
        signal.pause()
    while not os.path.exists("{tmp_path}/ready"):
        os.sched_yield()
    with open("{tmp_path}/lives", "a") as file:
        file.write("x")
    if os.path.getsize("{tmp_path}/lives") == 3:
        os.kill(os.getppid(), signal.SIGTERM)
        signal.pause()
    """
    result = run(body, ready=f"open('{tmp_path}/ready', 'w').close()")
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["again", "again"]
    assert "died (exit code 0)" in result.stderr


def test_rows_add_up() -> None:
    tally = Tally(cells=3, rows=2)
    first, second = tally.row(0), tally.row(1)
    first[2] += 5
    second[2] += 7
    second[0] -= 1
    assert [tally.total(cell) for cell in range(3)] == [-1, 0, 12]
    with pytest.raises(IndexError):
        first[3] += 1
