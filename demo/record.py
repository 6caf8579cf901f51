"""``python -m demo.record``: the README's pictures, docs/images/publish.svg and start.svg, from real runs.

The commands run in a pseudo-terminal of `COLUMNS` columns, as a person would run them; a small terminal of our own keeps
the screen, and rich draws it as SVG. Fonts are the reader's own: the picture asks nothing of any other server.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import termios
from codecs import getincrementaldecoder
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from demo.children import TONEARM, child
from demo.compose import masters
from demo.run import BUILD, server

COLUMNS, ROWS = 92, 40
IMAGES = Path("docs/images")
_CONTROL = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])")

# The colours of the cover: a night sky, a warm label.
NIGHT = TerminalTheme(
    (20, 19, 38),
    (226, 222, 232),
    [
        (40, 38, 66), (235, 107, 111), (126, 206, 152), (245, 190, 116),
        (116, 156, 245), (196, 136, 224), (112, 203, 212), (210, 206, 220),
    ],
    [
        (112, 108, 142), (255, 137, 138), (152, 228, 176), (255, 214, 150),
        (148, 184, 255), (216, 164, 242), (146, 226, 232), (250, 247, 252),
    ],
)  # fmt: skip


class Screen:
    """As much of a terminal as a progress display needs: lines, cursor up, erase; colours stay in the text."""

    def __init__(self) -> None:
        self.lines = [""]
        self.row = 0

    def write(self, text: str) -> None:
        at = 0
        while at < len(text):
            control = _CONTROL.match(text, at)
            if control is not None:
                at = control.end()
                count, name = control.groups()
                if name == "A":
                    self.row = max(0, self.row - int(count or 1))
                elif name == "K":
                    self.lines[self.row] = ""
                elif name == "m":
                    self.lines[self.row] += control.group()
                continue
            if text[at] == "\n":
                self.row += 1
                if self.row == len(self.lines):
                    self.lines.append("")
            elif text[at] == "\r":
                pass  # what follows a return erases the line first, or ends it
            else:
                self.lines[self.row] += text[at]
            at += 1

    def __str__(self) -> str:
        return "\n".join(self.lines).rstrip()


def screens(arguments: Sequence[str], **options: Any) -> Iterator[str]:
    """Run a program in a terminal; the screen after every piece of output. Raises when it fails."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    screen, decoder, pending = Screen(), getincrementaldecoder("utf-8")(), ""
    with child(arguments, stdin=theirs, stdout=theirs, stderr=theirs, **options) as process:
        os.close(theirs)
        while True:
            try:
                pending += decoder.decode(os.read(ours, 65536))
            except OSError:  # the other side is closed: Linux says EIO
                break
            # A control sequence may be cut in two: its first half waits for the second.
            escape = pending.rfind("\x1b")
            whole = len(pending) if escape < 0 or _CONTROL.match(pending, escape) else escape
            screen.write(pending[:whole])
            pending = pending[whole:]
            yield str(screen)
        os.close(ours)
        if process.wait() != 0:
            raise subprocess.CalledProcessError(process.returncode, arguments, str(screen))


def picture(path: Path, command: Sequence[str], screen: str) -> None:
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
    console.print(Text.assemble(("$ ", "bold bright_black"), (" ".join(command), "bold")))
    console.print(Text.from_ansi(screen))
    svg = console.export_svg(title=" ".join(command[:2]), theme=NIGHT, unique_id=path.stem)
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = svg.replace(
        "Fira Code, monospace", "ui-monospace, 'Fira Code', Menlo, Consolas, 'DejaVu Sans Mono', monospace"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(svg)


@click.command()
def main() -> None:
    """Draw docs/images/publish.svg and docs/images/start.svg."""
    stage = (BUILD / "recording").resolve()
    shutil.rmtree(stage, ignore_errors=True)
    masters(BUILD / "masters")
    shutil.copytree(BUILD / "masters", stage / "masters")
    environment = os.environ | {
        "TONEARM_HOME": str(stage / "home"),
        "TERM": "xterm-256color",
        "COLUMNS": str(COLUMNS),
        "LINES": str(ROWS),
    }

    publish = ["publish", "masters", "--to", "store"]
    seen = list(screens([TONEARM, *publish, "--jobs", "1"], cwd=stage, env=environment))
    # The moment at which all that a person sees is there: two lines are said, the third master is well on its way.
    busy = [screen for screen in seen if screen.count("published") == 2 and screen.count("%") == 2]
    picture(IMAGES / "publish.svg", ["tonearm", *publish], busy[len(busy) // 2])

    serve = [TONEARM, "--home", str(stage / "home"), "serve", "--store", str(stage / "store")]
    with server(serve, 8080) as (address, _):
        play = ["play", address, "--rtt", "50ms", "--rate", "5mbit"]
        *_, screen = screens([TONEARM, *play], env=environment)
        picture(IMAGES / "start.svg", ["tonearm", *play], screen)


if __name__ == "__main__":
    main()
