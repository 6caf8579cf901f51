"""Traces: what is written is read again, others read what we write, and what is no trace is said in one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import pytest

from edge_sim.simulator import formats
from edge_sim.simulator.formats.objects import named
from edge_sim.simulator.formats.oracle_general import RECORD
from edge_sim.simulator.requests import BUNDLE, Requests, joined
from media.errors import FormatError, SettingsError

START_MS = 1_800_000_000_000
ENDINGS = [".oracleGeneral", ".oracleGeneral.bin", ".csv", ".log", ".jsonl"]


def some(count: int = 1000) -> Requests:
    random = numpy.random.default_rng(5)
    keys = random.integers(0, 2**63, 50).astype(numpy.uint64)[random.integers(0, 50, count)]
    return Requests.of(START_MS + numpy.arange(count) * 317, keys, (keys % 90_000).astype(numpy.int64) + 1)


def read(path: Path) -> Requests:
    return joined(list(formats.read(path)))


@pytest.mark.parametrize("ending", ENDINGS)
def test_written_and_read_again(ending, tmp_path):
    path, whole = tmp_path / f"trace{ending}", some()
    if "oracle" in ending:
        whole = Requests.of(whole.times - START_MS, whole.keys, whole.sizes)  # 32 bits of seconds
    formats.write(path, [whole.take(numpy.arange(0, 300)), whole.take(numpy.arange(300, 1000))])
    again = read(path)
    exact = ending in (".csv", ".jsonl")
    assert again.times.tolist() == (whole.times if exact else whole.times // 1000 * 1000).tolist()
    assert again.keys.tolist() == whole.keys.tolist()
    assert again.sizes.tolist() == whole.sizes.tolist()


def test_oracle_general_looks_ahead(tmp_path, monkeypatch):
    monkeypatch.setattr("edge_sim.simulator.formats.oracle_general.BATCH", 3)
    path = tmp_path / "t.oracleGeneral"
    formats.write(path, [Requests.of([0] * 8, [1, 2, 1, 3, 2, 2, 4, 1], [1] * 8)])
    assert numpy.fromfile(path, RECORD)["next"].tolist() == [2, 4, 7, -1, 5, -1, -1, -1]


def test_libcachesim_reads_what_we_write(tmp_path):
    libcachesim = pytest.importorskip("libcachesim", reason="libcachesim is not installed: make dev")
    path, whole = tmp_path / "t.oracleGeneral", some()
    whole = Requests.of(whole.times - START_MS, whole.keys, whole.sizes)
    formats.write(path, [whole])
    reader = libcachesim.TraceReader(str(path), libcachesim.TraceType.ORACLE_GENERAL_TRACE)
    told = [(each.clock_time, each.obj_id, each.obj_size) for each in reader]
    expected = zip((whole.times // 1000).tolist(), whole.keys.tolist(), whole.sizes.tolist(), strict=True)
    assert told == list(expected)


def test_columns_of_other_people_s_csv(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("time,obj_id,obj_size,ttl\n1.5,7,100,0\n\n2,songs/a,200,0\n")
    found = read(path)
    assert (found.times.tolist(), found.sizes.tolist()) == ([1500, 2000], [100, 200])
    assert found.keys.tolist() == [7, named("songs/a")]


COMBINED = """\
192.0.2.1 - - [28/Nov/2026:10:08:15 +0100] "GET /t/abc.def/songs/s/v/audio/low/00001.m4s?CMCD=br HTTP/1.1" 200 12000 "-" "x \\"y\\""
192.0.2.1 - a b [28/Nov/2026:10:08:16 +0100] "GET /t/other/songs/s/v/audio/low/00001.m4s HTTP/1.1" 206 10 "-" "-"
192.0.2.1 - - [28/Nov/2026:10:08:17 +0100] "GET /songs/s/v/public/cover.jpg HTTP/2.0" 304 0 "-" "-"
192.0.2.1 - - [28/Nov/2026:10:08:18 +0100] "HEAD /songs/s/v/public/cover.jpg HTTP/1.1" 200 0 "-" "-"
192.0.2.1 - - [28/Nov/2026:10:08:19 +0100] "GET /nothing HTTP/1.1" 404 90 "-" "-"
192.0.2.1 - - [28/Nov/2026:10:08:20 +0100] "\\x16\\x03" 400 150 "-" "-"
"""


def test_nginx_combined_without_tokens_and_queries(tmp_path):
    path = tmp_path / "access.log"
    path.write_text(COMBINED)
    found = read(path)
    segment, cover = named("/songs/s/v/audio/low/00001.m4s"), named("/songs/s/v/public/cover.jpg")
    assert found.keys.tolist() == [segment, segment, cover]
    assert found.sizes.tolist() == [12000, 12000, 0]  # a part of an object is as large as the whole
    assert found.times.tolist() == [1_795_856_895_000 + at * 1000 for at in range(3)]


def test_json_lines_of_nginx_and_of_ours_name_the_same_object(tmp_path):
    path = tmp_path / "access.jsonl"
    lines = [
        {
            "time": "2026-11-28T10:08:15+01:00",
            "method": "GET",
            "path": "songs/s/v/x.m4s",
            "status": 200,
            "bytes": 9,
        },
        {
            "time": 1,
            "logger": "tonearm.access",
            "method": "GET",
            "path": "/t/…/songs/s/v/x.m4s",
            "status": 200,
            "bytes": 9,
        },
        {"time": 2, "logger": "tonearm.error", "message": "origin: no answer"},
        {"time": 3, "logger": "tonearm.access", "status": 400, "remote": "192.0.2.1"},
    ]
    path.write_text("\n".join(map(json.dumps, lines)) + "\n")
    found = read(path)
    assert found.times.tolist() == [1, 1_795_856_895_000]
    assert found.keys.tolist() == [named("/songs/s/v/x.m4s")] * 2


def test_a_region_is_what_an_edge_calls_itself_last(tmp_path):
    path = tmp_path / "access.jsonl"
    caches = [
        "tonearm-shield; hit, tonearm-eu-west; fwd=uri-miss; stored",
        "tonearm-edge; hit",
        "tonearm-us-east; hit; detail=disk",
        "tonearm-origin; hit",
        "ExampleCache; hit",
    ]
    lines = [
        {"time": at, "method": "GET", "path": "/songs/x", "status": 200, "bytes": 9, "cache": cache}
        for at, cache in enumerate(caches)
    ]
    path.write_text("\n".join(map(json.dumps, lines)) + "\n")
    found = read(path)
    assert [found.names[each] for each in found.regions] == ["eu-west", "trace", "us-east", "trace", "trace"]


def test_what_goes_to_the_api_is_no_object_but_a_bundle_is_a_start(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(
        "time,key,size,region\n1,/t/x/songs/a/v/audio/low/00001.m4s?a=b,9,eu\n2,/v1/songs/a/start,10000,us\n3,7,1,\n"
    )
    found = read(path)
    assert found.streams.tolist() == [0, BUNDLE, -1]
    assert [found.names[each] for each in found.regions] == ["eu", "us", "trace"]
    path = tmp_path / "t.log"
    line = '192.0.2.1 - - [28/Nov/2026:10:08:15 +0000] "GET {} HTTP/1.1" 200 12000 "-" "-"\n'
    targets = ["/v1/songs", "/v1/songs/a/start?mtp=1", "/healthz", "/t/x/keys/1", "/songs/a/00001.m4s"]
    path.write_text("".join(map(line.format, targets)))
    assert read(path).streams.tolist() == [BUNDLE, 0]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("t.oracleGeneral", bytes(30), "record 1: the file ends in it"),
        ("t.csv", b"when,what\n", "line 1: no column for the time: time_ms or time"),
        ("t.csv", b"", "line 1: no column for the time"),
        ("t.csv", b"time_ms,key,size\n1,2\n", "line 2: no request: '1,2'"),
        ("t.csv", b"time,key,size\nnan,2,3\n", "line 2: no request"),
        ("t.log", b"GET / HTTP/1.1\n", "line 1: not in nginx's format combined"),
        ("t.jsonl", b"{}\n[]\n", "line 2: not a line of an access log: '[]'"),
        ("t.jsonl", b'{"path": "/x"}\n', "line 1: not a line of an access log"),
    ],
)
def test_what_is_no_trace(name, content, reason, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FormatError) as caught:
        list(formats.read(path))
    assert str(caught.value).startswith(f"{path}: {reason}")


def test_an_unknown_ending(tmp_path):
    with pytest.raises(SettingsError, match=r"a trace ends in \.oracleGeneral"):
        list(formats.read(tmp_path / "trace.txt"))


def test_lines_that_an_edge_wrote_later_come_back_into_the_order_of_time(tmp_path):
    """Quick answers are written many at a time, behind those of the other way."""
    path = tmp_path / "edge.jsonl"
    line = '{{"time": {}, "logger": "tonearm.access", "method": "GET", "path": "/trace/{:016x}", "status": 200, "bytes": 10}}\n'
    path.write_text(
        "".join(
            line.format(time, key) for time, key in [(1000, 1), (1200, 4), (1100, 2), (1100, 3), (9000, 5)]
        )
    )
    (requests,) = formats.read(path)
    assert requests.keys.tolist() == [1, 2, 3, 4, 5]
    assert requests.times.tolist() == [1000, 1100, 1100, 1200, 9000]
