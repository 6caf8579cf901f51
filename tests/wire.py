"""A client that says what no HTTP library would: for asking two servers the same and comparing their answers."""

from __future__ import annotations

import asyncio
import re
import ssl

Answer = tuple[list[bytes], bytes]


class Wire:
    """One connection on which bytes are sent as they are, and whole answers come back.

    `volatile` matches what differs between two answers of one server to one request: it is left out.
    """

    def __init__(self, port: int, volatile: re.Pattern[bytes], trust: ssl.SSLContext | None = None) -> None:
        self._port = port
        self._volatile = volatile
        self._trust = trust
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def say(self, *pieces: bytes, answers: int = 1, head_only: bool = False) -> list[Answer]:
        """Sorted header lines and body of each answer; the last is ``([], b"")`` when the server closed instead."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, ssl=self._trust)
        reader, writer = self._streams
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0)
        found: list[Answer] = []
        try:
            for _ in range(answers):
                head = self._volatile.sub(b"", await reader.readuntil(b"\r\n\r\n"))
                lines = head[:-4].split(b"\r\n")
                length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
                empty = head_only or lines[0].split()[1] in (b"304", b"204")
                body = await reader.readexactly(int(length[1]) if length and not empty else 0)
                found.append(([lines[0], *sorted(lines[1:])], body))
                if b"connection: close" in head.lower():
                    self.close()
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            self.close()
            found.append(([], b""))
        return found

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
