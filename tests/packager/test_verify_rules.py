"""docs/verify-rules.md says what the code says, and each of our own rules has a test that needs it."""

from __future__ import annotations

import re
from pathlib import Path

from manifests.rules import hls_media, hls_multivariant, mpd
from packager.verify.verification import BOOKS

ROOT = Path(__file__).resolve().parent.parent.parent
# What cannot be read at all is found before there is anything to apply a rule to.
UNREADABLE = [
    ("PRES-1", "error", "ours", "media/presentation.py", "presentation.json is there, and is one."),
    ("HLS-1", "error", "any", "RFC 8216bis §4.1", "A playlist is UTF-8 text, and not too much of it."),
    (
        "DASH-1",
        "error",
        "any",
        "ISO/IEC 23009-1 §5.2.1",
        "An MPD is XML without a document type, and not too much of it.",
    ),
]


def rows() -> list[str]:
    """The table of docs/verify-rules.md, from the code."""
    rules = {row[0]: row for row in UNREADABLE}
    ours = [rule for book in BOOKS for rule in book.rules]
    theirs = [rule for book in (hls_media, hls_multivariant, mpd) for rule in book.rules.rules]
    for rule in (*ours, *theirs):
        holds = "any" if getattr(rule, "anywhere", True) else "ours"
        rules[rule.name] = (rule.name, rule.severity, holds, rule.clause, rule.says)
    order = ["PRES", *(book.prefix for book in BOOKS[1:]), "HLS", "DASH"]
    numbered = sorted(
        rules.values(), key=lambda row: (order.index(row[0].split("-")[0]), int(row[0].split("-")[1]))
    )
    cells = [("rule", "", "of", "stands on", "says"), ("---",) * 5, *numbered]
    return [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in cells]


def test_the_table_of_rules_is_that_of_the_code() -> None:
    text = (ROOT / "docs" / "verify-rules.md").read_text()
    assert text.rpartition("## All rules\n\n")[2].splitlines() == rows()


def test_no_number_stands_twice() -> None:
    names = [rule.name for book in BOOKS for rule in book.rules]
    assert len(set(names)) == len(names)


def test_every_rule_of_ours_is_expected_somewhere() -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_verify*.py"))
    expected = set(re.findall(r'"([A-Z]+-\d+)"', tests))
    names = {rule.name for book in BOOKS for rule in book.rules}
    assert names - expected == set()
