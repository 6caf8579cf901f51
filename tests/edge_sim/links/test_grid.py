"""The model beside real connections over emulated links: a part of the grid that `make bench-links` shows whole."""

from __future__ import annotations

import shutil

import pytest

from benchmarks.links import LIMIT, grid

pytestmark = [pytest.mark.soak, pytest.mark.usefixtures("links"), pytest.mark.timeout(300)]


@pytest.mark.parametrize(("rtt_ms", "kbits"), [(20, 20_000), (50, 5_000), (100, 1_000)])
def test_they_agree_within_a_tenth(rtt_ms: int, kbits: int) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    cells = list(grid([rtt_ms], [kbits], runs=5))
    assert len(cells) == 20
    assert [cell for cell in cells if abs(cell.error) > LIMIT] == []
