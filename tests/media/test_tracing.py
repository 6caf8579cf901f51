"""`traceparent`: followed when it is sound, carried on, ignored otherwise (W3C Trace Context §3.2)."""

from __future__ import annotations

import pytest

from media.tracing import follow

ID, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def test_a_trace_is_carried_on_with_a_span_of_our_own() -> None:
    trace = follow(f"00-{ID}-{PARENT}-01")
    assert trace is not None
    assert (trace.trace_id, trace.flags) == (ID, "01")
    assert trace.span_id != PARENT
    again = follow(trace.traceparent())
    assert again is not None
    assert again.trace_id == ID


@pytest.mark.parametrize(
    "header",
    [
        "",
        f"00-{ID}-{PARENT}",
        f"00-{ID}-{PARENT}-01-more",
        f"ff-{ID}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{ID}-{'0' * 16}-01",
        f"00-{ID.upper()}-{PARENT}-01",
        f"00-{ID}-{PARENT}-01\n",
        f" 00-{ID}-{PARENT}-01",
        f"0-{ID}-{PARENT}-01",
    ],
)
def test_what_is_ignored(header: str) -> None:
    assert follow(header) is None


def test_a_later_version_is_followed_as_far_as_it_is_understood() -> None:
    trace = follow(f"01-{ID}-{PARENT}-0b-more-to-come")
    assert trace is not None
    assert trace.traceparent().startswith(f"00-{ID}-")
    assert trace.flags == "01"
