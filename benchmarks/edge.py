"""``make bench-edge``: the edge beside nginx's ``proxy_cache`` and Varnish, warm before the same origin, on one core each.

    python -m benchmarks.edge --rounds 7 --seconds 2

Each server has one worker and one core, and the load the other core; rounds take turns over servers and sizes, so that what disturbs the machine disturbs
all. CPU is what the kernel charged the server's process (user + system, /proc/PID/stat) by the requests that wrk counted; then an open loop at 1,500
requests a second says how long they take. Our edge checks a token with each request; nginx and Varnish cannot, and are asked without. Needs ``wrk``,
``nginx`` and ``varnishd``.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from benchmarks.origin import (
    FOLDER,
    LATE_KB,
    SIZES_KB,
    cpu_us,
    free_port,
    latency_table,
    open_loop,
    process,
    wrk,
)
from origin.tokens import load_token_keys, sign

PLAYER_SENDS = ("User-Agent: player/1.0", "Accept: */*", "Accept-Encoding: gzip, deflate, br")
NAMES = ("nginx", "varnish", "tonearm", "tonearm, access log", "tonearm --no-fast-path")
_IDLE_US = 1000  # nginx has answered half of the requests by then on any machine that has a core to spare
# No tcp_nopush: with it, answers of 80 kB out of the cache stall.
_NGINX = """
worker_processes {workers}; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; sendfile on; keepalive_requests 1000000000; open_file_cache max=1000;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  proxy_cache_path {folder}/cache keys_zone=edge:8m max_size=256m;
  server {{
    listen 127.0.0.1:{port} reuseport;
    location / {{ proxy_pass http://127.0.0.1:{origin}; proxy_http_version 1.1; proxy_cache edge; }}
  }}
}}
"""


class Bench:
    """The servers of one run, each started with its cache warm."""

    def __init__(self, folder: Path, stack: ExitStack, server_core: int, load_core: int) -> None:
        self._folder = folder
        self._stack = stack
        self._server_core = server_core
        self._origin = free_port()
        store, home = folder / "store", folder / "home"
        (store / FOLDER).mkdir(parents=True)
        for size in SIZES_KB:
            (store / FOLDER / f"{size:05d}.m4s").write_bytes(os.urandom(size * 1000))
        self._tonearm = [*("sh", "-c", 'exec "$@" 2>/dev/null', "sh"), sys.executable, "-m", "cli"]
        self._tonearm += ["--home", str(home)]
        home.mkdir(mode=0o700)
        token = sign("songs/", keys=load_token_keys(home, None), expires_ms=1 << 47)
        self._prefix = f"t/{token}/"
        origin = ["origin", "--store", str(store), "--workers", "1", "--no-access-log"]
        stack.enter_context(
            process([*self._tonearm, *origin, "--port", str(self._origin)], self._origin, load_core)
        )

    def start(self, name: str, workers: int = 1, cores: str = "") -> tuple[str, int]:
        """Its address up to the name of an object, and the pid of the process that does the work."""
        port = free_port()
        folder = self._folder / f"{port}"
        folder.mkdir()
        folder.chmod(0o755)  # nginx's worker is another user where its master is root
        prefix = self._prefix if name.startswith("tonearm") else ""
        if name == "nginx":
            config = folder / "nginx.conf"
            config.write_text(_NGINX.format(folder=folder, port=port, origin=self._origin, workers=workers))
            command = ["nginx", "-c", str(config), "-e", str(folder / "error.log")]
        elif name == "varnish":
            command = ["varnishd", "-F", "-n", str(folder / "v"), "-a", f"127.0.0.1:{port}"]
            command += ["-b", f"127.0.0.1:{self._origin}", "-s", "malloc,256m", "-p", "thread_pools=1"]
        else:
            command = [*self._tonearm, "edge", "--origin", f"http://127.0.0.1:{self._origin}"]
            command += ["--port", str(port), "--workers", str(workers)]
            command += ["--access-log" if "access log" in name else "--no-access-log"]
            command += ["--no-fast-path"] if "no-fast-path" in name else []
        pid = self._stack.enter_context(process(command, port, cores or self._server_core))
        url = f"http://127.0.0.1:{port}/{prefix}{FOLDER}/"
        for size in SIZES_KB:
            for _ in range(40 * workers):
                with urllib.request.urlopen(f"{url}{size:05d}.m4s") as answer:
                    assert len(answer.read()) == size * 1000
        return url, pid


@click.command()
@click.option("--rounds", default=7, show_default=True, type=click.IntRange(1))
@click.option(
    "--seconds", default=2, show_default=True, type=click.IntRange(1), help="One round of one server."
)
@click.option("--rate", default=1500, show_default=True, help="Of the open loop.")
@click.option(
    "--only", multiple=True, type=click.Choice(NAMES), help="These servers beside nginx.  [default: all]"
)
@click.option(
    "--json", "to", default="build/bench/edge.json", show_default=True, type=click.Path(path_type=Path)
)
def main(rounds: int, seconds: int, rate: int, only: Sequence[str], to: Path) -> None:
    """CPU for each request, how long requests take, and what a second worker brings; exits 1 when a target is missed."""
    for program in ("nginx", "varnishd", "wrk", "taskset"):
        if shutil.which(program) is None:
            raise SystemExit(f"no {program}; on Debian: apt install nginx-light varnish wrk util-linux")
    console = Console(highlight=False)
    available = sorted(os.sched_getaffinity(0))
    server_core, load_core = available[0], available[-1]
    names = [name for name in NAMES if name == "nginx" or not only or name in only]
    spent: dict[str, dict[int, list[float]]] = {name: {size: [] for size in SIZES_KB} for name in names}
    late: dict[str, list[dict[str, int]]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory(prefix="tonearm-bench-") as temporary, ExitStack() as stack:
        folder = Path(temporary)
        folder.chmod(0o755)
        bench = Bench(folder, stack, server_core, load_core)
        running = {name: bench.start(name) for name in names}
        for _ in range(rounds):
            for size in SIZES_KB:
                for name, (url, pid) in running.items():
                    before = cpu_us(pid)
                    count = wrk(f"{url}{size:05d}.m4s", seconds, load_core, fields=PLAYER_SENDS)
                    if not count:
                        raise SystemExit(
                            f"{name}: no request of {size} KB was answered in {seconds} s; longer rounds?"
                        )
                    spent[name][size].append((cpu_us(pid) - before) / count)
        console.print(cpu_table(spent))
        for _ in range(rounds):
            for name, (url, _) in running.items():
                late[name].append(open_loop(f"{url}{LATE_KB:05d}.m4s", rate, max(4, seconds), load_core))
        console.print(latency_table(late, rate))
        many = throughput(bench, rounds, seconds, available)
    console.print(many_table(many))
    verdicts = judge(spent, late)
    for said, ratio, limit in verdicts:
        console.print(f"{said}: ×{ratio:.2f} of nginx's, at most ×{limit:.1f}: {_word(ratio, limit)}")
    if not believable(late):
        console.print("p99 of the open loop: not judged, for this machine is busy with other things")
    to.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "cpu_us": spent,
        "open_loop_us": late,
        "requests_per_second": many,
        "targets": [
            {"what": said, "ratio": round(ratio, 3), "limit": limit, "met": ratio <= limit}
            for said, ratio, limit in verdicts
        ],
    }
    to.write_text(json.dumps(document, indent=1))
    if any(ratio > limit for _, ratio, limit in verdicts):
        raise SystemExit(1)


def throughput(bench: Bench, rounds: int, seconds: int, cores: Sequence[int]) -> dict[str, list[int]]:
    """Requests of 48 kB a second with one worker and with two; servers and load share all `cores`."""
    everywhere = ",".join(map(str, cores))
    found: dict[str, list[int]] = {}
    for name in ("nginx", "tonearm"):
        urls = {count: bench.start(name, count, everywhere)[0] for count in (1, 2)}
        for _ in range(rounds):
            for count, url in urls.items():
                answered = wrk(f"{url}00048.m4s", seconds, everywhere, 32, fields=PLAYER_SENDS)
                found.setdefault(f"{name}, {count} worker{'s' * (count > 1)}", []).append(answered // seconds)
    return found


def judge(
    spent: dict[str, dict[int, list[float]]], late: dict[str, list[dict[str, int]]]
) -> list[tuple[str, float, float]]:
    """What, how often nginx's figure, and how often it may be: of CPU the least of the rounds, of p99 their median."""
    found = [
        (f"CPU at {size} KB", min(spent["tonearm"][size]) / min(spent["nginx"][size]), limit)
        for size, limit in ((12, 1.0), (160, 1.4))
        if "tonearm" in spent
    ]
    if "tonearm" in late and believable(late):
        ours, theirs = (statistics.median(one["p99"] for one in late[name]) for name in ("tonearm", "nginx"))
        found.append(("p99 of the open loop", ours / theirs, 1.0))
    return found


