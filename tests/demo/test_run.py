from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from io import StringIO

import pytest
from rich.console import Console
from rich.progress import Progress

from demo import children, report
from demo.record import Screen
from demo.run import free_port
from edge_sim.edge.cache import MemoryCache
from edge_sim.edge.metrics import Metrics
from edge_sim.policies.lru import Lru
from pipeline import Outcome

SLEEP = "import time; print('ready', flush=True); time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEP


def said(renderable: object) -> str:
    console = Console(file=StringIO(), width=120)
    console.print(renderable)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_a_child_ends_with_its_block() -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        children.child([sys.executable, "-c", SLEEP], stdout=subprocess.PIPE) as process,
    ):
        raise KeyboardInterrupt
    assert process.returncode == -signal.SIGTERM


def test_a_stubborn_child_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "GRACE", 0.05)
    with children.child([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_no_grandchild_survives_a_signal(number: signal.Signals) -> None:
    """The demo is stopped from outside while its server runs: the server is stopped too."""
    program = (
        "import sys\n"
        "from demo import children\n"
        "children.stop_on_signals()\n"
        f"with children.child([sys.executable, '-c', {SLEEP!r}]) as process:\n"
        "    print(process.pid, flush=True)\n"
        "    process.wait()\n"
    )
    with children.child(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as demo:
        assert demo.stdout is not None
        lines = {demo.stdout.readline().strip(), demo.stdout.readline().strip()}
        (grandchild,) = (int(line) for line in lines if line.isdigit())
        demo.send_signal(number)
        demo.wait(20)
    with pytest.raises(ProcessLookupError):
        os.kill(grandchild, 0)


def test_a_taken_port_is_left_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = listener.getsockname()[1]
        assert free_port(taken) not in (0, taken)
    assert free_port(taken) == taken


def test_the_report_reads_what_publish_prints() -> None:
    good = Outcome(
        "a/one.flac", "published", "song", "0" * 16, ("low",), 44_100 * 61, 44_100, -16.04, {}, 2.5
    )
    bad = Outcome("b/two.flac", "rejected", seconds=0.1, reason="truncated: it breaks off at 3 s")
    text = said(report.published([json.loads(outcome.to_json()) for outcome in (good, bad)]))
    assert "published  one" in text
    assert "1:01" in text
    assert "-16.0 LUFS" in text
    assert "rejected   two" in text


def test_the_hit_ratio_comes_from_the_edges_own_counters() -> None:
    metrics = Metrics(MemoryCache(1000, Lru()))
    assert "nobody asked" in said(report.cache(metrics.text().decode()))
    for kind, count in (("hit", 7), ("miss", 2), ("collapsed", 1)):
        metrics.requests.labels(kind).inc(count)
    assert "70.0% hits (1 collapsed, 7 hit, 2 miss)" in said(report.cache(metrics.text().decode()))


def test_the_verdict_names_what_fell_short() -> None:
    assert "3 songs" in said(report.verdict([], 3))
    assert "two.flac: truncated" in said(report.verdict(["two.flac: truncated"], 3))


def test_the_screen_keeps_what_a_terminal_would_show() -> None:
    """rich redraws its bars in place; afterwards only what was printed above them is left."""
    console = Console(file=StringIO(), force_terminal=True, width=60)
    assert isinstance(console.file, StringIO)
    with Progress(console=console, transient=True, auto_refresh=False) as progress:
        task = progress.add_task("two masters", total=2)
        for name in ("one", "two"):
            progress.advance(task)
            console.print(f"published {name}")
            progress.refresh()
        busy = Screen()
        busy.write(console.file.getvalue())
    screen = Screen()
    screen.write(console.file.getvalue())
    assert str(busy).splitlines()[:2] == ["published one", "published two"]
    assert str(busy).count("two masters") == 1
    assert "100%" in str(busy)
    assert str(screen).replace("\x1b[0m", "").split() == ["published", "one", "published", "two"]
