"""Real links where this machine has them."""

from __future__ import annotations

import pytest

from edge_sim.links import missing


@pytest.fixture(scope="session")
def links() -> None:
    if reason := missing():
        pytest.skip(reason)
