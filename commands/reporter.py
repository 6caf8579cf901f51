"""What `tonearm publish` says while it works: bars on a terminal, nothing in a pipe, JSON lines when asked; and the journal."""

from __future__ import annotations

import json
import logging
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.context import Context
from media.private import private_folder
from media.text import one_line

if TYPE_CHECKING:
    from rich.progress import Progress

    from pipeline import Outcome


class Reporter:
    """What people and machines see: bars on a terminal, a line a master otherwise, JSON lines when asked."""

    def __init__(self, context: Context, as_json: bool, files: list[Path]) -> None:
        self.console = context.console
        self.as_json = as_json
        self.journal = context.home / "journal" / "publish.jsonl"
        private_folder(self.journal.parent)
        # A person gets one line; whoever mends a bug finds its traceback here.
        logger = logging.getLogger("tonearm")
        logger.handlers, logger.propagate = (
            [logging.FileHandler(self.journal.with_name("errors.log"), delay=True)],
            False,
        )
        self.journal_failed = False
        self.progress: Progress | None = None
        self.done, self.total = 0, len(files)
        self.width = min(40, max(len(path.name) for path in files))
        self.started = time.monotonic()
        if self.console.is_terminal:
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            self.progress = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=30),
                TextColumn("{task.percentage:>3.0f}%"),
                TimeElapsedColumn(),
                console=self.console,
                transient=True,
            )
            self.overall = self.progress.add_task(self.count(), total=self.total)

    def count(self) -> str:
        return f"{self.done} of {self.total} master{'' if self.total == 1 else 's'}"

    def live(self) -> AbstractContextManager[object]:
        return self.progress if self.progress is not None else nullcontext()

    def begin(self, path: Path) -> int | None:
        return None if self.progress is None else self.progress.add_task(one_line(path.name)[:40], total=None)

    def advance(self, task: int | None, done: int, total: int | None) -> None:
        if self.progress is not None and task is not None:
            self.progress.update(task, completed=done, total=total)  # type: ignore[arg-type]

    def end(self, task: int | None, outcome: Outcome) -> None:
        self.write_down(outcome)
        if self.progress is not None and task is not None:
            self.progress.remove_task(task)  # type: ignore[arg-type]
            self.done += 1
            self.progress.update(self.overall, completed=self.done, description=self.count())
        if self.as_json:
            click.echo(outcome.to_json())
        elif self.progress is not None or not outcome.good:
            # One line an outcome, however long: whoever greps a log wants the whole of it.
            self.console.print(line(outcome, self.width), soft_wrap=True)

    def write_down(self, outcome: Outcome) -> None:
        """A line in the journal. A disk that is full costs the journal, not the run; it is said once."""
        when = json.dumps({"time": int(time.time() * 1000)})
        try:
            with self.journal.open("a") as journal:
                journal.write(f"{when[:-1]}, {outcome.to_json()[1:]}\n")
        except OSError as error:
            if not self.journal_failed:
                said = f"{self.journal}: {error.strerror}; the journal is not complete"
                self.console.print(one_line(said), style="yellow", markup=False, soft_wrap=True)
            self.journal_failed = True

    def close(self, outcomes: list[Outcome]) -> None:
        if self.as_json or (self.progress is None and all(outcome.good for outcome in outcomes)):
            return
        counts = {name: sum(outcome.status == name for outcome in outcomes) for name in STYLES}
        said = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        self.console.print(f"{said} in {time.monotonic() - self.started:.1f} s")


STYLES = {"published": "green", "unchanged": "cyan", "planned": "cyan", "rejected": "yellow", "failed": "red"}


def line(outcome: Outcome, width: int) -> object:
    """One outcome for people: by its file's name when it is good, by its whole path when somebody must look at it."""
    from rich.text import Text

    from ingest.files import shown

    path = shown(Path(outcome.master))
    text = Text.assemble((f"{outcome.status:<10}", STYLES[outcome.status]))
    if outcome.good:
        assert outcome.samples is not None
        assert outcome.sample_rate is not None
        minutes, seconds = divmod(outcome.samples // outcome.sample_rate, 60)
        loudness = "" if outcome.loudness_lufs is None else f"  {outcome.loudness_lufs:.1f} LUFS"
        text.append(f"{Path(path).name:<{width}}")
        text.append(f"  {minutes}:{seconds:02d}{loudness}  {outcome.song_id}/{outcome.version}", "dim")
    else:
        text.append(f"{path}  {outcome.reason.replace(f'{path}: ', '', 1)}")
    return text
