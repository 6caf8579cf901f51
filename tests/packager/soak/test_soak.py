"""Broken bytes by the million: nothing but a clear error or a true reading, at once and in little memory.

Each child runs under the caps of `limits`, and says which number failed and on which bytes. ``make soak`` starts these alone; ``make
test`` does without.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import media.boxes

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


def test_every_box_is_broken(seeds: Path) -> None:
    classes = (getattr(media.boxes, name) for name in media.boxes.__all__)
    known = {kind.TYPE for kind in classes if getattr(kind, "TYPE", b"")}
    assert known <= {path.read_bytes()[4:8] for path in seeds.glob("*.box")}


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("what", "count", "least"),
    [
        ("boxes", 1_000_000, 50_000),
        ("tracks", 10_000, 500),
        ("inputs", 30_000, 500),
        ("manifests", 20_000, 500),
    ],
)
def test_soak(seeds: Path, what: str, count: int, least: int) -> None:
    done = subprocess.run(
        [sys.executable, str(HERE / f"broken_{what}.py"), str(seeds), "0", str(count)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    # Enough went through that what is read is written again, and enough did not.
    assert least < int(done.stdout) < count - least
