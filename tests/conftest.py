"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure() -> None:
    """A script's background job inherits an ignored SIGINT, and so would every program that the tests start and stop."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A soak takes minutes: it is for those who ask for it by its name, whatever else they select by."""
    if "soak" not in config.option.markexpr:
        left_out = [item for item in items if item.get_closest_marker("soak")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("soak")]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real music and data beside the checkout, or a skip with the reason."""
    folder = Path(os.environ.get("TONEARM_SHARED", ROOT.parent / "shared"))
    if not (folder / "masters").is_dir():
        pytest.skip(f"no shared masters at {folder} (set TONEARM_SHARED)")
    return folder


@pytest.fixture(scope="session")
def good_masters(shared: Path) -> Path:
    return shared / "masters" / "good"


@pytest.fixture(scope="session")
def bad_masters(shared: Path) -> Path:
    return shared / "masters" / "bad"


@pytest.fixture(autouse=True)
def _private_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test ever touches a person's own TONEARM_HOME, nor is steered by their environment."""
    for name in [name for name in os.environ if name.startswith("TONEARM_") and name not in KEPT]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TONEARM_HOME", str(tmp_path / "tonearm-home"))


KEPT = {"TONEARM_SHARED", "TONEARM_REQUIRE_BROWSER", "TONEARM_CHROMIUM"}


@pytest.fixture
def edge_server() -> Iterator[Callable[[str, Path], None]]:
    """``start(kind, configuration)``: nginx or Varnish with exactly that file, until the test ends; a skip where there is none.

    Both want the folder of the file for their own, and answer ``/healthz`` when they are up.
    """
    with ExitStack() as stack:
        yield lambda kind, configuration: stack.enter_context(_running(kind, configuration))


@contextmanager
def _running(kind: str, configuration: Path) -> Iterator[None]:
    text, folder = configuration.read_text(), configuration.parent
    command: list[str] = []
    if kind == "nginx":
        main = f"daemon off; pid {folder}/nginx.pid;" + (" user root;" if os.geteuid() == 0 else "")
        command = ["nginx", "-c", str(configuration), "-g", main]
        address = re.search(r"listen (\S+);", text)
    else:
        started = re.search(r"^# (varnishd .+)$", text, re.MULTILINE)
        assert started
        command = [*started[1].split(), str(configuration), "-F", "-j", "none", "-n", str(folder / "varnish")]
        address = re.search(r"-a (\S+) ", started[1])
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))
    program = shutil.which(command[0], path=path)
    if program is None:
        pytest.skip(f"no {command[0]}: apt-get install {'nginx-light' if kind == 'nginx' else kind}")
    assert address
    output = folder / "output"
    with output.open("wb") as log:
        process = subprocess.Popen([program, *command[1:]], stdout=log, stderr=log, cwd=folder)
    try:
        deadline = time.monotonic() + 30
        while True:
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            with suppress(OSError), urllib.request.urlopen(f"http://{address[1]}/healthz", timeout=5):
                break
            time.sleep(0.02)  # another process: there is nothing to await
        yield
    finally:
        process.terminate()
        process.wait(20)
