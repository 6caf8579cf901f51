"""Readers and rules under fire: whatever the bytes, the answer is findings, soon and within bounds."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests import dash, hls
from manifests.hls_reader import MAX_SIZE
from manifests.rules import check_media, check_mpd, check_multivariant
from media.findings import Finding
from media.presentation import Presentation

Build = Callable[..., Presentation]
Check = Callable[[str | bytes, str], list[Finding]]

CHECKS: list[Check] = [check_media, check_multivariant, check_mpd]
PIECES = [
    "",
    "\n",
    "\r\n",
    '"',
    ",",
    "=",
    "$",
    "<",
    "&",
    "\x00",
    "\ufeff",
    "٣",
    "-1",
    "9" * 30,
    "1e309",
    "#EXTINF:",
    "#EXT-X-KEY:METHOD=NONE\n",
    "#EXT-X-STREAM-INF:",
    '#EXT-X-MAP:URI=""\n',
    "$Number%099d$",
    "<S/>",
    '<S d="1" r="99999"/>',
    "<Representation/>",
    "</Period><Period>",
    "<SegmentTemplate/>",
    "<![CDATA[",
    "<!--",
]

edits = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 30), st.sampled_from(PIECES) | st.text(max_size=8)), max_size=6
)


def mutated(text: str, changes: list[tuple[float, int, str]]) -> str:
    for where, removed, inserted in changes:
        at = int(where * len(text))
        text = text[:at] + inserted + text[at + removed :]
    return text


@settings(max_examples=300)
@given(st.sampled_from(["none", "cbcs", "aes-128"]), edits)
def test_mutated_playlists(build: Build, scheme: str, changes: list[tuple[float, int, str]]) -> None:
    presentation = build(scheme=scheme)
    media = mutated(hls.media(presentation, presentation.renditions[0], "hls"), changes)
    multivariant = mutated(hls.multivariant(presentation, "hls"), changes)
    for finding in [*check_media(media, "x"), *check_multivariant(multivariant, "x")]:
        assert "\n" not in str(finding)


@settings(max_examples=300)
@given(st.sampled_from(["none", "cbcs"]), edits)
def test_mutated_mpds(build: Build, scheme: str, changes: list[tuple[float, int, str]]) -> None:
    for finding in check_mpd(mutated(dash.mpd(build(scheme=scheme)), changes), "x"):
        assert "\n" not in str(finding)


@given(st.binary(max_size=400) | st.text(st.characters(), max_size=400))
def test_any_bytes_and_any_text_are_wrong_in_some_way(anything: str | bytes) -> None:
    for check in CHECKS:
        assert check(anything, "x")


TEMPLATE = '<SegmentTemplate initialization="i" media="$Number$"><SegmentTimeline>{}</SegmentTimeline></SegmentTemplate>'
REPRESENTATION = '<Representation id="{}" bandwidth="1"{}>'


def mpd_of(inner: str) -> str:
    return f'<MPD xmlns="{dash.MPD}"><Period><AdaptationSet>{inner}</AdaptationSet></Period></MPD>'


def filled(piece: str, frame: str = "{}", size: int = MAX_SIZE - 6_000) -> str:
    return frame.format(piece * (size // len(piece)))


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "bomb",
    [
        filled("#EXTM3U\n"),
        filled("a\n"),
        filled("#EXTINF:1,\na\n"),
        filled("#EXT-X-STREAM-INF:BANDWIDTH=1\na\n"),
        filled('#EXT-X-KEY:METHOD=SAMPLE-AES,URI="a"\na\n'),
        "".join(f'#EXT-X-KEY:KEYFORMAT="{number}"\na\n' for number in range(15_000)),
        filled("A=1,", "#EXT-X-MAP:{}"),
        filled("9", "#EXT-X-TARGETDURATION:{}"),
        filled("9", "#EXTINF:{}\na"),
        filled("<a>"),
        filled(" ", "<a{}>"),
        filled("x", "<a>&{};</a>"),
        mpd_of(filled("<Representation/>")),
        mpd_of(filled("<ContentProtection/>") + "<Representation/>" * 99),
        mpd_of(TEMPLATE.format('<S d="1" r="999999999999999999"/>') + REPRESENTATION.format("a", "/")),
        mpd_of(
            "".join(
                REPRESENTATION.format(number, "")
                + TEMPLATE.format('<S d="1" r="99000"/><S d="x"/>')
                + "</Representation>"
                for number in range(99)
            )
        ),
        mpd_of(TEMPLATE.format(filled('<S d="1"/>')) + REPRESENTATION.format("a", "/") * 99),
        mpd_of(
            TEMPLATE.replace("$Number$", "$RepresentationID$" * 10_000).format('<S d="1" r="99"/>')
            + REPRESENTATION.format("x" * 200_000, "/")
        ),
    ],
    ids=range(18),
)
def test_bombs_fizzle(bomb: str) -> None:
    assert len(bomb) <= MAX_SIZE
    for check in CHECKS:
        assert check(bomb, "x")


def test_nothing_is_fetched_and_no_entity_is_read(tmp_path_factory: pytest.TempPathFactory) -> None:
    secret = tmp_path_factory.mktemp("secret") / "secret.txt"
    secret.write_text("sesame")
    hostile = (
        f'<!DOCTYPE MPD [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'
        f'<MPD xmlns="{dash.MPD}" profiles="&x;"><Title>&x;</Title></MPD>'
    )
    (finding,) = check_mpd(hostile, "x")
    assert finding.rule == "DASH-1"
    assert "sesame" not in str(finding)
