"""Numbered rules over a parsed manifest, and the findings they make.

A rule is a function from the document to its violations, each a line number and what is wrong there. Its docstring says
the rule; the decorator gives it a number that never changes and the clause it stands on.

    rules = RuleBook[Playlist]("HLS", "RFC 8216bis")

    @rules.rule(11, "4.4.3.1")
    def no_segment_exceeds_the_target_duration(playlist):
        \"""EXTINF, rounded to the nearest integer, is at most EXT-X-TARGETDURATION.\"""
        …
            yield line, "EXTINF 4.7 is longer than the target duration of 4"
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

from media.errors import ManifestError
from media.findings import Finding, Severity

Document = TypeVar("Document")
MOST = 20  # findings of one rule in one document: who breaks it everywhere is not told everywhere
Violations = Iterator[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Rule(Generic[Document]):
    name: str
    clause: str
    severity: Severity
    says: str
    violations: Callable[[Document], Violations]


class RuleBook(Generic[Document]):
    """The rules of one kind of document, in the order of their numbers."""

    def __init__(self, prefix: str, standard: str, *others: RuleBook[Document]) -> None:
        """`others` are books whose rules hold here as well."""
        self._prefix = prefix
        self._standard = standard
        self.rules: list[Rule[Document]] = [rule for book in others for rule in book.rules]

    def rule(
        self, number: int, clause: str, severity: Severity = "error"
    ) -> Callable[[Callable[[Document], Violations]], Callable[[Document], Violations]]:
        """Add a rule. `clause` is one of the book's standard, or names another."""

        def add(violations: Callable[[Document], Violations]) -> Callable[[Document], Violations]:
            place = f"{self._standard} §{clause}" if clause[0].isdigit() else clause
            says = one_line(violations.__doc__ or "")
            self.rules.append(Rule(f"{self._prefix}-{number}", place, severity, says, violations))
            return violations

        return add

    def check(self, document: Document, place: str) -> list[Finding]:
        """The violations of every rule, the first so many of each. `place` names the document, a path or a URL."""
        return [
            Finding(rule.name, rule.severity, f"{place} line {line}", f"{one_line(text)} ({rule.clause})")
            for rule in self.rules
            for line, text in islice(rule.violations(document), MOST)
        ]

    def unreadable(self, error: ManifestError, place: str) -> list[Finding]:
        """Rule 1 of every book: it can be read at all."""
        return [Finding(f"{self._prefix}-1", "error", place, f"{one_line(str(error))} ({self._standard})")]


def one_line(text: str) -> str:
    return " ".join(text.split())
