"""RFC 9110 §14 as a function: header and size in, ranges out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from origin.ranges import MOST, Multipart, Span, wanted


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", [(0, 1)]),
        ("bytes=0-99", [(0, 100)]),
        ("bytes=0-", [(0, 100)]),
        ("bytes=90-1000", [(90, 100)]),
        ("bytes=99-99", [(99, 100)]),
        ("bytes=-1", [(99, 100)]),
        ("bytes=-100", [(0, 100)]),
        ("bytes=-101", [(0, 100)]),
        ("BYTES=5-6", [(5, 7)]),
        ("bytes=0-9,20-29", [(0, 10), (20, 30)]),
        ("bytes=20-29, 0-9", [(20, 30), (0, 10)]),
        ("bytes= 0-9 ,\t, 20-29,", [(0, 10), (20, 30)]),
        ("bytes=0-9,5-14", [(0, 15)]),
        ("bytes=0-9,10-14", [(0, 15)]),
        ("bytes=50-59,0-9,5-14", [(0, 15), (50, 60)]),
        ("bytes=0-,0-,0-", [(0, 100)]),
        ("bytes=0-9,200-300", [(0, 10)]),
    ],
)
def test_ranges_to_send(header: str, expected: list[tuple[int, int]]) -> None:
    assert wanted(header, 100) == tuple(Span(*span) for span in expected)


@pytest.mark.parametrize(
    "header", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=100-,200-", "bytes=-0,-0"]
)
def test_ranges_that_cannot_be_satisfied(header: str) -> None:
    assert wanted(header, 100) == ()


@pytest.mark.parametrize(
    "header",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=-",
        "bytes=a-b",
        "bytes=1",
        "bytes=9-5",
        "bytes=0-9,9-5",
        "bytes=0-9;20-29",
        "bytes=+1-2",
        "bytes=1--2",
        "bytes=0x1-0x2",
        "bytes=١-٢",
        "bytes 0-9/100",
        " bytes=0-9",
        "items=0-9",
        "bytes=0-" + "9" * 5000,
        "bytes=" + ",".join(["0-0"] * (MOST + 1)),
        "bytes=" + "," * 5000,
    ],
)
def test_headers_that_are_ignored(header: str) -> None:
    assert wanted(header, 100) is None


def test_an_empty_object_has_no_ranges() -> None:
    assert wanted("bytes=0-", 0) is wanted("bytes=-5", 0) is None


specs = st.one_of(
    st.tuples(st.integers(0, 120), st.integers(0, 120)).map(lambda pair: (min(pair), max(pair))),
    st.integers(0, 120).map(lambda first: (first, None)),
    st.integers(0, 120).map(lambda suffix: (None, suffix)),
)


@given(st.lists(specs, min_size=1, max_size=MOST), st.integers(1, 110))
def test_exactly_the_bytes_that_were_asked_for_and_each_once(
    asked: list[tuple[int | None, int | None]], size: int
) -> None:
    header = "bytes=" + ",".join(
        f"{'' if first is None else first}-{'' if last is None else last}" for first, last in asked
    )
    expected: set[int] = set()
    for first, last in asked:
        if first is None:
            assert last is not None
            expected |= set(range(max(0, size - last), size))
        else:
            expected |= set(range(first, size if last is None else min(size, last + 1)))
    spans = wanted(header, size)
    assert spans is not None
    got = [at for span in spans for at in range(span.start, span.stop)]
    assert sorted(got) == sorted(expected)


def test_a_multipart_frame() -> None:
    spans = (Span(0, 3), Span(90, 100))
    frame = Multipart(spans, size=100, media_type="audio/mp4", etag='"x"')
    boundary = frame.content_type.removeprefix("multipart/byteranges; boundary=")
    heads = [head for head, _ in frame.parts()]
    assert heads[0].decode() == (
        f"--{boundary}\r\nContent-Type: audio/mp4\r\nContent-Range: bytes 0-2/100\r\n\r\n"
    )
    assert heads[1].startswith(f"\r\n--{boundary}\r\n".encode())
    assert frame.end == f"\r\n--{boundary}--\r\n".encode()
    assert frame.length == sum(map(len, heads)) + 13 + len(frame.end)
    assert Multipart(spans, size=100, media_type="audio/mp4", etag='"y"').content_type != frame.content_type
