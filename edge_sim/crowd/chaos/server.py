"""One server of the stage: a real process of the command line, on a port that it keeps when it is killed and comes back."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from media.errors import SettingsError

_READY_S = 30
_ADDRESS = re.compile(r"http://127\.0\.0\.1:([0-9]+)")


@dataclass
class Server:
    """``tonearm --home HOME …``; it listens on loopback. `port` is 0 until it first did."""

    home: Path
    arguments: tuple[str, ...]
    port: int = 0
    _process: Process | None = None
    _rest: list[asyncio.Task[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    async def start(self) -> None:
        """Raises `SettingsError` with the server's own words when it does not."""
        process = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-m",
                "cli",
                "--home",
                str(self.home),
                *self.arguments,
                "--port",
                str(self.port),
            ),
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=PIPE,
            start_new_session=True,
        )
        self._process = process
        assert process.stderr is not None
        said = []
        try:
            async with asyncio.timeout(_READY_S):
                while line := (await process.stderr.readline()).decode(errors="replace"):
                    said.append(line.strip())
                    if found := _ADDRESS.findall(line):
                        self.port = int(found[-1])
                        self._rest.append(asyncio.create_task(process.stderr.read()))
                        return
        except TimeoutError:
            said.append(f"not ready after {_READY_S} s")
        except BaseException:
            await self.kill()
            raise
        await self.kill()
        raise SettingsError(f"{self.arguments[0]}: did not start: {' '.join(said)[-300:]}")

    async def kill(self) -> None:
        """As a machine that loses its power: no word to anybody, and its memory is gone."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """As an operator does."""
        await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(number)
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        await asyncio.gather(*self._rest)
        self._rest.clear()
