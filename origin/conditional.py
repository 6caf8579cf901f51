"""Conditional requests: RFC 9110 §13, in the order of §13.2.2."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import formatdate, parsedate
from enum import Enum

from multidict import CIMultiDictProxy

from media.layout import IMMUTABLE
from media.ports import ObjectInfo

_ETAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\U0010ffff]*")')
# §5.6.7: IMF-fixdate and the two obsolete forms; all of them are GMT.
_DATE = re.compile(
    r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT"
    r"|[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT"
    r"|[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}",
    re.ASCII,
)


class Verdict(Enum):
    PROCEED = 200
    NOT_MODIFIED = 304
    FAILED = 412


def judge(headers: CIMultiDictProxy[str], info: ObjectInfo) -> Verdict:
    """What the preconditions of a GET or HEAD say of the object that is there."""
    modified = info.modified_ms // 1000  # HTTP knows seconds
    if if_match := _field(headers, "If-Match"):
        if not _matches(if_match, info.etag, weak=False):
            return Verdict.FAILED
    elif (since := _date(_field(headers, "If-Unmodified-Since"))) is not None and modified > since:
        return Verdict.FAILED
    if if_none_match := _field(headers, "If-None-Match"):
        if _matches(if_none_match, info.etag, weak=True):
            return Verdict.NOT_MODIFIED
    elif (since := _date(_field(headers, "If-Modified-Since"))) is not None and modified <= since:
        return Verdict.NOT_MODIFIED
    return Verdict.PROCEED


def range_stands(headers: CIMultiDictProxy[str], info: ObjectInfo) -> bool:
    """§13.1.5: whether If-Range, if any, lets the Range header count.

    A date counts only for what never changes: of anything else we cannot know that it did not change twice
    within that second, as §8.8.2.2 wants it known.
    """
    if_range = _field(headers, "If-Range")
    if not if_range:
        return True
    if if_range.startswith(('"', "W/")):
        return if_range == info.etag
    return info.cache_control == IMMUTABLE and if_range == last_modified(info)


def last_modified(info: ObjectInfo) -> str:
    return formatdate(info.modified_ms // 1000, usegmt=True)


def _field(headers: CIMultiDictProxy[str], name: str) -> str:
    """The value of a field, its lines joined (§5.3); empty when absent."""
    return ", ".join(headers.getall(name, ())).strip(" \t")


def _matches(field: str, etag: str, *, weak: bool) -> bool:
    """§8.8.3.2: the weak comparison ignores ``W/``, the strong one refuses it. Ours are strong."""
    if field == "*":
        return True
    return any(tag == etag and (weak or not is_weak) for is_weak, tag in _ETAG.findall(field))


def _date(text: str) -> int | None:
    """Unix seconds of an HTTP-date; ``None`` for anything else, which is then ignored (§13.1.3, §13.1.4)."""
    if not _DATE.fullmatch(text) or (parsed := parsedate(text)) is None:
        return None
    try:
        return int(datetime(*parsed[:6], tzinfo=UTC).timestamp())
    except ValueError:  # the 31st of February, 99 o'clock
        return None
