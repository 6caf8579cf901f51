"""``python -m benchmarks.links``: the model of links beside emulated ones, cell by cell. Needs root and ``openssl``.

    make bench-links           # RUNS=5

For each round trip, rate and size, the same bytes are asked for on a new TCP connection, with TLS 1.3, with TLS 1.3 resumed, on a connection that has just carried
them, and on one that has rested since. The fastest of the runs, which other work
on this machine disturbed least, stands beside what the model computes. Exit code 1 when a cell differs by more than 10 %.
"""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import click

from edge_sim.links import Link, Network, missing, model

RTTS_MS = (10, 20, 50, 100)
RATES_KBITS = (1_000, 5_000, 20_000, 100_000)
SIZES = (3_000, 12_000, 48_000, 160_000)
KINDS = ("new TCP", "new TLS", "resumed TLS", "warm", "rested")
LIMIT = 0.10
_REQUEST = 250  # bytes, as a player's
_RTO = 8  # struct tcp_info: tcpi_rto, in µs, after eight bytes of flags
_CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_CONTEXT.check_hostname, _CONTEXT.verify_mode = False, ssl.CERT_NONE


class Cell(NamedTuple):
    """One place on the grid, and what was found there, in ms."""

    rtt_ms: int
    kbits: int
    size: int
    kind: str
    measured: float
    modelled: float

    @property
    def error(self) -> float:
        return self.modelled / self.measured - 1


@dataclass(frozen=True, slots=True)
class Server:
    """Where the bytes are."""

    address: str
    plain: int
    secure: int


def modelled_ms(rtt_ms: int, kbits: int, size: int, kind: str) -> float:
    """From the first packet of the connection, or of the request on one that is open, to the last byte."""
    link = (float(rtt_ms), float(kbits), float(kbits))
    if kind == "warm":
        return model.exchange_ms(float(size), *link, request=_REQUEST, window=model.grown(size))
    if kind == "rested":
        return model.exchange_ms(float(size), *link, request=_REQUEST)
    tls = {"new TCP": None, "new TLS": model.FULL, "resumed TLS": model.RESUMED}[kind]
    return model.connect_ms(*link, tls) + model.first_exchange_ms(float(size), *link, tls, request=_REQUEST)


@contextmanager
def served(link: Link, folder: Path) -> Iterator[Server]:
    """Our little server of so many bytes, at the far end of the link."""
    certificate(folder)
    with link.far.listen() as plain, link.far.listen() as secure:
        descriptors = plain.fileno(), secure.fileno()
        command = [sys.executable, "-m", "benchmarks.links", "--serve", *map(str, descriptors), str(folder)]
        process = link.far.popen(command, pass_fds=descriptors)
        try:
            yield Server(link.far.address, plain.getsockname()[1], secure.getsockname()[1])
        finally:
            process.terminate()
            process.wait()


def certificate(folder: Path) -> None:
    """One that nobody trusts, for a day."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += [
        "-days",
        "1",
        "-subj",
        "/CN=tonearm.example",
        "-addext",
        "subjectAltName=IP:198.18.0.2",
        "-keyout",
        f"{folder}/key.pem",
        "-out",
        f"{folder}/certificate.pem",
    ]
    subprocess.run(command, check=True, capture_output=True)


def measured_ms(link: Link, server: Server, size: int, kind: str, kept: dict[str, ssl.SSLSession]) -> float:
    """One run of one cell."""
    secure = kind.endswith("TLS")
    connection = link.near.tcp()
    begin = time.perf_counter()
    connection.connect((server.address, server.secure if secure else server.plain))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if secure:
        connection = _CONTEXT.wrap_socket(
            connection, session=kept.get("session") if kind == "resumed TLS" else None
        )
        assert connection.session_reused == (kind == "resumed TLS")
    with connection:
        if kind in ("warm", "rested"):
            _ask(connection, size)
            if kind == "rested":
                rto = int.from_bytes(_ask(connection, 0), "big") / 1e6
                time.sleep(5 * rto)
            begin = time.perf_counter()
        _ask(connection, size)
        took = (time.perf_counter() - begin) * 1000
        if isinstance(connection, ssl.SSLSocket) and connection.session is not None:
            kept["session"] = connection.session
    return took


def _ask(connection: socket.socket, size: int) -> bytes:
    """So many bytes; of nothing, the eight that say how long the server's TCP waits for an acknowledgement."""
    connection.sendall(struct.pack(">Q", size).ljust(_REQUEST, b" "))
    answer = bytearray()
    while len(answer) < (size or 8):
        part = connection.recv(1 << 20)
        if not part:
            raise SystemExit(f"the server left after {len(answer)} of {size} bytes")
        answer += part
    return bytes(answer)


