"""What Chromium really plays, recorded on its audio thread: across every switch and after every seek, no sample is lost,
repeated or moved.

A recording is judged in blocks. Wherever the decoder has settled, a block must be what PyAV decodes from one of the renditions at
exactly that sample of the song, to three decimals or better; one sample further the signal differs by a tenth. A player that left
out or repeated a sample would be off everywhere behind it.
"""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import numpy
import numpy.typing as npt
import pytest
import pytest_asyncio

pytestmark = [pytest.mark.soak, pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

Sound = npt.NDArray[numpy.float64]
HERE = Path(__file__).parent
PLAYERS = ("hls.js", "dash.js", "shaka-player HLS", "shaka-player DASH", "our page")
# All that Chromium plays of Opus lacks its first 6.5 ms: it takes the pre-skip off once by the edit list and again by dOps.
HEAD = {"aac": 0, "opus": 312, "flac": 0}
BLOCK = 256
# Samples until a decoder that begins or changes agrees: AAC overlaps one frame, Opus converges in 80 ms, FLAC has no memory.
# A block that holds the end of it, or a bit of its beginning, counts too.
SETTLING = {"aac": 1024 + 2 * BLOCK, "opus": 3840 + 2 * BLOCK, "flac": 0}
EXACT = {"aac": 1e-3, "opus": 6e-3, "flac": 4e-5}
UNITS = {"aac": 1024, "opus": 960, "flac": 4608}
# All ordered pairs of four. Each quality is held for two segments: hls.js, when its own sums put the end of a segment a
# fraction of a microsecond behind the buffer's, fetches that segment anew in the next quality.
PAIRS_OF_4 = (0, 1, 0, 2, 0, 3, 1, 2, 1, 3, 2, 3, 0)
TENTHS = (9, 4, 0, 6, 2, 8, 1, 5, 3, 7)

RANGES = """(({ buffered: b }) => Array.from({ length: b.length }, (_, i) => [b.start(i), b.end(i)]))(
    document.querySelector('audio'))"""


@dataclass(frozen=True)
class Recording:
    """`walk` is what came out from the start on, `seeks` what came out after a seek to each of `targets`, in samples; `ranges`
    are what was buffered in the end."""

    walk: Sound
    seeks: list[Sound]
    targets: list[int]
    ranges: list[list[float]]


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=("aac", "opus", "flac"))
async def takes(
    request: pytest.FixtureRequest, chromium: Any, shelf: Any, shelf_stage: Any, harness: Callable[..., Any]
) -> tuple[str, dict[str, Recording]]:
    """A codec, and what each player made of it. They wait for their sound more than for the machine, so they play at once."""
    codec: str = request.param
    song = shelf.songs[f"{codec}-walk"]
    takes = [_record(chromium, shelf_stage, harness, player, song, codec) for player in PLAYERS]
    return codec, dict(zip(PLAYERS, await asyncio.gather(*takes), strict=True))


async def _record(
    chromium: Any, stage: Any, harness: Callable[..., Any], player: str, song: Any, codec: str
) -> Recording:
    context = await chromium.new_context()
    page = await context.new_page()
    await harness(page, stage.url)
    await page.add_script_tag(path=HERE / "pump.js")
    rate, length = song.sample_rate, song.samples / song.sample_rate
    await page.evaluate((HERE.parent / "recorder.js").read_text(), rate)
    four = len(song.renditions) == 4
    walk = {
        "starts": [each.start / rate for each in song.renditions[0].segments],
        "order": [quality for quality in (PAIRS_OF_4 if four else (0, 1, 0, 1, 0)) for _ in (1, 2)],
    }
    given = [player, await stage.grant(song.song.song_id), walk]
    complaint = await page.evaluate("(given) => start(...given)", given)
    far = length - 0.1 if four else 3
    # All of it is there before the first seek: dash.js leaves a hole where a seek broke off a request.
    await page.wait_for_function(
        f"""complaint() || document.querySelector("audio").currentTime > {far} && {RANGES}.at(-1)[1] > {length - 0.01}""",
        timeout=40_000,
    )
    marks = [await page.evaluate("recorded.now().then(() => recorded.length)")]
    targets = [round((tenth + 0.37) / 10 * song.samples) for tenth in TENTHS]
    for target in targets:
        mark = await page.evaluate(SEEK, target / rate)
        assert isinstance(mark, int), f"{player}, {codec}: stuck at {mark}"
        marks.append(mark)
    complaint = complaint or await page.evaluate("complaint()")
    assert complaint is None, f"{player}, {codec}: {complaint}"
    sound = numpy.frombuffer(b64decode(await page.evaluate("recorded.take()")), dtype="<f4").astype(float)
    ranges = await page.evaluate(RANGES)
    await context.close()
    walked, *sought = [sound[start:stop] for start, stop in pairwise([0, *marks])]
    return Recording(walked, sought, targets, ranges)


