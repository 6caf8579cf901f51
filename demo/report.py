"""The demo's report: what machines said, for people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

STYLES = {"published": "green", "unchanged": "cyan", "rejected": "yellow", "failed": "red"}


def published(outcomes: Sequence[dict[str, Any]]) -> RenderableType:
    """A line a master, from the objects that ``tonearm publish --json`` prints."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name, justify in (
        ("", "left"),
        ("master", "left"),
        ("length", "right"),
        ("loudness", "right"),
        ("took", "right"),
    ):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for outcome in outcomes:
        status, name = outcome["status"], Path(outcome["master"]).stem
        length, loudness = "", ""
        if outcome["samples"]:
            minutes, seconds = divmod(outcome["samples"] // outcome["sample_rate"], 60)
            length = f"{minutes}:{seconds:02d}"
        if outcome["loudness_lufs"] is not None:
            loudness = f"{outcome['loudness_lufs']:.1f} LUFS"
        table.add_row(
            Text(status, STYLES[status]), Text(name), length, loudness, f"{outcome['seconds']:.1f} s"
        )
    return table


def cache(exposition: str) -> RenderableType:
    """The edge's hit ratio, from its ``/metrics``."""
    counts: dict[str, float] = {}
    for family in text_string_to_metric_families(exposition):
        if family.name == "tonearm_edge_requests":
            for sample in family.samples:
                if sample.name.endswith("_total"):
                    counts[sample.labels["cache"]] = sample.value
    total = sum(counts.values())
    if not total:
        return Text("edge cache: nobody asked", "dim")
    said = ", ".join(f"{int(count)} {name}" for name, count in sorted(counts.items()) if count)
    return Text.assemble(
        "edge cache: ", (f"{counts.get('hit', 0) / total:.1%}", "bold"), " hits ", (f"({said})", "dim")
    )


def verdict(shortfalls: Sequence[str], songs: int) -> RenderableType:
    if not shortfalls:
        return Text(f"✓ {songs} songs published, verified and quick to start", "bold green")
    text = Text("✗ fell short", "bold red")
    for shortfall in shortfalls:
        text.append(f"\n  {shortfall}", "red")
    return text
