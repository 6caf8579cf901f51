"""The run as it goes, on a terminal."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.live import Live as Display
from rich.table import Table

from edge_sim.crowd.report.words import percent
from edge_sim.crowd.settings import Settings
from edge_sim.crowd.world import World
from edge_sim.player.waterfall import nearest_rank

if TYPE_CHECKING:
    from rich.console import Console

_RECENT = 500


class Live:
    """Shown on `console` while the block lasts; `show` is called with the world."""

    def __init__(self, settings: Settings, console: Console) -> None:
        self._settings = settings
        self._display = Display(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._display.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._display.__exit__(kind, error, trace)

    def show(self, world: World) -> None:
        notes = world.notes
        recent = sorted(start.total_ns for start in notes.starts[-_RECENT:])
        table = Table.grid(padding=(0, 3))
        table.add_row("time", f"{world.ms() // 1000} of {self._settings.seconds} s")
        table.add_row("listeners", f"{notes.listening.total()} now, {notes.counts['sessions']} so far")
        if recent:
            p50, p95 = (nearest_rank(recent, part) / 1e6 for part in (50, 95))
            table.add_row(
                "starts",
                f"{len(notes.starts)}; of the last {len(recent)}: p50 {p50:.0f} ms, p95 {p95:.0f} ms",
            )
        asked = notes.tiers.total()
        hits = sum(n for (_, _, tier), n in notes.tiers.items() if tier in ("memory", "disk"))
        table.add_row("edge", f"{percent(hits / asked)} of {asked} answered" if asked else "–")
        table.add_row("stalls", f"{notes.stalls.total()}; {notes.broken.total()} songs broke off")
        table.add_row(
            "errors", ", ".join(f"{n} × {kind}" for kind, n in notes.errors.most_common(4)) or "none"
        )
        self._display.update(table, refresh=True)
