"""Real music and every awkward format, all the way: a minute of encoding, and so a soak."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_publish import ROOT, publish


@pytest.mark.soak
def test_the_whole_zoo_is_legitimate_and_comes_out_exact(good_masters: Path, tmp_path: Path) -> None:
    """Real music and every awkward format: all of it publishes, and `verify` finds it in step with its master."""
    home = tmp_path / "home"
    code, outcomes, _ = publish(good_masters, "--to", tmp_path / "store", "--json", home=home)
    assert [outcome["reason"] for outcome in outcomes if outcome["reason"]] == []
    assert code == 0
    assert len(outcomes) == len(list(good_masters.iterdir()))
    rates = {Path(outcome["master"]).name: outcome["sample_rate"] for outcome in outcomes}
    assert {name for name, rate in rates.items() if rate == 48000} == {
        "ambience-8k-u8.wav",
        "defeat-96k-24bit.wav",
        "sad-5.1-48k.flac",
        "victory-mono-48k.aiff",
    }
    for outcome in outcomes:
        folder = tmp_path / "store" / "songs" / outcome["song_id"] / outcome["version"]
        verify = subprocess.run(
            [sys.executable, "-m", "cli", "--home", str(home), "verify", str(folder), "--master", outcome["master"]],
            capture_output=True, text=True, cwd=ROOT, timeout=60,
        )  # fmt: skip
        assert verify.returncode == 0, verify.stdout + verify.stderr
