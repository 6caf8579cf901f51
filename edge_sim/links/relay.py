"""A link in front of servers that live anywhere: TCP ends at the far end of the link, and goes on from there to the real address.

So handshakes, slow start and retransmissions happen on the link, and TLS passes through untouched. What the relay adds is a connection of its own to the
server, opened when the listener's is accepted: as far away as the server is from this machine. Names are looked up here, before the link.

    with Link(network) as link, Relay(link) as relay:
        connector = aiohttp.TCPConnector(socket_factory=relay.socket)

``python -m edge_sim.links.relay DESCRIPTOR`` is its process. It reads addresses, each with a listening socket, from the
unix socket that DESCRIPTOR is, and ends with it.
"""

from __future__ import annotations

import array
import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Self

from edge_sim.links.link import Link
from media.errors import SettingsError

_PIECE = 65_536


class Relay:
    """`socket` makes sockets whose connections cross `link`, wherever they are told to go."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self._known: dict[tuple[str, int], tuple[str, int]] = {}

    def __enter__(self) -> Self:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "edge_sim.links.relay", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        self._ours.settimeout(20)
        if self._ours.recv(16) != b"here":
            self.__exit__()
            raise SettingsError(
                f"link: what relays its connections ended at once ({self._process.returncode})"
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._ours.close()  # which ends the process
        self._process.wait()

    def address(self, host: str, port: int) -> tuple[str, int]:
        """Where listeners at the near end reach `host`, an IP address."""
        if (host, port) not in self._known:
            with self.link.far.listen() as listening:
                self._ours.sendmsg(
                    [json.dumps([host, port]).encode()],
                    [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [listening.fileno()]))],
                )
                self._known[host, port] = listening.getsockname()
        return self._known[host, port]

    def drop(self) -> None:
        """Close every connection, as a server does that has waited long enough: the next request needs a new one."""
        self._ours.send(b"null")
        self._ours.recv(16)

    def socket(self, information: tuple[Any, ...]) -> socket.socket:
        """For an entry of `getaddrinfo`, as aiohttp's ``socket_factory`` gets it; what lives at the far end needs no relay."""
        host, port = information[4][:2]
        if host == self.link.far.address:  # it lives there
            return self.link.near.tcp()
        detour = _Detour(fileno=self.link.near.tcp().detach())
        detour.target = self.address(host, port)
        return detour


class _Detour(socket.socket):
    """Connects to its target, whatever it is told."""

    target: tuple[str, int]

    def connect(self, _: Any) -> None:
        super().connect(self.target)


async def relay(control: socket.socket) -> None:
    """Until `control` ends."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    tasks: set[asyncio.Task[Any]] = set()
    writers: set[asyncio.StreamWriter] = set()

    def begin(work: Coroutine[Any, Any, Any]) -> None:
        task = loop.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def more() -> None:
        message, descriptors, _, _ = socket.recv_fds(control, 1024, 1)
        if not message:
            ended.set()
            return
        asked = json.loads(message)
        if asked is None:
            for writer in [*writers]:
                writer.close()
            control.send(b"done")
            return
        host, port = asked
        listening = socket.socket(fileno=descriptors[0])

        def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            begin(_join(reader, writer, host, port, writers))

        begin(asyncio.start_server(accepted, sock=listening))

    loop.add_reader(control, more)
    control.send(b"here")
    await ended.wait()


async def _join(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    host: str,
    port: int,
    writers: set[asyncio.StreamWriter],
) -> None:
    """Both ways, each to its end; meanwhile they stand in `writers`. A server that is not there resets the listener's connection."""
    try:
        upstream, downstream = await asyncio.open_connection(host, port)
    except OSError:
        writer.transport.abort()
        return
    writers |= {writer, downstream}
    await asyncio.gather(_pass(reader, downstream), _pass(upstream, writer))
    writers -= {writer, downstream}
    downstream.close()
    writer.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(_PIECE):
            writer.write(data)
            await writer.drain()
        if not writer.is_closing():
            writer.write_eof()
        return
    writer.transport.abort()


def main(descriptor: str) -> None:
    import uvloop

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who holds the other end hears it, and lets go
    with socket.socket(fileno=int(descriptor)) as control:
        control.setblocking(False)
        uvloop.run(relay(control))


if __name__ == "__main__":
    main(sys.argv[1])
