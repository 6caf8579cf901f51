"""The preview: the loudest half minute, faded, in an m4a that any decoder opens."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import numpy
import pytest

from ingest.ffmpeg import Ffmpeg
from ingest.preview import loudest, preview
from media.errors import TranscodeFailed

RATE = 44100


@pytest.fixture
def pcm(tmp_path: Path) -> Callable[[float], Path]:
    """A file of so many seconds of a steady tone."""

    def make(seconds: float) -> Path:
        tone = 0.5 * numpy.sin(numpy.arange(int(seconds * RATE)) * 0.05)
        path = tmp_path / "programme.f32"
        numpy.stack([tone, tone], axis=1).astype("<f4").tofile(path)
        return path

    return make


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def level(audio: numpy.ndarray) -> float:
    return float(numpy.abs(audio).max())


@pytest.mark.parametrize(("seconds", "heard"), [(40, 30), (30, 30), (3, 3), (0.05, 0.05)])
async def test_length_and_fades(
    pcm: Callable[[float], Path],
    ffmpeg: Ffmpeg,
    work: Path,
    decode: Callable[[bytes, str], numpy.ndarray],
    seconds: float,
    heard: float,
) -> None:
    made = await preview(pcm(seconds), RATE, ffmpeg=ffmpeg, work=work)
    audio = decode(made, "mp4")
    assert audio.shape[0] == 2
    assert audio.shape[1] == pytest.approx(heard * RATE, abs=1024)  # PyAV does not trim the last unit
    fade = min(1.0, heard / 4)
    assert level(audio[:, : int(fade * RATE / 20)]) < 0.1
    assert level(audio[:, int(heard * RATE / 2) :][:, :500]) == pytest.approx(0.5, abs=0.1)
    assert level(audio[:, int(heard * RATE * 0.995) : int(heard * RATE)]) < 0.15
    assert list(work.iterdir()) == []


async def test_same_bytes_without_a_clock_or_a_version(
    pcm: Callable[[float], Path], ffmpeg: Ffmpeg, work: Path
) -> None:
    path = pcm(3)
    first, second = [await preview(path, RATE, ffmpeg=ffmpeg, work=work) for _ in range(2)]
    assert first == second
    assert b"Lav" not in first
    with av.open(io.BytesIO(first)) as container:
        assert "creation_time" not in container.metadata
        assert container.streams.audio[0].codec_context.name == "aac"


def test_the_loudest_part_is_found_and_the_first_of_equals() -> None:
    programme = numpy.zeros((100 * 100, 2), dtype=numpy.float32)
    assert loudest(programme, 100) == 0
    programme[42 * 100 : 72 * 100, 1] = 0.5
    assert loudest(programme, 100) == 4200
    programme[99 * 100 :] = 4.0
    assert loudest(programme, 100) == 7000
    assert loudest(programme[: 30 * 100 + 99], 100) == 0


async def test_a_failing_encoder_leaves_nothing(
    pcm: Callable[[float], Path], tmp_path: Path, work: Path
) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\nexit 9\n")
    broken.chmod(0o755)
    with pytest.raises(TranscodeFailed, match="exit code 9"):
        await preview(pcm(1), RATE, ffmpeg=Ffmpeg(str(broken), "1"), work=work)
    assert list(work.iterdir()) == []


async def test_cancelled_it_leaves_nothing(pcm: Callable[[float], Path], tmp_path: Path, work: Path) -> None:
    slow = tmp_path / "slow"
    slow.write_text(f"#!/bin/sh\ntouch '{tmp_path}/started'\nexec sleep 60\n")
    slow.chmod(0o755)
    children = Path("/proc/thread-self/children")  # servers that other tests started are among them
    before = children.read_text()
    task = asyncio.create_task(preview(pcm(1), RATE, ffmpeg=Ffmpeg(str(slow), "1"), work=work))
    while not (tmp_path / "started").exists():
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list(work.iterdir()) == []
    assert children.read_text() == before


def test_pydubs_warnings_stay_inside(tmp_path: Path) -> None:
    """In a fresh interpreter that shows every warning, without byte code and without ffmpeg on the path."""
    numpy.full((4410, 2), 0.1, dtype="<f4").tofile(tmp_path / "programme.f32")
    code = (
        "import sys; from pathlib import Path; from ingest.preview import _excerpt;"
        "_excerpt(Path(sys.argv[1], 'programme.f32'), 44100, Path(sys.argv[1], 'excerpt.wav'))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", code, str(tmp_path)],
        env={"PATH": "/nowhere", "PYTHONPYCACHEPREFIX": str(tmp_path / "cache")},
        cwd=Path(__file__).parent.parent.parent,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "excerpt.wav").stat().st_size > 4000 * 4
