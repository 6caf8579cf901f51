"""One process for each core, all listening on one port (SO_REUSEPORT), and a parent that looks after them.

    run_workers(4, "127.0.0.1", 8081, work, ready=announce)

    def work(worker: Worker) -> None: ...     # in the child: serve until SIGTERM

The kernel spreads connections over the workers. A worker that dies is started anew, at most once a second; SIGTERM and SIGINT are passed on to all. When
the parent dies, its workers see the end of a pipe and go too.
"""

from __future__ import annotations

import errno
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from media.errors import SettingsError, TonearmError
from media.serving import error_log

_HEARD = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGCHLD})
_AGAIN_S = 1.0  # a worker that lived shorter waits this long: what cannot live shall not burn a core dying


@dataclass(frozen=True, slots=True)
class Worker:
    """What a worker is told: its number from 0, where to listen, and the pipe whose end means that the parent is gone."""

    number: int
    port: int
    lifeline: int
    _ready: int

    def ready(self, port: int) -> None:
        """Say that it listens."""
        os.write(self._ready, b"1")


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


def file_limit() -> int:
    """How many files and connections this process can have open once it has asked for as many as it may."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def raise_file_limit() -> None:
    """Ask for as many as we may: the usual limit of 1024 is for programs that use select(2)."""
    hard = file_limit()
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def run_workers(
    count: int,
    host: str,
    port: int,
    work: Callable[[Worker], None],
    *,
    ready: Callable[[int], None],
    restarted: Callable[[], None],
) -> None:
    """Returns when all workers have ended after a signal. `ready` hears the port once all listen, `restarted` each death.

    Raises `SettingsError`: the port is taken, or a worker cannot start. Call it before there are threads or an event loop.
    """
    held = _hold(host, port)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
    try:
        _Parent(count, held, before, work, ready, restarted).run()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        held.close()


class _Parent:
    def __init__(
        self,
        count: int,
        held: socket.socket,
        mask: set[int],
        work: Callable[[Worker], None],
        ready: Callable[[int], None],
        restarted: Callable[[], None],
    ) -> None:
        self._port: int = held.getsockname()[1]
        self._mask = mask
        self._work = work
        self._tell = ready
        self._restarted = restarted
        self._lifeline, self._kept = os.pipe()
        self._heard, self._ready = os.pipe()
        os.set_blocking(self._heard, False)
        self._count = count
        self._alive: dict[int, tuple[int, float]] = {}  # pid → number, when it was started
        self._due: dict[int, float] = dict.fromkeys(range(count), 0.0)  # number → when to start it
        self._stopping = False
        self._listening = 0

    def run(self) -> None:
        try:
            while self._alive or (self._due and not self._stopping):
                now = time.monotonic()
                if not self._stopping:
                    for number in [number for number, due in self._due.items() if due <= now]:
                        del self._due[number]
                        self._start(number)
                self._hear()
                wait = (
                    0.02 if self._listening < self._count else min(self._due.values(), default=now + 60) - now
                )
                found = signal.sigtimedwait(_HEARD, max(0.0, wait))
                if found is not None and found.si_signo != signal.SIGCHLD:
                    self._stop()
                self._reap()
        finally:
            for descriptor in (self._lifeline, self._kept, self._heard, self._ready):
                os.close(descriptor)

    def _start(self, number: int) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            self._child(number)
        self._alive[pid] = number, time.monotonic()

    def _child(self, number: int) -> NoReturn:
        code = 1
        try:
            os.close(self._kept)
            for each in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
                signal.signal(each, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
            self._work(Worker(number, self._port, self._lifeline, self._ready))
            code = 0
        except TonearmError as error:
            error_log.error("worker %d: %s", number, error)
            code = error.exit_code
        except BaseException:
            error_log.exception("worker %d", number)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _hear(self) -> None:
        if self._listening < self._count:
            try:
                self._listening += len(os.read(self._heard, 64))
            except BlockingIOError:
                return
            if self._listening >= self._count and not self._stopping:
                self._tell(self._port)

    def _stop(self) -> None:
        self._stopping = True
        for pid in self._alive:
            os.kill(pid, signal.SIGTERM)

    def _reap(self) -> None:
        for pid in list(self._alive):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended:
                continue
            number, since = self._alive.pop(pid)
            if self._stopping:
                continue
            if (
                self._listening < self._count
            ):  # it never listened: there is something wrong with what it was told
                self._stop()
                self._fail(number, status)
            error_log.error("worker %d died (%s); it is started anew", number, _said(status))
            self._restarted()
            self._due[number] = max(time.monotonic(), since + _AGAIN_S)

    def _fail(self, number: int, status: int) -> None:
        for pid in list(self._alive):
            os.waitpid(pid, 0)
        self._alive.clear()
        raise SettingsError(f"worker {number} could not start ({_said(status)})")


def _said(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _hold(host: str, port: int) -> socket.socket:
    """A socket that keeps the port for the workers, and finds a free one for 0; it never listens."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        held = socket.socket(family, kind, protocol)
    except OSError as error:
        raise SettingsError(f"cannot listen on {host}:{port}: {error.strerror or error}") from None
    try:
        with socket.socket(family, kind, protocol) as probe:
            # Shared ports let a second server in unnoticed, and half of the requests would reach another store.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(address)
    except OSError as error:
        held.close()
        reason = os.strerror(error.errno or errno.EINVAL).lower()
        raise SettingsError(f"cannot listen on {host}:{port}: {reason}") from None
    return held
