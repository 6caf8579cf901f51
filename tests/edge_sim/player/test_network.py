"""Starts over a link: computed ones by hand, emulated ones for real, and the report of either."""

from __future__ import annotations

import json

import pytest
from lxml import etree

from edge_sim.links import NETWORKS, Network, model
from edge_sim.player import network as networks
from edge_sim.player import play
from edge_sim.player.commands import _link
from edge_sim.player.network import Crossing, computed, floors
from edge_sim.player.report import document, page
from edge_sim.player.waterfall import Span, Waterfall

MS = 1_000_000
LINK = Network(rtt_ms=50, kbits=5_000)
NUMBERS = 50.0, 5_000.0, 5_000.0


def start(kind: str, *spans: Span) -> Waterfall:
    return Waterfall(kind, spans, 1024, 0.5, "http://edge/t/…/<b>.m4s", "cbcs")


COLD = start(
    "cold",
    Span("connect", 0, MS),
    Span("grant", MS, 3 * MS, 2_000),
    Span("segment", 4 * MS, 6 * MS, 10_000, "hit"),
    Span("init", 4 * MS, 5 * MS, 1_000, "hit"),
    Span("decode", 6 * MS, 7 * MS),
)


def test_each_part_waits_for_what_it_waited_for_and_takes_what_the_link_takes():
    spans = {span.name: span for span in computed(COLD, LINK).spans}
    connected = MS + round(model.connect_ms(*NUMBERS) * MS)
    assert spans["connect"].stop_ns == spans["grant"].start_ns == connected
    granted = connected + 2 * MS + round(model.exchange_ms(2_000.0, *NUMBERS) * MS)
    assert spans["grant"].stop_ns == granted
    assert spans["init"].start_ns == spans["segment"].start_ns == granted + MS
    # Both came over one link: the later one waits for the other's bytes
    alone = granted + MS + 2 * MS + round(model.exchange_ms(10_000.0, *NUMBERS) * MS)
    assert spans["segment"].stop_ns > alone
    assert spans["decode"].start_ns == spans["segment"].stop_ns
    assert spans["decode"].ns == MS


def test_the_floor_is_a_round_trip_and_the_bytes_of_the_sound():
    warm = start("warm", *COLD.spans[1:])
    assert floors([COLD, warm], LINK) == {
        "cold": pytest.approx(model.connect_ms(*NUMBERS) + model.exchange_ms(11_000.0, *NUMBERS), abs=0.05),
        "warm": pytest.approx(model.exchange_ms(11_000.0, *NUMBERS), abs=0.05),
    }
    secure = start("cold", Span("tls", 0, MS), *COLD.spans)
    assert floors([secure], LINK)["cold"] > floors([COLD], LINK)["cold"] + 50


def test_without_root_times_are_computed_and_the_document_says_so(monkeypatch):
    monkeypatch.setattr(networks, "missing", lambda: "no emulated links: they need root")
    with Crossing(LINK) as crossing:
        assert crossing.make_socket is None
    starts = crossing.crossed([COLD])
    assert starts == (computed(COLD, LINK),)
    made = document(starts, target_ms=200, crossing=crossing)
    assert made["network"]["link"] == "model"
    assert "computed, no emulated links: they need root" in page(made)


def test_the_report_loads_nothing_and_escapes_what_servers_say():
    with_floor = document(
        [COLD, start("warm", *COLD.spans[1:])], target_ms=200, crossing=Crossing(LINK, reason="no TUN")
    )
    html = page(json.loads(json.dumps(with_floor)), before=with_floor)
    tree = etree.HTML(html)
    assert tree.xpath("//@src | //@href | //b[not(parent::div)]") == []
    assert "&lt;b&gt;.m4s" in html
    assert len(tree.xpath("//svg")) == 5  # one of all starts, a median and a late one of each kind
    assert set(tree.xpath("//*[contains(@class, 'mark')]/text()")) >= {
        "target",
        "floor, cold",
        "floor, warm",
    }
    assert tree.xpath("//td[text()='cold, against before']/following-sibling::td/text()") == ["+0.0 ms"] * 3
    named = list(tree.xpath("(//svg)[2]/text[contains(@class, 'end')]/text()"))
    assert named == ["connect", "grant", "segment", "init", "decode"]


@pytest.mark.parametrize(
    ("options", "network"),
    [
        ((None, None, None, None), None),
        (("4g", None, None, None), NETWORKS["4g"]),
        ((None, 20, None, None), Network(rtt_ms=20, kbits=5_000)),
        ((None, None, 800, 0.005), Network(rtt_ms=50, kbits=800, loss=0.005)),
        (("3g", 100, None, None), Network(rtt_ms=100, kbits=1_600, up_kbits=768)),
        (("3g", None, 1_000, None), Network(rtt_ms=300, kbits=1_000)),
    ],
)
def test_what_the_options_mean(options, network):
    assert _link(*options) == network


@pytest.mark.usefixtures("links")
async def test_every_request_of_a_start_crosses_the_link(stage, tone):
    stage.publish(tone, "cbcs")
    with Crossing(Network(rtt_ms=20, kbits=50_000)) as crossing:
        starts = await play(stage.url("hls.m3u8"), runs=2, make_socket=crossing.make_socket)
    assert crossing.crossed(starts) == starts
    for waterfall in starts:
        assert all(span.ns > 20 * MS for span in waterfall.spans if span.name not in ("decode", "dns"))
    assert crossing.to_dict()["link"] == "emulated"
    assert crossing.to_dict()["counts"]["down"]["carried"] > 10
