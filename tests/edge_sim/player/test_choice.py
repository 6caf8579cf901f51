"""The first rendition, by what the starts before told of the link."""

from __future__ import annotations

import pytest

from edge_sim.abr import abr
from edge_sim.player import play
from edge_sim.player.choice import Choice
from edge_sim.player.waterfall import Span, Waterfall
from media.errors import SettingsError

MS = 1_000_000


def start(size: int, took_ms: int) -> Waterfall:
    return Waterfall("warm", (Span("manifest", 0, MS, 10), Span("segment", 0, took_ms * MS, size)), 1024, 0.5)


def choice(name: str) -> Choice:
    return Choice(abr(name), ("low", "normal", "high"), (24_000, 96_000, 160_000), 1)


@pytest.mark.parametrize("name", ["throughput", "bola"])
def test_nothing_measured_is_the_songs_own_choice_and_a_slow_link_a_leaner_one(name):
    chooser = choice(name)
    assert chooser.next() == "normal"
    chooser.started(start(9_000, 2_000))  # 36 kbit/s
    assert chooser.next() == "low"


def test_with_nothing_in_hand_throughput_does_not_climb_and_bola_takes_what_the_link_bears():
    for name, expected in (("throughput", "normal"), ("bola", "high")):
        chooser = choice(name)
        chooser.started(start(9_000, 20))
        assert chooser.next() == expected


async def test_starts_of_a_song_follow_it(stage, tone):
    stage.publish(tone)
    url = f"{stage.talk.base}/v1/songs/a-song/stream"
    starts = await play(url, runs=3, manifest="hls", abr="bola")
    assert [each.segment.split("/")[-2] for each in starts] == [tone.name, "high", "high"]


async def test_a_manifest_alone_leaves_nothing_to_choose(stage, tone):
    stage.publish(tone)
    with pytest.raises(SettingsError, match="takes a song of an API"):
        await play(stage.url("hls.m3u8"), abr="bola")
