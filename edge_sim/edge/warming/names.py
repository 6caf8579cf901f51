"""What a path says of an object: which song, which rendition, which segment (`media.layout` spells them)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from media import layout

_SEGMENT = re.compile(r"(songs/[^/]+/[^/]+/)audio/([^/]+)/([0-9]{5,9})\.m4s", re.ASCII)
_FOLDER = re.compile(r"songs/[^/]+/[^/]+/", re.ASCII)


@dataclass(frozen=True, slots=True)
class SegmentName:
    """Segment `number`, from 1 on, of `rendition`; `folder` is that of the song's version, with its slash."""

    folder: str
    rendition: str
    number: int

    @property
    def path(self) -> str:
        return self.folder + layout.segment(self.rendition, self.number)

    @property
    def init(self) -> str:
        return self.folder + layout.init(self.rendition)


def segment_name(path: str) -> SegmentName | None:
    found = _SEGMENT.fullmatch(path)
    return SegmentName(found[1], found[2], int(found[3])) if found else None


def folder_of(path: str) -> str:
    """The folder of the song's version; empty for what lies elsewhere."""
    found = _FOLDER.match(path)
    return found[0] if found else ""
