"""The page's arithmetic, module by module, where it runs: in the browser."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser

import web
from media import start_bundle
from media.errors import FormatError
from media.serving import application, listening

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
Js = Callable[..., Coroutine[Any, Any, Any]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def js(chromium: Browser) -> AsyncIterator[Js]:
    """``await js("module", "expression over its exports", argument)``"""
    page = await chromium.new_page()
    async with listening(application("test", web.routes()), "127.0.0.1", 0) as port:
        await page.goto(f"http://127.0.0.1:{port}/player/icon.svg")

        async def run(module: str, expression: str, argument: Any = None) -> Any:
            code = f"async (x) => {{ const m = await import('/player/{module}.js'); return {expression}; }}"
            return await page.evaluate(code, argument)

        yield run
        await page.close()


SEGMENTS = [
    {"start": 0, "duration": 44032},
    {"start": 44032, "duration": 117760},
    {"start": 161792, "duration": 9},
]


@pytest.mark.parametrize(
    ("sample", "index"), [(-5, 0), (0, 0), (44031, 0), (44032, 1), (161791, 1), (161792, 2), (10**9, 2)]
)
async def test_the_segment_that_holds_a_sample(js: Js, sample: int, index: int) -> None:
    assert await js("timeline", "m.segmentAt(...x)", [SEGMENTS, sample]) == index


@pytest.mark.parametrize(
    ("ranges", "start", "end", "covered"),
    [
        ([[0, 10]], 0, 10, True),
        ([[0, 9.99999]], 5, 10, True),  # whole microseconds
        ([[0, 9.9]], 5, 10, False),
        ([[0, 4], [5, 10]], 3, 6, False),  # two ranges are not one
        ([[0, 4], [5, 10]], 5, 6, True),
        ([], 0, 1, False),
        ([[0, 0.03]], 0, 0.05, False),  # a blip may not be missed by half
    ],
)
async def test_what_is_buffered(js: Js, ranges: list[Any], start: float, end: float, covered: bool) -> None:
    assert await js("timeline", "m.covered(...x)", [ranges, start, end]) is covered


async def test_what_is_in_hand_ends_with_its_range(js: Js) -> None:
    assert await js("timeline", "m.ahead([[0, 4], [5, 10]], 3)") == 1
    assert await js("timeline", "m.ahead([[0, 4], [5, 10]], 4.5)") == 0
    assert await js("timeline", "m.ahead([[5, 10]], 4.99)") == pytest.approx(5.01)


async def test_what_was_heard_is_the_overlap(js: Js) -> None:
    assert await js("timeline", "m.heard([[0, 4], [6, 12]], 2, 10)") == 6


@pytest.mark.parametrize(
    ("ms", "text"), [(0, "0:00"), (999, "0:00"), (83_500, "1:23"), (3_600_000, "1:00:00"), (-1, "0:00")]
)
async def test_a_clock_rounds_down(js: Js, ms: int, text: str) -> None:
    assert await js("timeline", "m.clock(x)", ms) == text


MEASURE = "((t) => (x.forEach(([bytes, ms]) => t.add(bytes, ms)), t.bitsPerSecond))(new m.Throughput())"


async def test_a_steady_link_is_measured_as_it_is(js: Js) -> None:
    assert await js("abr", MEASURE, [[125_000, 1000]] * 5) == pytest.approx(1e6)


async def test_nothing_is_known_before_a_segment_or_from_an_init_segment(js: Js) -> None:
    assert await js("abr", MEASURE, []) is None
    assert await js("abr", MEASURE, [[854, 1]]) is None


async def test_the_estimate_falls_at_once_and_rises_slowly(js: Js) -> None:
    fast, slow = [1_250_000, 1000], [125_000, 1000]  # 10 Mbit/s, 1 Mbit/s
    assert await js("abr", MEASURE, [fast] * 20 + [slow] * 4) < 4e6
    assert await js("abr", MEASURE, [slow] * 20 + [fast] * 4) < 5e6


async def test_the_browsers_cache_is_no_fast_link(js: Js) -> None:
    assert await js("abr", MEASURE, [[125_000, 1000]] * 5 + [[160_000, 1]] * 3) < 3e6


LADDER = [
    {"name": name, "bandwidth": bandwidth}
    for name, bandwidth in (("normal", 98_000), ("low", 26_000), ("high", 163_000), ("very_high", 325_000))
]


@pytest.mark.parametrize(
    ("estimate", "ahead", "current", "chosen"),
    [
        (None, 0, None, "normal"),  # nothing is known: as the presentation says
        (5_000_000, 0, None, "normal"),  # a good link, but nothing in hand yet
        (5_000_000, 10, "normal", "very_high"),
        (400_000, 10, "normal", "high"),  # 70 % of 400 is less than 325
        (5_000_000, 2, "normal", "normal"),  # first some calm
        (180_000, 20, "very_high", "high"),  # the bare link carries it, and there is time
        (180_000, 1, "high", "normal"),  # no time: the safe one
        (1_000, 20, "very_high", "low"),  # the least there is
    ],
)
async def test_the_choice(
    js: Js, estimate: int | None, ahead: float, current: str | None, chosen: str
) -> None:
    situation = {"estimate": estimate, "ahead": ahead, "current": current, "start": "normal"}
    assert await js("abr", "m.choose(...x)", [LADDER, situation]) == chosen


async def test_a_presentation_without_the_usual_names_starts_at_its_lowest(js: Js) -> None:
    situation = {"estimate": None, "ahead": 0, "current": "normal", "start": "normal"}
    ladder = [{"name": "b", "bandwidth": 2}, {"name": "a", "bandwidth": 1}]
    assert await js("abr", "m.choose(...x)", [ladder, situation]) == "a"


async def test_a_waterfall_counts_from_the_press_and_ends_with_the_sound(js: Js) -> None:
    bars = await js(
        "waterfall",
        """((w) => {
            w.span("early", 90, 95);
            w.span("segment", 120, 160);
            w.span("grant", 101, 120);
            w.sounded(200);
            w.span("late", 210, 220);
            return { total: w.total, bars: w.bars() };
        })(new m.Waterfall(100, "Song"))""",
    )
    assert bars["total"] == 100
    assert [bar["name"] for bar in bars["bars"]] == ["early", "grant", "segment", "first sound"]
    assert bars["bars"][2] == {"name": "segment", "ms": 40, "offset": 0.2, "width": 0.4}
    assert bars["bars"][3] == {"name": "first sound", "ms": 40, "offset": 0.6, "width": 0.4}


async def test_peaks_are_read_as_ingest_writes_them(js: Js) -> None:
    assert await js("waveform", "m.amplitudes(x)", {"data": [-50, 40, 0, 100, -3, -1]}) == [0.5, 1, 0.03]
    assert await js("waveform", "m.amplitudes(x)", {"data": [0, 0]}) == [0]


async def test_a_waveform_keeps_its_loudest_moments_at_any_width(js: Js) -> None:
    assert await js("waveform", "m.resample([0, 1, 0, 0.5], 2)") == [1, 0.5]
    assert await js("waveform", "m.resample([0.25, 1], 4)") == [0.25, 0.25, 1, 1]


async def test_neighbours_of_one_album_are_together_and_a_namesake_is_another(js: Js) -> None:
    def song(title: str, album: str, artist: str = "A") -> dict[str, Any]:
        return {"title": title, "album": album, "album_artist": "", "artists": [artist]}

    songs = [song("one", "X"), song("two", "X"), song("loose", ""), song("other", "X", "B")]
    albums = await js(
        "library", "m.albumsOf(x).map((a) => [a.name, a.artist, a.songs.map((s) => s.title)])", songs
    )
    assert albums == [["X", "A", ["one", "two"]], ["", "A", ["loose"]], ["X", "B", ["other"]]]


async def test_the_arm_moves_inwards_and_rests_outside(js: Js) -> None:
    rest, first, middle, last = [await js("turntable", "m.armAngle(x)", share) for share in (None, 0, 0.5, 1)]
    assert rest < first < middle < last


async def test_a_kid_is_asked_for_in_base64url(js: Js) -> None:
    assert (
        await js("drm", "m.base64url(m.bytesOf('fbff0000-0000-0000-0000-0000000000fe'))")
        == "-_8AAAAAAAAAAAAAAAAA_g"
    )


def damaged(bundle: bytes, dice: random.Random) -> bytes:
    body = bytearray(bundle)
    for _ in range(dice.randrange(4)):
        body[dice.randrange(len(body))] = dice.randrange(256)
    return bytes(body[: dice.choice((len(body), dice.randrange(len(body) + 1)))])


async def test_a_bundle_is_split_as_python_splits_it_and_a_damaged_one_is_refused_by_both(js: Js) -> None:
    """The same 2,000 bundles, most of them damaged: the same words, the same media or the same refusal."""
    dice = random.Random(19)
    whole = start_bundle.write(json.dumps({"song_id": "æ", "samples": 9, "license": None}).encode(), b"media")
    bundles = [whole, start_bundle.write(b"{}", b""), *(damaged(whole, dice) for _ in range(2000))]
    bundles += [
        start_bundle.write(words, b"m") for words in (b"[]", b"null", b"", b"\xef\xbb\xbf{}", b'{"a":NaN}')
    ]
    expected: list[Any] = []
    for bundle in bundles:
        try:
            words, media = start_bundle.read(bundle)
            expected.append([words, media.hex()])
        except FormatError:
            expected.append(None)
    hex_of = "[...(bytes ?? [])].map((b) => b.toString(16).padStart(2, '0')).join('')"
    split = f"""x.map((text) => {{
        const bytes = Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
        try {{
            const {{ words, media }} = m.split(bytes.buffer);
            return [words, ((bytes) => {hex_of})(media)];
        }} catch (error) {{
            if (error.name !== "Problem") throw error;
            return null;
        }}
    }})"""
    assert await js("bundle", split, [bundle.hex() for bundle in bundles]) == expected
    assert 100 < sum(each is None for each in expected) < 1990
