"""The parts of warming that decide, each by itself."""

from __future__ import annotations

from collections import Counter
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_sim.edge.warming import ledger as ledger_module
from edge_sim.edge.warming.ledger import Ledger
from edge_sim.edge.warming.metrics import WarmingMetrics
from edge_sim.edge.warming.names import SegmentName, folder_of, segment_name
from edge_sim.edge.warming.neighbours import read, written
from edge_sim.edge.warming.next_song import announced
from edge_sim.edge.warming.popular import Popular
from edge_sim.edge.warming.prefetch import Prefetch
from edge_sim.edge.warming.velocity import Velocity
from media.errors import UpstreamFailed

FOLDER = "songs/a-song/0123456789abcdef/"
OTHER = "songs/b-song/fedcba9876543210/"


def segment(number: int) -> SegmentName:
    return SegmentName(FOLDER, "high", number)


def test_names():
    assert segment_name(FOLDER + "audio/high/00012.m4s") == segment(12)
    assert segment(12).path == FOLDER + "audio/high/00012.m4s"
    assert segment_name(FOLDER + "audio/high/init.mp4") is None
    assert (folder_of(FOLDER + "hls.m3u8"), folder_of("songs/a-song/current.json")) == (FOLDER, "")


class TestPrefetch:
    def test_the_next_ones(self):
        assert list(Prefetch(2).after(segment(7))) == [segment(8).path, segment(9).path]
        assert list(Prefetch(0).after(segment(7))) == []

    def test_an_end_is_run_into_once(self):
        ahead = Prefetch(3)
        for number in (11, 10, 11):  # answers come in any order
            ahead.missing(segment(number))
        assert list(ahead.after(segment(8))) == [segment(9).path]
        assert list(ahead.after(segment(9))) == []
        assert len(list(ahead.after(SegmentName(FOLDER, "low", 9)))) == 3


class TestNextSong:
    HERE = f"/t/v1.abc/{FOLDER}audio/high/00009.m4s"

    def said(self, relative: str, rest: str = "") -> list[str]:
        return list(announced(self.HERE, f'{rest}nor="{quote(relative, safe="")}"'))

    def test_the_next_object_of_this_song(self):
        assert self.said("00010.m4s", "bl=12000,") == [segment(10).path]

    @pytest.mark.parametrize("relative", ["../../../../../../v1.other/", "/t/v1.other/"])
    def test_the_start_of_another_song_with_what_it_needs(self, relative):
        assert self.said(f"{relative}{OTHER}audio/low/00001.m4s") == [
            OTHER + "audio/low/00001.m4s",
            OTHER + "audio/low/init.mp4",
            OTHER + "presentation.json",
        ]

    def test_a_list_of_version_2(self):
        assert list(announced(self.HERE, 'nor=("00010.m4s" "00011.m4s"),v=2')) == [
            segment(10).path,
            segment(11).path,
        ]

    @pytest.mark.parametrize(
        "relative",
        [
            "//evil.example/t/x/songs/a/b/c",
            "../../../../../../../etc/passwd",
            "/v1/songs",
            "/t/x/songs/.hidden/x",
            "/t/x/songs//x",
            "/t/x/songs/a b",
            "/t/x/songs/a/",
            "/t/x/songs/a/-b",
            "/t/x/songs/" + "a" * 256,
            "",
        ],
    )
    def test_what_is_no_object_of_a_song_with_us(self, relative):
        found = self.said(relative)
        assert found == [] or (relative == "" and found == [segment(9).path])

    def test_no_more_than_a_few(self):
        many = " ".join(f'"{number:05d}.m4s"' for number in range(1, 50))
        assert len(list(announced(self.HERE, f"nor=({many})"))) == 4

    def test_nothing_said(self):
        assert list(announced(self.HERE, 'br=160,sid="nor"')) == []


class TestVelocity:
    def test_a_sliding_minute(self, clock):
        clock.ms -= clock.ms % 60_000
        velocity = Velocity(clock)
        assert [velocity.stream("a") for _ in range(3)] == [1, 2, 3]
        assert velocity.stream("b") == 1
        clock.ms += 75_000  # a quarter into the next minute: three quarters of three are still seen
        assert velocity.stream("a") == 1 + 2
        clock.ms += 120_000
        assert velocity.stream("a") == 1


class TestPopular:
    @settings(deadline=None)
    @given(st.lists(st.integers(0, 40), max_size=300))
    def test_nobody_is_counted_too_low_and_nobody_frequent_is_left_out(self, streams):
        popular = Popular(8)
        for song in streams:
            popular.add(str(song))
        told, true = dict(popular.top(8)), Counter(map(str, streams))
        assert all(count >= true[song] for song, count in told.items())
        assert all(song in told for song, count in true.items() if count > len(streams) / 8)
        assert sum(told.values()) == len(streams)

    def test_what_was_popular_fades(self):
        popular = Popular()
        popular.add("a", 100)
        for _ in range(8):
            popular.fade()
        popular.add("b")
        assert popular.top(9) == [("b", 1)]

    def test_a_list_is_read_as_it_was_written(self):
        popular = Popular()
        popular.add(f"{FOLDER}audio/high", 3)
        popular.add(f"{OTHER}audio/low", 5)
        assert read(written(popular), 9) == [(OTHER, "low"), (FOLDER, "high")]
        assert read(written(popular), 1) == [(OTHER, "low")]

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"[]",
            b'{"songs": {"a": 1}}',
            b'{"songs": [{"song": "a-song", "rendition": "x"}]}',
            b'{"songs": [{"song": "../x/0123456789abcdef", "rendition": "x"}]}',
            b'{"songs": [{"song": "a-song/0123456789abcdeg", "rendition": "x"}]}',
        ],
    )
    def test_what_is_no_list(self, text):
        with pytest.raises(UpstreamFailed):
            read(text, 9)


class TestLedger:
    def test_useful_once_and_wasted_when_gone(self):
        kept = {"a", "b"}
        ledger = Ledger(kept.__contains__)
        for path in "ab":
            ledger.fetched(path, "segments")
        assert [ledger.used("a"), ledger.used("a"), ledger.used("c")] == [True, False, False]
        assert ledger.count("segments", "wasted") == 0
        kept.clear()
        ledger.sweep()
        assert [ledger.count("segments", each) for each in ("fetched", "useful", "wasted")] == [2, 1, 1]

    def test_a_scrape_looks_once_at_what_is_waiting(self):
        looked = Counter()
        ledger = Ledger(lambda path: not looked.update([path]))
        for path in "abc":
            ledger.fetched(path, "popular")
        looked.clear()
        (warmed,) = WarmingMetrics(ledger).collect()
        assert looked == Counter("abc")
        assert sum(each.value for each in warmed.samples if each.labels["outcome"] == "fetched") == 3

    def test_it_does_not_grow_for_ever(self, monkeypatch):
        monkeypatch.setattr(ledger_module, "_MOST", 10)
        ledger = Ledger(lambda path: True)
        for number in range(100):
            ledger.fetched(str(number), "popular")
        assert ledger.count("popular", "wasted") == 90
