"""What an inspection found, in one shape for every kind of file: a title, what it amounts to, and parts within parts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from packager.inspect.values import Field


@dataclass(slots=True)
class Part:
    """A box, a variant, a segment. `offset` and `size` in bytes, ``None`` where it has no place of its own.

    `folded` parts stand for others: `parts` of them, whole in JSON and one line for people.
    """

    name: str
    fields: list[Field] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    offset: int | None = None
    size: int | None = None
    error: str = ""
    folded: bool = False

    def to_dict(self, depth: int | None) -> dict[str, Any]:
        document: dict[str, Any] = {"type": self.name}
        document |= {
            key: value for key, value in (("offset", self.offset), ("size", self.size)) if value is not None
        }
        document["fields"] = {each.name: each.value for each in self.fields}
        if self.error:
            document["error"] = self.error
        if self.parts and depth != 0:
            document["children"] = _dicts(self.parts, depth)
        return document


@dataclass(slots=True)
class Report:
    """`kind` says what the file is, in words; `error` what is wrong with it, in one line, or nothing."""

    name: str
    size: int
    kind: str
    fields: list[Field]
    parts: list[Part]
    error: str = ""

    def to_dict(self, depth: int | None) -> dict[str, Any]:
        """For machines; `depth` levels of parts, ``None`` for all."""
        return {
            "file": self.name,
            "size": self.size,
            "kind": self.kind,
            "summary": {each.name: each.value for each in self.fields},
            "children": _dicts(self.parts, depth) if depth != 0 else [],
            "error": self.error or None,
        }


def _dicts(parts: Iterable[Part], depth: int | None) -> list[dict[str, Any]]:
    """The parts as documents, those that were folded in their places."""
    documents: list[dict[str, Any]] = []
    for part in parts:
        if part.folded:
            documents += _dicts(part.parts, depth)
        else:
            documents.append(part.to_dict(None if depth is None else depth - 1))
    return documents
