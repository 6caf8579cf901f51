"""``make bench-origin``: the origin against nginx, the same files in the same run, on one core each.

    python -m benchmarks.origin --rounds 7 --seconds 2
    python -m benchmarks.origin --soak 600          # ten minutes of load, and the origin's memory

The files lie in a ``file:`` store. Each server has one core to itself and the load the other; rounds take turns, so that what disturbs the
machine disturbs all. CPU is what the kernel charged the server's process (user + system, /proc/PID/stat) by the requests that wrk counted; then
an open loop at 1,500 requests a second says how long they take. Needs ``wrk`` and ``nginx``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

SIZES_KB = (12, 48, 80, 160)
LATE_KB = 80  # of the open loop
FOLDER = "songs/bench/0123456789abcdef/audio/normal"
_TICK_US = 1_000_000 // os.sysconf("SC_CLK_TCK")
_NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  types {{ audio/mp4 m4s; }}
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; open_file_cache max=1000;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(arguments: Sequence[str], port: int, cores: int | str) -> Iterator[int]:
    """A server on its core or cores; yields the pid of the process that does the work."""
    child = subprocess.Popen(
        ["taskset", "-c", str(cores), *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        deadline = time.monotonic() + 20
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if child.poll() is not None or time.monotonic() > deadline:
                child.kill()
                raise SystemExit(f"{arguments[0]}: {(child.stderr or sys.stdin).read()!r}")
            time.sleep(0.05)
        if arguments[0] in ("nginx", "varnishd"):
            time.sleep(0.5)  # its worker comes after its port
        below = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
        yield int(below[0]) if below else child.pid
    finally:
        child.terminate()
        child.wait()


def cpu_us(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_US


def resident_kb(pid: int) -> int:
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])  # type: ignore[index]


EDGE_SENDS = ("User-Agent: tonearm-edge", "Accept-Encoding: identity", "X-Request-Id: 0123456789abcdef")


def wrk(
    url: str, seconds: int, cores: int | str, connections: int = 16, fields: Sequence[str] = EDGE_SENDS
) -> int:
    """The number of requests that were answered, asked from `cores` as taskset writes them."""
    command = [
        "taskset",
        "-c",
        str(cores),
        "wrk",
        "-t1",
        "--timeout",
        "30s",
        f"-c{connections}",
        f"-d{seconds}s",
    ]
    command += [argument for field in fields for argument in ("-H", field)]
    said = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(said)
    return int(re.search(r"(\d+) requests in", said)[1])  # type: ignore[index]


def open_loop(url: str, rate: int, seconds: int, core: int) -> dict[str, int]:
    command = ["taskset", "-c", str(core), sys.executable, "-m", "benchmarks.open_loop", url]
    command += ["--rate", str(rate), "--seconds", str(seconds)]
    found: dict[str, int] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return found


def servers(stack: ExitStack, folder: Path, core: int, names: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Name → port and pid."""
    root = folder / "store"
    found: dict[str, tuple[int, int]] = {}
    tonearm = [sys.executable, "-m", "cli", "origin", "--store", str(root), "--workers", "1"]
    extra = {
        "tonearm": ["--no-access-log"],
        "tonearm, access log": ["--access-log"],
        "tonearm --no-fast-path": ["--no-access-log", "--no-fast-path"],
    }
    for name in names:
        port = free_port()
        if name == "nginx":
            path = folder / "nginx.conf"
            path.write_text(_NGINX.format(folder=folder, port=port, root=root))
            command = ["nginx", "-c", str(path), "-e", str(folder / "error.log")]
        else:
            command = ["sh", "-c", 'exec "$@" 2>/dev/null', "sh", *tonearm, "--port", str(port), *extra[name]]
        pid = stack.enter_context(process(command, port, core))
        url = f"http://127.0.0.1:{port}/{FOLDER}/"
        for size in SIZES_KB:
            for _ in range(2):
                with urllib.request.urlopen(f"{url}{size:05d}.m4s") as answer:
                    assert len(answer.read()) == size * 1000
        found[name] = port, pid
    return found


