"""``python -m benchmarks.starts``: from the press to the first sound, in our player and in others, over the same emulated links.

    make bench-starts          # RUNS=24 PEERS=6

A real headless Chromium at the near end of a link plays the same song with our page, with the standard players and by itself, packaged by us behind `tonearm serve`
and by Shaka Packager behind nginx, in the clear and with ClearKey. *Warm* is a connection that is there and rests, *new* one that has to be opened: every connection
is closed before the press. All starts take turns, so that a busy minute hits all of them alike. Exit code 1 when a target is missed.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click

from benchmarks.starts import report
from benchmarks.starts.browser import OURS, program
from benchmarks.starts.stage import PROTECTIONS, Stage, guest, prepare, staged, warm
from demo.children import stop_on_signals
from edge_sim.links import Link, Network, missing, model
from edge_sim.links.relay import Relay
from edge_sim.player import Waterfall, play
from edge_sim.player.waterfall import nearest_rank
from media import start_bundle

VIRTUAL = "virtual player"
STANDARD = ("hls.js", "dash.js", "shaka-player HLS", "shaka-player DASH", "native")
# FACTS of docs/guides/client-developer.md: what plays what under ClearKey
ENCRYPTED = {"tonearm": STANDARD[:4], "nginx": STANDARD[1:4]}
NETWORKS = (Network(rtt_ms=50, kbits=5_000), Network(rtt_ms=20, kbits=5_000))
WARM, NEW, SECURE = "warm", "new TCP", "new TCP + TLS 1.3"
# RTT in ms, connection, percentile, most ms
TARGETS = ((50, WARM, 50, 120), (50, WARM, 99, 200), (50, SECURE, 99, 300), (20, SECURE, 99, 200))
_SETTLE_S = 0.15


@dataclass
class Cell:
    """One way to start, and what came of it: `starts` are what the page or the virtual player said, in ms."""

    network: Network
    protection: str
    server: str
    player: str
    connection: str
    runs: int
    starts: list[dict[str, Any]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def percentile(self, percent: int) -> float:
        return nearest_rank(sorted(start["total"] for start in self.starts), percent)

    def to_dict(self) -> dict[str, Any]:
        found = asdict(self) | {
            "rtt_ms": self.network.rtt_ms,
            "floor": floor_ms(self.network, self.connection),
        }
        if self.starts:
            found |= {f"p{percent}": round(self.percentile(percent), 1) for percent in (50, 95, 99)}
        return found


def floor_ms(network: Network, connection: str) -> float:
    """One exchange of the first sound's bytes, and the connection's handshakes: no player can be sooner."""
    link = float(network.rtt_ms), float(network.kbits), float(network.upwards)
    handshakes = {
        WARM: 0.0,
        NEW: model.connect_ms(*link),
        SECURE: model.connect_ms(*link, model.FULL) - model.FULL.ms,
    }
    return round(handshakes[connection] + model.exchange_ms(float(start_bundle.LARGEST), *link), 1)


def cells(network: Network, runs: int, peers: int, servers: list[str]) -> Iterator[Cell]:
    """Ours on every link, often; the others on the first one."""
    for protection in PROTECTIONS:
        for connection in (WARM, NEW, SECURE):
            for player in (OURS, VIRTUAL):
                yield Cell(network, protection, "tonearm", player, connection, runs)
        if network != NETWORKS[0]:
            continue
        for server in servers:
            players = STANDARD if protection == "none" else ENCRYPTED[server]
            for player in players:
                for connection in (WARM, SECURE):
                    yield Cell(network, protection, server, player, connection, peers)


class Browser:
    """The one at the near end."""

    def __init__(self, link: Link, origins: list[str]) -> None:
        self.process = link.near.popen(
            [sys.executable, "-m", "benchmarks.starts.browser", *origins],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()

    def tell(self, **what: Any) -> dict[str, Any]:
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the browser ended with {self.process.wait()}")
        return json.loads(line)

    def close(self) -> None:
        self.process.communicate()


@contextmanager
def browsing(link: Link, stage: Stage) -> Iterator[Browser]:
    browser = Browser(link, [root for (_, secure), root in stage.roots.items() if not secure])
    try:
        yield browser
    finally:
        browser.close()


def in_browser(cell: Cell, browser: Browser, relay: Relay, stage: Stage, token: str) -> None:
    """One start of a page that is open, with or without a connection to the server."""
    root = stage.roots[cell.server, cell.connection == SECURE]
    song = f"song-{cell.protection}"
    asked: dict[str, Any] = {
        "open": root,
        "player": cell.player,
        "song": song,
        "token": token,
        "stream": None,
        "grant": {},
    }
    if cell.server == "tonearm":
        asked["stream"] = f"{root}/v1/songs/{song}/stream"
    else:
        there = f"{root}/start/{time.monotonic_ns()}/{cell.protection}"
        asked["grant"] = {
            "manifests": {"hls": f"{there}/hls.m3u8", "dash": f"{there}/dash.mpd"},
            "license_url": f"{root}/licence" if cell.protection != "none" else "",
        }
    answer = browser.tell(**asked)
    if "failed" not in answer:
        if cell.connection == WARM:
            browser.tell(touch=True)
        else:
            time.sleep(_SETTLE_S)  # what the page asks for by itself is through
            relay.drop()
        time.sleep(_SETTLE_S + cell.network.rtt_ms / 1000)
        answer = browser.tell(press=True)
    if "failed" in answer:
        cell.failed.append(answer["failed"])
    else:
        cell.starts.append(answer)


def in_virtual_player(cell: Cell, relay: Relay, stage: Stage, manifest: str) -> None:
    """One cold start, and a warm one if that is asked for; the last counts."""
    url = f"{stage.roots['tonearm', cell.connection == SECURE]}/v1/songs/song-{cell.protection}/stream"
    runs = 2 if cell.connection == WARM else 1
    waterfalls = asyncio.run(play(url, runs=runs, manifest=manifest, make_socket=relay.socket))
    cell.starts.append(as_page(waterfalls[-1]))


def as_page(waterfall: Waterfall) -> dict[str, Any]:
    """A start of the virtual player as a page tells its own."""
    found = waterfall.to_dict()
    spans = [
        {"name": span["name"], "start": span["start_ms"], "ms": span["ms"], "bytes": span["bytes"]}
        for span in found["spans"]
    ]
    return {"total": found["total_ms"], "spans": spans}


def measured(
    network: Network, folder: Path, packager: str, runs: int, peers: int, manifest: str
) -> tuple[list[Cell], dict[str, Any]]:
    """Every cell of one link."""
    with Link(network) as link, Relay(link) as relay, staged(relay, folder, packager) as stage:
        os.environ["SSL_CERT_FILE"] = str(stage.certificate)
        tokens = {secure: guest(root) for secure, root in stage.direct.items()}
        cold_edge = {}
        for protection in PROTECTIONS:
            cell = Cell(network, protection, "tonearm", VIRTUAL, NEW, 1)
            in_virtual_player(cell, relay, stage, manifest)
            cold_edge[protection] = cell.starts[0]["total"]
        for secure in (False, True):
            warm(stage.roots["tonearm", secure], relay.socket)
        found = list(
            cells(network, runs, peers, [each for each in ("tonearm", "nginx") if each not in stage.missing])
        )
        with browsing(link, stage) as browser:
            for number in range(
                -1, runs
            ):  # the first round compiles pages and fills memories, and does not count
                for cell in found:
                    if number >= cell.runs or (number >= 0 and len(cell.failed) > 2):
                        continue
                    if cell.player == VIRTUAL:
                        in_virtual_player(cell, relay, stage, manifest)
                    else:
                        in_browser(cell, browser, relay, stage, tokens[cell.connection == SECURE])
                    if number < 0:
                        cell.starts.clear()
                click.echo(f"{network}: round {number + 1} of {runs}", err=True)
        about = {"cold_edge_ms": cold_edge, "missing": stage.missing}
    return found, about | {"link": link.to_dict()}


def verdicts(found: list[Cell]) -> list[dict[str, Any]]:
    """Every target, for our page and the virtual player, in the clear and encrypted."""
    judged = []
    for rtt_ms, connection, percent, most in TARGETS:
        for cell in found:
            if cell.player in (OURS, VIRTUAL) and (cell.network.rtt_ms, cell.connection) == (
                rtt_ms,
                connection,
            ):
                value = round(cell.percentile(percent), 1) if cell.starts else None
                judged.append(
                    {
                        "target": f"RTT {rtt_ms} ms, {connection}: p{percent} at most {most} ms",
                        "who": f"{cell.player}, {cell.protection}",
                        "measured": value,
                        "met": value is not None and value <= most,
                    }
                )
    return judged


@click.command()
@click.option(
    "--runs",
    default=24,
    show_default=True,
    type=click.IntRange(1),
    help="Starts of our players in each cell.",
)
@click.option(
    "--peers", default=6, show_default=True, type=click.IntRange(0), help="Starts of the others in each."
)
@click.option(
    "--packager", default="", help="Shaka Packager's program.  [default: what `make bench` installed]"
)
@click.option("--manifest", default="bundle", show_default=True, help="What the virtual player starts from.")
@click.option(
    "--json",
    "document",
    type=click.Path(path_type=Path),
    default=Path("build/bench/starts.json"),
    show_default=True,
)
@click.option(
    "--html", type=click.Path(path_type=Path), default=Path("build/bench/starts.html"), show_default=True
)
def main(runs: int, peers: int, packager: str, manifest: str, document: Path, html: Path) -> None:
    """How soon a song sounds."""
    stop_on_signals()
    if reason := missing():
        raise SystemExit(f"{reason}; `tonearm play --rtt` computes where it cannot emulate")
    if program() is None:
        raise SystemExit("no chromium on the PATH (TONEARM_CHROMIUM names one)")
    for needed in ("nginx", "openssl"):
        if shutil.which(needed) is None:
            raise SystemExit(f"no {needed}")
    installed = Path("build/bench/.packager")
    packager = packager or (installed.read_text().strip() if installed.exists() else "")
    found: list[Cell] = []
    about: dict[str, Any] = {"load_before": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory(prefix="tonearm-starts-") as temporary:
        prepare(Path(temporary), packager)
        for network in NETWORKS:
            some, told = measured(network, Path(temporary), packager, runs, peers, manifest)
            found += some
            about[str(network)] = told
            about["load_after"] = os.getloadavg()[0]
            judged = verdicts(found)
            made = {"about": about, "cells": [cell.to_dict() for cell in found], "verdicts": judged}
            document.parent.mkdir(parents=True, exist_ok=True)
            document.write_text(
                json.dumps(made)
            )  # what one link told is kept when the next one is not waited for
            html.write_text(report.page(made), encoding="utf-8")
    click.echo(report.markdown(made))
    sys.exit(0 if all(each["met"] for each in judged) else 1)


if __name__ == "__main__":
    main()
