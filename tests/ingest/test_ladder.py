"""The ladder: the four rungs, one rate for all, and what a file may not say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingest.ladder import DEFAULT_LADDER, MEASURE_ONLY, Ladder, Rung, load_ladder, sample_rate
from media.errors import SettingsError


def test_the_four_rungs() -> None:
    assert [(rung.name, rung.bitrate, rung.channels) for rung in DEFAULT_LADDER.rungs] == [
        ("low", 24_000, 1),
        ("normal", 96_000, 2),
        ("high", 160_000, 2),
        ("very_high", 320_000, 2),
    ]
    assert MEASURE_ONLY.rungs == ()


@pytest.mark.parametrize(
    ("master", "ladder"),
    [(rate, 48_000) for rate in (8_000, 12_000, 16_000, 24_000, 32_000, 48_000, 96_000, 192_000)]
    + [(rate, 44_100) for rate in (11_025, 22_050, 44_100, 88_200, 176_400, 37_800, 44_056)],
)
def test_the_family_decides_about_the_rate(master: int, ladder: int) -> None:
    assert sample_rate(master) == ladder


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "ladder.toml"
    path.write_text(
        '[[rung]]\nname = "a"\nbitrate = 64000\nchannels = 1\n[[rung]]\nname = "b"\nbitrate = 128000\ncoder = "fast"\n'
    )
    assert load_ladder(path) == Ladder((Rung("a", 64_000, 1, "twoloop"), Rung("b", 128_000, 2, "fast")))


def test_the_digest_tells_ladders_apart() -> None:
    same = Ladder(
        tuple(Rung(rung.name, rung.bitrate, rung.channels, rung.coder) for rung in DEFAULT_LADDER.rungs)
    )
    other = Ladder((*DEFAULT_LADDER.rungs[:-1], Rung("very_high", 320_000, coder="fast")))
    texts = [json.dumps(ladder.digest_input(), sort_keys=True) for ladder in (DEFAULT_LADDER, same, other)]
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", r"no \[\[rung\]\]"),
        ("rung = 3", r"no \[\[rung\]\]"),
        ("rung = []", r"no \[\[rung\]\]"),
        ("speed = 3\n[[rung]]\nname='a'\nbitrate=64000", "'speed' is no setting of a ladder"),
        ("[[rung]]\nname='a'", "rung 1: no bitrate"),
        ("[[rung]]\nbitrate=64000", "rung 1: no name"),
        ("[[rung]]\nname='a'\nbitrate=64000\n[[rung]]\nname='../b'\nbitrate=96000", "rung 2: name '../b'"),
        ("[[rung]]\nname=7\nbitrate=64000", "rung 1: name 7"),
        ("[[rung]]\nname='a'\nbitrate=64000\nlossless=true", "rung 1: 'lossless' is no setting"),
        ("[[rung]]\nname='a'\nbitrate='64k'", "rung 1: bitrate '64k'"),
        ("[[rung]]\nname='a'\nbitrate=true", "rung 1: bitrate True"),
        ("[[rung]]\nname='a'\nbitrate=7999\nchannels=1", "bitrate 7999 .* from 8000 to 256000"),
        ("[[rung]]\nname='a'\nbitrate=512001", "bitrate 512001 .* from 16000 to 512000"),
        ("[[rung]]\nname='a'\nbitrate=64000\nchannels=6", "channels 6"),
        ("[[rung]]\nname='a'\nbitrate=64000\ncoder='best'", "coder 'best'"),
        ("[[rung]]\nname='a'\nbitrate=64000\n[[rung]]\nname='a'\nbitrate=96000", "two rungs are named 'a'"),
        ("[[rung]]\nname='a'\nbitrate=64000\n[[rung]]\nname='b'\nbitrate=64000", "bitrates do not rise"),
        ("[[rung]\n", "line 1"),
    ],
)
def test_what_a_file_may_not_say(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "ladder.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=reason) as caught:
        load_ladder(path)
    assert "ladder.toml" in str(caught.value)


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        load_ladder(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"binary\.toml"):
        load_ladder(tmp_path / "binary.toml")