@click.command()
@click.option("--rounds", default=7, show_default=True, type=click.IntRange(1))
@click.option(
    "--seconds", default=2, show_default=True, type=click.IntRange(1), help="One round of one server."
)
@click.option("--rate", default=1500, show_default=True, help="Of the open loop.")
@click.option("--soak", default=0, help="Load for so many seconds, and watch memory and open files instead.")
def main(rounds: int, seconds: int, rate: int, soak: int) -> None:
    """CPU for each request, and how long requests take, beside nginx."""
    for program in ("nginx", "wrk", "taskset"):
        if shutil.which(program) is None:
            raise SystemExit(f"no {program}; on Debian: apt install nginx-light wrk util-linux")
    console = Console(highlight=False)
    available = sorted(os.sched_getaffinity(0))
    server_core, load_core = available[0], available[-1]
    with tempfile.TemporaryDirectory(prefix="tonearm-bench-") as temporary, ExitStack() as stack:
        folder = Path(temporary)
        folder.chmod(0o755)  # nginx's worker is another user where its master is root
        (folder / "store" / FOLDER).mkdir(parents=True)
        for size in SIZES_KB:
            (folder / "store" / FOLDER / f"{size:05d}.m4s").write_bytes(os.urandom(size * 1000))
        if soak:
            watch(console, servers(stack, folder, server_core, ["tonearm"])["tonearm"], soak, load_core)
            return
        names = ["nginx", "tonearm", "tonearm, access log", "tonearm --no-fast-path"]
        running = servers(stack, folder, server_core, names)
        spent: dict[tuple[str, int], list[float]] = {}
        for _ in range(rounds):
            for size in SIZES_KB:
                for name, (port, pid) in running.items():
                    before = cpu_us(pid)
                    count = wrk(f"http://127.0.0.1:{port}/{FOLDER}/{size:05d}.m4s", seconds, load_core)
                    if not count:
                        raise SystemExit(f"{name}: no request of {size} KB was answered in {seconds} s")
                    spent.setdefault((name, size), []).append((cpu_us(pid) - before) / count)
        console.print(cpu_table(names, spent))
        late: dict[str, list[dict[str, int]]] = {}
        for _ in range(rounds):
            for name in names:
                url = f"http://127.0.0.1:{running[name][0]}/{FOLDER}/{LATE_KB:05d}.m4s"
                late.setdefault(name, []).append(open_loop(url, rate, max(4, seconds), load_core))
        console.print(latency_table(late, rate))


def cpu_table(names: Sequence[str], spent: dict[tuple[str, int], list[float]]) -> Table:
    table = Table(title="CPU µs for each request: least / median, and the least beside nginx's", box=None)
    table.add_column("server")
    for size in SIZES_KB:
        table.add_column(f"{size} KB", justify="right")
    for name in names:
        cells = []
        for size in SIZES_KB:
            each, least = spent[name, size], min(spent["nginx", size])
            cells.append(f"{min(each):.1f} / {statistics.median(each):.1f}  ×{min(each) / least:.2f}")
        table.add_row(name, *cells)
    return table


def latency_table(late: dict[str, list[dict[str, int]]], rate: int) -> Table:
    table = Table(
        title=f"Open loop, {rate} requests/s of {LATE_KB} KB, µs: median of the rounds (least)", box=None
    )
    for column in ("server", "p50", "p90", "p99"):
        table.add_column(column, justify="left" if column == "server" else "right")
    for name, each in late.items():
        cells = []
        for point in ("p50", "p90", "p99"):
            values = [one[point] for one in each]
            cells.append(f"{statistics.median(values):.0f} ({min(values)})")
        table.add_row(name, *cells)
    return table


def watch(console: Console, server: tuple[int, int], seconds: int, core: int) -> None:
    port, pid = server
    end, sizes = time.monotonic() + seconds, list(SIZES_KB)
    first = 0
    while time.monotonic() < end:
        count = sum(wrk(f"http://127.0.0.1:{port}/{FOLDER}/{size:05d}.m4s", 5, core, 64) for size in sizes)
        memory, files = resident_kb(pid), len(os.listdir(f"/proc/{pid}/fd"))
        first = first or memory
        console.print(
            f"{seconds - (end - time.monotonic()):5.0f} s  {memory:7d} kB  {files} files  {count} requests"
        )
    console.print(f"grown by {memory - first} kB")


if __name__ == "__main__":
    main()
