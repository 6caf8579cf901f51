"""Find an ffmpeg that can do our work, and run it: argument lists, progress, a time limit, and no process left behind.

ffmpeg = find_ffmpeg()
finished = await run(ffmpeg, ["-i", source(path), "-f", "null", "-"], cwd=work, timeout=600)
finished.code, finished.complaints
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from media.errors import SettingsError, TranscodeFailed

OLDEST = (5, 1)  # named channel layouts and framelog=quiet
_STDERR_KEPT = (
    64 * 1024
)  # bytes: the meter's summary and the last complaints, whatever a hostile file provokes


@dataclass(frozen=True, slots=True)
class Ffmpeg:
    """A program that was asked and answered. `version` is the word behind "ffmpeg version"."""

    path: str
    version: str


@dataclass(frozen=True, slots=True)
class Finished:
    """`code` is the exit code, `stderr` the end of what it said, each line with its level in brackets."""

    code: int
    stderr: str

    @property
    def complaints(self) -> list[str]:
        """What was said at level error or worse, without the addresses that differ from run to run."""
        return [
            re.sub(r" @ 0x[0-9a-f]+", "", line)
            for line in self.stderr.splitlines()
            if re.search(r"\[(error|fatal|panic)\]", line)
        ]


def find_ffmpeg(override: str | None = None) -> Ffmpeg:
    """The given one, else the one on PATH, else the wheel's. Raises `SettingsError` when none will do.

    One on PATH that is too old or lacks the soxr resampler (our sample counts rely on it) is passed over in
    silence; one that was asked for by name is not.
    """
    if override is not None:
        found = shutil.which(override)
        if found is None:
            raise SettingsError(f"ffmpeg: {override!r} is no program")
        ffmpeg, flaw = _ask(found)
        if flaw:
            raise SettingsError(f"ffmpeg: {found} {flaw}")
        return ffmpeg
    on_path = shutil.which("ffmpeg")
    if on_path is not None:
        ffmpeg, flaw = _ask(on_path)
        if not flaw:
            return ffmpeg
    import imageio_ffmpeg

    try:
        ffmpeg, flaw = _ask(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError:
        raise SettingsError(
            "ffmpeg: none on PATH that will do, and the wheel has none for this machine"
        ) from None
    if flaw:
        raise SettingsError(f"ffmpeg: {ffmpeg.path} {flaw}")
    return ffmpeg


@lru_cache(maxsize=8)
def _ask(path: str) -> tuple[Ffmpeg, str]:
    """What the program says of itself, and what is wrong with it for us (empty: nothing)."""
    try:
        said = subprocess.run(
            [path, "-version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=20,
            check=True,
            encoding="utf-8",
            errors="replace",
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        return Ffmpeg(path, ""), f"does not run: {error}"
    version = re.match(r"ffmpeg version (\S+)", said)
    if version is None:
        return Ffmpeg(path, ""), "is not ffmpeg"
    ffmpeg = Ffmpeg(path, version[1])
    # Builds from git ("N-118000-g…") carry no release number; they are newer than what we ask for.
    number = re.match(r"n?(\d+)\.(\d+)", ffmpeg.version)
    if number and (int(number[1]), int(number[2])) < OLDEST:
        return ffmpeg, f"is version {ffmpeg.version}, and {OLDEST[0]}.{OLDEST[1]} is needed"
    if "--enable-libsoxr" not in said:
        return ffmpeg, "is built without the soxr resampler"
    return ffmpeg, ""


def source(path: Path) -> str:
    """How a file is named on the command line: never an option, a protocol, or a pattern, whatever its name."""
    return f"file:{path.absolute()}"


async def run(
    ffmpeg: Ffmpeg,
    arguments: Sequence[str],
    *,
    cwd: Path,
    timeout: float,
    on_progress: Callable[[int], None] | None = None,
) -> Finished:
    """Run ffmpeg in the folder `cwd` and wait. `on_progress` gets microseconds of output, twice a second.

    Cancelling the task, or `timeout` seconds passing (`TranscodeFailed`), kills the process and reaps it.
    """
    options = ["-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+info", "-progress", "pipe:1"]
    async with _running([ffmpeg.path, *options, *arguments], cwd) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            async with asyncio.timeout(timeout):
                _, stderr = await asyncio.gather(
                    _follow(process.stdout, on_progress), _tail(process.stderr, _STDERR_KEPT)
                )
                code = await process.wait()
        except TimeoutError:
            raise TranscodeFailed(f"ffmpeg: not done after {timeout:g} s, stopped") from None
    return Finished(code, stderr.decode(errors="replace"))


@asynccontextmanager
async def _running(command: Sequence[str], cwd: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that does not outlive the block. In a session of its own, so that Ctrl-C reaches it through us only."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            # Shielded: a second cancellation must not leave the process unreaped.
            await asyncio.shield(process.wait())


async def _follow(stream: asyncio.StreamReader, on_progress: Callable[[int], None] | None) -> None:
    """Read ``key=value`` lines to the end. ``out_time_us`` is ``N/A`` until the first output packet."""
    async for line in stream:
        key, _, value = line.decode(errors="replace").strip().partition("=")
        if key == "out_time_us" and value.isdecimal() and on_progress is not None:
            on_progress(int(value))


async def _tail(stream: asyncio.StreamReader, size: int) -> bytes:
    kept = b""
    while chunk := await stream.read(1 << 16):
        kept = (kept + chunk)[-size:]
    return kept
