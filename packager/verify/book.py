"""Numbered rules over the evidence of one presentation.

    cmaf = Book("CMAF")

    @cmaf.rule(4, "ISO/IEC 23000-19 §7.5.13")
    def the_edit_list_shows_the_song(evidence):
        \"""The edit list starts behind the priming and lasts as long as the song.\"""
        …
            yield "audio/low/init.mp4", "it starts at 0, the priming is 1024"

The docstring says the rule; docs/verify-rules.md repeats it, and a test compares the two. A number never changes its meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from media.errors import BoxError
from media.findings import Finding, Severity
from packager.verify.evidence import Evidence

Violations = Iterator[tuple[str, str]]  # the place and what is wrong there
Check = Callable[[Evidence], Violations]


@dataclass(frozen=True, slots=True)
class Rule:
    """`anywhere` says that it needs no presentation.json: it holds for other packagers' presentations as well."""

    name: str
    clause: str
    severity: Severity
    says: str
    violations: Check
    anywhere: bool


@dataclass(frozen=True, slots=True)
class Book:
    prefix: str
    anywhere: bool = False  # of its rules that do not say otherwise
    rules: list[Rule] = field(default_factory=list)

    def rule(
        self, number: int, clause: str, severity: Severity = "error", *, anywhere: bool | None = None
    ) -> Callable[[Check], Check]:
        """Add a rule; `clause` names the standard or the promise of ours that it stands on."""

        def add(check: Check) -> Check:
            says = " ".join((check.__doc__ or "").split())
            everybody = self.anywhere if anywhere is None else anywhere
            self.rules.append(Rule(f"{self.prefix}-{number}", clause, severity, says, check, everybody))
            return check

        return add

    def check(self, evidence: Evidence) -> list[Finding]:
        return [
            Finding(rule.name, rule.severity, place, f"{text} ({rule.clause})")
            for rule in self.rules
            if rule.anywhere or evidence.ours
            for place, text in _violations(rule, evidence)
        ]


def _violations(rule: Rule, evidence: Evidence) -> Violations:
    """What the rule finds; a box that it needs and that is not there is a violation, too."""
    try:
        yield from rule.violations(evidence)
    except BoxError as error:
        yield error.path, error.reason
