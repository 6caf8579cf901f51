"""Which key is for which rendition (CPIX 2.3 §5.3.13)."""

from __future__ import annotations

from uuid import UUID

import pytest

from drm.cpix import CpixKey, Document, Filter, UsageRule, audio_filter, label_filter
from media.errors import FormatError

LOW, HIGH = CpixKey(UUID(int=1), bytes(16)), CpixKey(UUID(int=2), bytes(16))


def chosen(*rules: UsageRule, label: str = "low", channels: int = 2, bitrate: int = 24_000) -> CpixKey | None:
    return Document(keys=(LOW, HIGH), rules=rules).key_for(label=label, channels=channels, bitrate=bitrate)


def test_a_single_key_without_rules_is_for_everything() -> None:
    assert Document(keys=(LOW,)).key_for(label="x", channels=1, bitrate=1) == LOW
    assert Document().key_for(label="x", channels=1, bitrate=1) is None
    with pytest.raises(FormatError, match="2 keys and no ContentKeyUsageRule"):
        chosen()


def test_filters_of_one_kind_are_alternatives_and_kinds_add_up() -> None:
    rule = UsageRule(LOW.kid, (label_filter("low"), label_filter("normal"), audio_filter(1, 2)))
    assert chosen(rule) == chosen(rule, label="normal", channels=1) == LOW
    assert chosen(rule, label="high") is None
    assert chosen(rule, channels=6) is None


@pytest.mark.parametrize(("channels", "key"), [(1, None), (2, LOW), (3, HIGH), (8, HIGH)])
def test_limits_are_inclusive(channels: int, key: CpixKey | None) -> None:
    stereo, surround = UsageRule(LOW.kid, (audio_filter(2, 2),)), UsageRule(HIGH.kid, (audio_filter(3),))
    assert chosen(stereo, surround, channels=channels) == key


def test_bitrates() -> None:
    rule = UsageRule(
        HIGH.kid, (Filter("BitrateFilter", (("minBitrate", "96000"), ("maxBitrate", "160000"))),)
    )
    assert [chosen(rule, bitrate=rate) for rate in (95_999, 96_000, 160_000, 160_001)] == [
        None,
        HIGH,
        HIGH,
        None,
    ]


def test_video_filters_are_not_for_songs_except_in_spekes_rule_for_everything() -> None:
    video = Filter("VideoFilter")
    assert (
        chosen(UsageRule(LOW.kid, (video,), "VIDEO"), UsageRule(HIGH.kid, (audio_filter(),), "AUDIO")) == HIGH
    )
    assert chosen(UsageRule(LOW.kid, (video, audio_filter()), "ALL")) == LOW


def test_rules_that_contradict_each_other_or_cannot_be_judged() -> None:
    with pytest.raises(FormatError, match="low has 2 keys"):
        chosen(UsageRule(LOW.kid, (audio_filter(),)), UsageRule(HIGH.kid, (label_filter("low"),)))
    assert chosen(UsageRule(LOW.kid, (audio_filter(),)), UsageRule(LOW.kid, (label_filter("low"),))) == LOW
    for kind in ("KeyPeriodFilter", "{urn:x}Moon"):
        with pytest.raises(FormatError, match=f"cannot judge a {kind}"):
            chosen(UsageRule(LOW.kid, (Filter(kind),)))