# Seeks, waits for more sound than a decoder needs to settle, and tells how much was recorded by then; or what holds it up.
SEEK = f"""async (target) => {{
  const audio = document.querySelector("audio");
  audio.currentTime = target;
  const patience = Date.now() + 15000;
  for (let from = null; from === null || recorded.heard(from) < 12288; ) {{
    if (audio.paused && !audio.ended) audio.play().catch(() => {{}});
    if (audio.ended) break;
    if (from === null && !audio.seeking) {{
      await recorded.now();
      from = recorded.length;
    }}
    if (Date.now() > patience) return JSON.stringify([target, audio.currentTime, audio.readyState, {RANGES}]);
    await new Promise((done) => setTimeout(done, 5));
  }}
  await recorded.now();
  return recorded.length;
}}"""


@pytest.mark.parametrize("player", PLAYERS)
async def test_a_switch_between_any_two_loses_no_sample(takes: Any, shelf: Any, player: str) -> None:
    codec, recordings = takes
    take, sounds, song = recordings[player], shelf.sounds[codec], shelf.songs[f"{codec}-walk"]
    heard = without_waiting(take.walk)
    begin = place(heard, sounds)
    assert begin == HEAD[codec], "the first sample that is heard"
    fitting = fits(heard, begin, sounds, codec)
    assert longest_misfit(fitting) <= SETTLING[codec]

    played = []
    for segment in song.renditions[0].segments:
        within = slice(
            (segment.start - begin) // BLOCK + 1, (segment.start + segment.duration - begin) // BLOCK
        )
        counts = {name: int(each[within].sum()) for name, each in fitting.items()}
        if any(counts.values()):
            played.append(max(counts, key=lambda name: counts[name]))
    assert {pair for pair in pairwise(played) if pair[0] != pair[1]} == set(permutations(sounds, 2))

    [[start, end]] = take.ranges
    assert (start, end) == (
        0,
        pytest.approx(song.samples / song.sample_rate, abs=UNITS[codec] / song.sample_rate),
    )


@pytest.mark.parametrize("player", PLAYERS)
async def test_a_seek_into_each_tenth_begins_there_and_loses_no_sample(
    takes: Any, shelf: Any, player: str
) -> None:
    codec, recordings = takes
    take, sounds = recordings[player], shelf.sounds[codec]
    for target, stretch in zip(take.targets, take.seeks, strict=True):
        heard = without_waiting(stretch)
        begin = place(heard, sounds)
        # What was heard before the seek comes first; what the decoder makes of its first frame may be silence.
        late = max(0, begin - target)
        heard = heard[max(0, target - begin) :]
        assert len(heard) > SETTLING[codec] + BLOCK, f"seek to {target}"
        misfit = longest_misfit(fits(heard, target + late, sounds, codec))
        assert late + misfit <= SETTLING[codec], f"seek to {target}: {late} samples late, {misfit} unlike"


def without_waiting(sound: Sound) -> Sound:
    """The sound without stretches of pure zeros: where the machine is busy a player waits, which loses nothing."""
    edges = numpy.diff(numpy.concatenate([[False], sound == 0, [False]]).astype(int))
    kept = numpy.ones(len(sound), dtype=bool)
    for start, stop in zip(numpy.flatnonzero(edges == 1), numpy.flatnonzero(edges == -1), strict=True):
        if stop - start >= 64:
            kept[start:stop] = False
    return sound[kept]


def place(heard: Sound, sounds: dict[str, Sound]) -> int:
    """Which sample of the song would be the first of `heard`, judged by a piece near its end, where nothing changes any more:
    the highest peak of the normalised cross-correlations."""
    at = max(0, len(heard) - 6144)
    piece = heard[at : at + 4096]
    best = (0.0, 0)
    for song in sounds.values():
        size = 1 << (len(song) + len(piece)).bit_length()
        product = numpy.fft.irfft(numpy.fft.rfft(song, size) * numpy.fft.rfft(piece, size).conj(), size)
        energy = numpy.cumsum(numpy.concatenate([[0], song**2]))
        energy = numpy.sqrt(numpy.maximum(energy[len(piece) :] - energy[: -len(piece)], 1e-9))
        alike = product[: len(energy)] / energy
        best = max(best, (float(alike.max()), int(alike.argmax())))
    return best[1] - at


def fits(
    heard: Sound, begin: int, sounds: dict[str, Sound], codec: str
) -> dict[str, npt.NDArray[numpy.bool_]]:
    """For each block of `heard`, which begins at sample `begin` of the song, the rendition that it is taken from, if any."""
    longest = min(len(heard), min(map(len, sounds.values())) - begin)
    shape = longest // BLOCK, BLOCK
    size = shape[0] * BLOCK
    blocks = heard[:size].reshape(shape)
    off = {
        name: numpy.abs(blocks - sound[begin : begin + size].reshape(shape)).max(axis=1)
        for name, sound in sounds.items()
    }
    least = numpy.min(list(off.values()), axis=0)
    return {name: (each == least) & (each < EXACT[codec]) for name, each in off.items()}


def longest_misfit(fitting: dict[str, npt.NDArray[numpy.bool_]]) -> int:
    """For how many samples in a row nothing fitted."""
    lost = ~numpy.any(list(fitting.values()), axis=0)
    edges = numpy.flatnonzero(numpy.diff(numpy.concatenate([[0], lost, [0]]).astype(int)))
    return int(numpy.max(edges[1::2] - edges[::2], initial=0)) * BLOCK
