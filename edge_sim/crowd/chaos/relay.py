"""A wire between two servers that can be made slow: a TCP relay that lets each request wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Relay:
    """To `port` on loopback. What the asking side sends waits `delay_ms`; answers come as they come."""

    def __init__(self, port: int) -> None:
        self.upstream = port
        self.delay_ms = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            below, above = await asyncio.open_connection("127.0.0.1", self.upstream)
        except OSError:
            writer.close()
            return
        up = asyncio.create_task(self._copy(reader, above, slow=True))
        try:
            await self._copy(below, writer, slow=False)
        finally:
            up.cancel()
            above.close()
            writer.close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, slow: bool) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                if slow and self.delay_ms:
                    await asyncio.sleep(self.delay_ms / 1000)
                writer.write(data)
                await writer.drain()
        with suppress(OSError):
            writer.close()


@asynccontextmanager
async def relaying(port: int) -> AsyncIterator[Relay]:
    """Open inside the block."""
    relay = Relay(port)
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
