"""What players say of themselves: read where it is sound, bounded, logged, counted, and without influence on any answer."""

from __future__ import annotations

import logging
import random
from typing import Any
from urllib.parse import quote

import pytest

from origin.cmcd import KEYS, read, static

SEGMENT = "/songs/abc/1111111111111111/audio/normal/00001.m4s"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("bs", {"bs": True}),
        ("bs=?0,su=?1", {"bs": False, "su": True}),
        (
            'br=160,bs,cid="faec5fc2",d=4004,ot=a,sf=h',
            {"br": 160, "bs": True, "cid": "faec5fc2", "d": 4004, "ot": "a", "sf": "h"},
        ),
        ("pr=1.08, rtp=15000 ,v=1", {"pr": 1.08, "rtp": 15000, "v": 1}),
        (r'sid="a\"b\\c,d=e"', {"sid": r'a"b\c,d=e'}),
        ("br=(160;a 3200;v),sta=p,v=2,ltc=-5", {"br": "(160;a 3200;v)", "sta": "p", "v": 2, "ltc": -5}),
        ("com.example-mine=1,br=24", {"br": 24}),
        ("unknown=5", {}),
        ("br=160,br=320", {"br": 320}),
        ('sid="open', None),
        ("br=", None),
        ("br=1.2345", None),
        ("br=1e5", None),
        ("=5", None),
        ("BR=5", None),
        ("br=5;x", None),
        ('sid="' + "x" * 200 + '"', None),
        (",".join(f"k{number}" for number in range(33)), None),
        ("x" * 3000, None),
        ("sid=\x00", None),
    ],
)
def test_dictionaries(text: str, expected: dict[str, object] | None) -> None:
    assert read(text) == expected


def test_nothing_that_is_sent_raises_or_takes_for_ever() -> None:
    rng = random.Random(1)
    pieces = ['"', "\\", ",", "=", "(", ")", " ", "br", "sid", "1", "?1", ".", ";", "é", "x" * 50]
    for _ in range(5000):
        found = read("".join(rng.choices(pieces, k=rng.randrange(60))))
        assert found is None or found.keys() <= KEYS
    for hard in ('sid="' + "\\" * 2000, "br=(" + " " * 2000, "a" * 2048, ("br=1" + " " * 500) * 4):
        read(hard)  # a pattern that backtracks would need hours, and the test run would stop it


@pytest.mark.parametrize("by_query", [False, True])
async def test_what_a_player_says_is_logged_and_counted(
    origin: Any, caplog: pytest.LogCaptureFixture, by_query: bool
) -> None:
    caplog.set_level(logging.INFO, "tonearm.access")
    _, plain, body = await origin.ask(SEGMENT)
    if by_query:
        said = quote('bl=100,bs,br=160,ot=a,sid="6e2f",su,v=2', safe="")
        answer = await origin.ask(f"{SEGMENT}?CMCD={said}")
    else:
        answer = await origin.ask(
            SEGMENT,
            CMCD_Request="bl=100,su",
            CMCD_Status="bs",
            CMCD_Object="br=160,ot=a",
            CMCD_Session='sid="6e2f",v=2',
        )
    assert (answer[0], answer[2], answer[1]["ETag"]) == (200, body, plain["ETag"])
    assert "CMCD" not in answer[1].get("Vary", "")
    records = [record.cmcd for record in caplog.records if hasattr(record, "cmcd")]
    assert records == [{"bl": 100, "bs": True, "br": 160, "ot": "a", "sid": "6e2f", "su": True, "v": 2}]
    counted = [
        await origin.counted(f"cmcd_{name}_total") for name in ("requests", "starved", "startup", "broken")
    ]
    assert counted == [1, 1, 1, 0]


async def test_nonsense_changes_nothing(origin: Any) -> None:
    for number, headers in enumerate(({"CMCD_Object": "br=,"}, {"CMCD_Session": 'sid="' + "x" * 500})):
        status, _, body = await origin.ask(SEGMENT, **headers)
        assert (status, len(body)) == (200, 1 << 20)
        assert await origin.counted("cmcd_broken_total") == number + 1
    assert (await origin.ask(f"{SEGMENT}?CMCD=" + "&a" * 50))[0] == 200


async def test_answers_say_what_they_are(origin: Any) -> None:
    _, headers, _ = await origin.ask(SEGMENT)
    assert headers["CMSD-Static"] == 'n="tonearm",ot=a,st=v'
    assert headers["CMSD-Dynamic"].startswith('"tonearm-origin";rd=')
    assert [
        static(path).split(",")[1]
        for path in ("a/hls.m3u8", "dash.mpd", "a/init.mp4", "track.mp4", "public/cover.jpg")
    ] == [*["ot=m", "ot=m", "ot=i", "ot=a", "ot=o"]]
