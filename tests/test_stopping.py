"""A publish that is stopped leaves nothing behind: no process, no temporary folder, no half of a song."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
import wave
from pathlib import Path

import numpy as np
import pytest

import cli


def started(folder: Path, process: subprocess.Popen[str]) -> bool:
    """Wait until an encoder has written something below `folder`."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if any(path.stat().st_size for path in folder.rglob("*") if path.is_file()):
            return True
        threading.Event().wait(0.02)
    return False


def test_a_signal_strikes_between_two_steps_and_not_within_one() -> None:
    """What is under way in the event loop when SIGTERM comes goes on to its next await; the work as a whole is cancelled."""
    steps: list[str] = []

    async def step() -> None:
        signal.raise_signal(signal.SIGTERM)
        steps.append("the step ends")

    async def work() -> None:
        running = asyncio.create_task(step())
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            steps.append("the work is cancelled")
            await running
            raise

    # As a fresh process has them; other tests of this one may have left others.
    before = signal.signal(signal.SIGTERM, cli.end)
    interrupt = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(work())
        with pytest.raises(KeyboardInterrupt):  # outside of asyncio, and where Ctrl-C is ignored
            signal.raise_signal(signal.SIGTERM)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGINT, interrupt)
        signal.signal(signal.SIGTERM, before)
    assert steps == ["the step ends", "the work is cancelled"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_publish_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    master, work, store = tmp_path / "long.wav", tmp_path / "work", tmp_path / "store"
    work.mkdir()
    noise = np.random.default_rng(1).integers(-9000, 9000, (44_100 * 180, 2), dtype=np.int16)
    with wave.open(str(master), "wb") as file:
        file.setparams((2, 2, 44_100, 0, "NONE", ""))
        file.writeframes(noise.tobytes())
    with subprocess.Popen(
        [sys.executable, "-m", "cli", "publish", str(master), "--to", str(store)],
        cwd=Path(cli.__file__).parent,
        env=os.environ | {"TMPDIR": str(work)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert started(work, process)
        process.send_signal(number)
        # The pipe closes when the last of its processes has ended, encoders included.
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert list(work.iterdir()) == []
    assert not list(store.rglob("*.json"))
