"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
import signal
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
