"""RFC 9110 §14 against the definition, byte by byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_sim.edge.ranges import Unsatisfiable, one_range

NUMBER = st.integers(0, 30)


@given(NUMBER, st.none() | NUMBER, NUMBER)
def test_from_a_first_byte(first, last, size):
    header = f"bytes={first}-{'' if last is None else last}"
    if last is not None and last < first:
        assert one_range(header, size) is None
        return
    wanted = [i for i in range(size) if first <= i and (last is None or i <= last)]
    if not wanted:
        with pytest.raises(Unsatisfiable):
            one_range(header, size)
    else:
        assert one_range(header, size) == (wanted[0], wanted[-1] + 1)


@given(NUMBER, NUMBER)
def test_the_last_bytes(count, size):
    wanted = list(range(size))[-count:] if count else []
    if not wanted:
        with pytest.raises(Unsatisfiable):
            one_range(f"bytes=-{count}", size)
    else:
        assert one_range(f"bytes=-{count}", size) == (wanted[0], wanted[-1] + 1)


@pytest.mark.parametrize(
    "header",
    ["", "bytes=-", "bytes=a-b", "bytes=0-1,2-3", "bytes 0-1", "items=0-1", "bytes=١-٢", "bytes=0-1 x"],
)
def test_what_is_not_one_range_is_ignored(header):
    assert one_range(header, 10) is None


def test_the_unit_has_no_case_and_blanks_do_no_harm():
    assert one_range(" Bytes=1-2 ", 10) == (1, 3)