def serve(plain: int, secure: int, folder: Path) -> None:
    """Until we are ended."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")

    def answer(connection: socket.socket, wrapped: bool) -> None:
        with suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with context.wrap_socket(connection, server_side=True) if wrapped else connection as open_one:
                while (
                    len(request := open_one.recv(_REQUEST, socket.MSG_WAITALL if not wrapped else 0))
                    == _REQUEST
                ):
                    (size,) = struct.unpack_from(">Q", request)
                    information = open_one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
                    rto = struct.unpack_from("I", information, _RTO)[0].to_bytes(8, "big")
                    open_one.sendall(bytes(size) if size else rto)

    def accept(descriptor: int, wrapped: bool) -> None:
        with socket.socket(fileno=descriptor) as listening:
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=answer, args=(connection, wrapped), daemon=True).start()

    threading.Thread(target=accept, args=(secure, True), daemon=True).start()
    accept(plain, False)


def grid(
    rtts: Sequence[int] = RTTS_MS,
    rates: Sequence[int] = RATES_KBITS,
    sizes: Sequence[int] = SIZES,
    kinds: Sequence[str] = KINDS,
    runs: int = 5,
) -> Iterator[Cell]:
    """Every cell, measured on a link of its own round trip and rate."""
    with tempfile.TemporaryDirectory(prefix="tonearm-links-") as temporary:
        for rtt_ms in rtts:
            for kbits in rates:
                with Link(Network(rtt_ms, kbits)) as link, served(link, Path(temporary)) as server:
                    kept: dict[str, ssl.SSLSession] = {}
                    measured_ms(link, server, 3000, "new TLS", kept)
                    for size in sizes:
                        for kind in kinds:
                            times = [measured_ms(link, server, size, kind, kept) for _ in range(runs)]
                            measured = min(times)
                            yield Cell(
                                rtt_ms, kbits, size, kind, measured, modelled_ms(rtt_ms, kbits, size, kind)
                            )


@click.command()
@click.option("--runs", default=5, show_default=True, type=click.IntRange(1), help="Of each cell.")
@click.option("--rtt-ms", "rtts", multiple=True, type=int, help="Only these.")
@click.option("--kbits", "rates", multiple=True, type=int, help="Only these.")
@click.option("--json", "report", type=click.Path(path_type=Path), help="Write every cell there.")
@click.option("--serve", "serving", nargs=3, hidden=True)
def main(
    runs: int,
    rtts: tuple[int, ...],
    rates: tuple[int, ...],
    report: Path | None,
    serving: tuple[str, str, str] | None,
) -> None:
    """The model beside emulated links."""
    if serving:
        serve(int(serving[0]), int(serving[1]), Path(serving[2]))
    if reason := missing():
        raise SystemExit(reason)
    if shutil.which("openssl") is None:
        raise SystemExit("no openssl to make a certificate with")
    if report is not None:
        report.parent.mkdir(parents=True, exist_ok=True)
    cells = []
    click.echo("| RTT ms | Mbit/s | KB |" + "".join(f" {kind} |" for kind in KINDS))
    click.echo("| --- | --- | --- |" + " --- |" * len(KINDS))
    for cell in grid(rtts or RTTS_MS, rates or RATES_KBITS, runs=runs):
        cells.append(cell)
        if cell.kind == KINDS[-1]:
            row = cells[-len(KINDS) :]
            words = "".join(f" {each.measured:.0f} ({each.error:+.0%}) |" for each in row)
            click.echo(f"| {cell.rtt_ms} | {cell.kbits // 1000} | {cell.size // 1000} |{words}")
    if report is not None:
        report.write_text(json.dumps([each._asdict() | {"error": round(each.error, 4)} for each in cells]))
    outside = [each for each in cells if abs(each.error) > LIMIT]
    within = len(cells) - len(outside)
    worst = max(cells, key=lambda each: abs(each.error))
    click.echo(f"\n{within} of {len(cells)} within {LIMIT:.0%}; the worst is {worst}")
    sys.exit(1 if outside else 0)


if __name__ == "__main__":
    main()