def believable(late: dict[str, list[dict[str, int]]]) -> bool:
    """Whether the open loop measured the servers: where half of nginx's answers are late, the generator waited for its core."""
    return statistics.median(one["p50"] for one in late["nginx"]) < _IDLE_US


def _word(ratio: float, limit: float) -> str:
    return "met" if ratio <= limit else "MISSED"


def cpu_table(spent: dict[str, dict[int, list[float]]]) -> Table:
    table = Table(title="CPU µs for each request: least / median, and both beside nginx's", box=None)
    table.add_column("server")
    for size in SIZES_KB:
        table.add_column(f"{size} KB", justify="right")
    for name, sizes in spent.items():
        cells = []
        for size, each in sizes.items():
            theirs = spent["nginx"][size]
            ratios = (
                f"×{min(each) / min(theirs):.2f} ×{statistics.median(each) / statistics.median(theirs):.2f}"
            )
            cells.append(f"{min(each):.1f} / {statistics.median(each):.1f}  {ratios}")
        table.add_row(name, *cells)
    return table


def many_table(many: dict[str, list[int]]) -> Table:
    table = Table(title="Requests of 48 KB a second, servers and load on all cores: median (most)", box=None)
    for column in ("server", "requests/s"):
        table.add_column(column, justify="left" if column == "server" else "right")
    for name, each in many.items():
        table.add_row(name, f"{statistics.median(each):.0f} ({max(each)})")
    return table


if __name__ == "__main__":
    main()
