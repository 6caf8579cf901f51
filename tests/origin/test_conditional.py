"""RFC 9110 §13 as a function: the request's conditions and an object in, a verdict out."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from media.layout import IMMUTABLE, MUTABLE
from media.ports import ObjectInfo
from origin.conditional import Verdict, judge, last_modified, range_stands

AT = "Sun, 06 Nov 1994 08:49:37 GMT"  # the standard's own example
BEFORE = "Sun, 06 Nov 1994 08:49:36 GMT"
AFTER = "Sun, 06 Nov 1994 08:49:38 GMT"
INFO = ObjectInfo("key", 100, '"v1"', "audio/mp4", IMMUTABLE, 784_111_777_999)
OK, NOT_MODIFIED, FAILED = Verdict.PROCEED, Verdict.NOT_MODIFIED, Verdict.FAILED


def headers(*fields: str) -> CIMultiDictProxy[str]:
    pairs = [field.split(": ", 1) for field in fields]
    return CIMultiDictProxy(CIMultiDict((name, value) for name, value in pairs))


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ([], OK),
        # If-Match: strong comparison
        (['If-Match: "v1"'], OK),
        (["If-Match: *"], OK),
        (['If-Match: "v0", "v1"'], OK),
        (['If-Match: "v0"', 'If-Match: "v1"'], OK),
        (['If-Match: "v0"'], FAILED),
        (['If-Match: W/"v1"'], FAILED),
        (["If-Match: v1"], FAILED),
        (['If-Match: "a,\\"v1"'], FAILED),
        # If-Unmodified-Since: only without If-Match
        ([f"If-Unmodified-Since: {AT}"], OK),
        ([f"If-Unmodified-Since: {AFTER}"], OK),
        ([f"If-Unmodified-Since: {BEFORE}"], FAILED),
        (['If-Match: "v1"', f"If-Unmodified-Since: {BEFORE}"], OK),
        (["If-Unmodified-Since: yesterday"], OK),
        # If-None-Match: weak comparison
        (['If-None-Match: "v1"'], NOT_MODIFIED),
        (['If-None-Match: W/"v1"'], NOT_MODIFIED),
        (["If-None-Match: *"], NOT_MODIFIED),
        (['If-None-Match: "v0",W/"v1"'], NOT_MODIFIED),
        (['If-None-Match: "v0"'], OK),
        (["If-None-Match: v1"], OK),
        (['If-None-Match: "v0,v1"'], OK),
        # If-Modified-Since: only without If-None-Match
        ([f"If-Modified-Since: {AT}"], NOT_MODIFIED),
        ([f"If-Modified-Since: {AFTER}"], NOT_MODIFIED),
        ([f"If-Modified-Since: {BEFORE}"], OK),
        (['If-None-Match: "v0"', f"If-Modified-Since: {AT}"], OK),
        (['If-None-Match: "v1"', f"If-Modified-Since: {BEFORE}"], NOT_MODIFIED),
        # the two obsolete forms of a date, and what is none
        (["If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT"], NOT_MODIFIED),
        (["If-Modified-Since: Sun Nov  6 08:49:37 1994"], NOT_MODIFIED),
        (["If-Modified-Since: Sun, 06 Nov 1994 08:49:37 +0000"], OK),
        (["If-Modified-Since: 2094-11-06T08:49:37Z"], OK),
        (["If-Modified-Since: Sun, 99 Xyz 2094 99:99:99 GMT"], OK),
        (["If-Modified-Since: Thu, 31 Feb 2094 08:49:37 GMT"], OK),
        (["If-Modified-Since: Tue, 02 Feb 2094 99:49:37 GMT"], OK),
        ([f"If-Modified-Since: {AT}", f"If-Modified-Since: {AT}"], OK),
        # the order: 412 comes before 304
        (['If-Match: "v0"', 'If-None-Match: "v1"'], FAILED),
        ([f"If-Unmodified-Since: {BEFORE}", f"If-Modified-Since: {AFTER}"], FAILED),
        (['If-Match: "v1"', 'If-None-Match: "v1"'], NOT_MODIFIED),
    ],
)
def test_preconditions(fields: list[str], verdict: Verdict) -> None:
    assert judge(headers(*fields), INFO) is verdict


@pytest.mark.parametrize(
    ("value", "stands"),
    [
        ('"v1"', True),
        ('"v0"', False),
        ('W/"v1"', False),
        (AT, True),
        (AFTER, False),
        (BEFORE, False),
        ("v1", False),
    ],
)
def test_if_range(value: str, stands: bool) -> None:
    assert range_stands(headers(f"If-Range: {value}"), INFO) is stands


def test_if_range_by_date_needs_an_object_that_never_changes() -> None:
    pointer = ObjectInfo("key", 100, '"v1"', "application/json", MUTABLE, INFO.modified_ms)
    assert not range_stands(headers(f"If-Range: {AT}"), pointer)
    assert range_stands(headers('If-Range: "v1"'), pointer)
    assert range_stands(headers(), pointer)


def test_last_modified_is_an_http_date() -> None:
    assert last_modified(INFO) == AT
