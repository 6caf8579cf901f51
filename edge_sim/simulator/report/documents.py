"""Outcomes that were written as JSON, read again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edge_sim.simulator.outcome import FORMAT
from media.errors import FormatError


def load(path: Path) -> dict[str, Any]:
    """The document that ``tonearm simulate --json`` printed. Raises `FormatError` for anything else."""
    try:
        document = json.loads(path.read_bytes())
    except ValueError as error:
        raise FormatError(f"{path}: {error}") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT or "all" not in document:
        raise FormatError(f"{path}: not an outcome of tonearm simulate --json, or of another version")
    return document
