"""The report of one simulation: `page` makes HTML of the JSON document, and of nothing else."""

from __future__ import annotations

from typing import Any

from edge_sim.report.page import card, html, section, table
from edge_sim.report.words import amount, dollars, ms, per_cent
from edge_sim.simulator.report import plots
from edge_sim.simulator.topology import ORIGIN, TIERS

Document = dict[str, Any]


def page(document: Document) -> str:
    """One HTML page, with nothing to load."""
    policies = document["curves"]
    sections = [
        section(
            "Who answered",
            _answered(document),
            plots.over_time(document) + plots.load(document),
            TIERS,
        )
    ]
    pair = []
    if policies:
        pair.append(
            section(
                "What more memory would bring", _curves(document), plots.curves(document), tuple(policies)
            )
        )
    if "start_ms" in document:
        pair.append(section("How long a start takes", _starts(document), plots.starts(document)))
    if "warming" in document:
        pair.append(section("What fetching ahead brings", _warmed(document), _warming(document)))
    sections.append(f'<div class="grid2">{"".join(pair)}</div>')
    sections.append(
        section(
            "When and where",
            _where(document),
            plots.regions(document),
        )
    )
    sections.append(
        section("By region and tier", "Each tier's hit ratio counts what reached it.", _regions(document))
    )
    if "cost" in document:
        sections.append(section("What a day costs", _prices(document), _cost(document)))
    return html(
        "Tonearm: a simulated day" if "world" in document else "Tonearm: a trace, replayed",
        subtitle(document),
        _cards(document) + "".join(sections),
    )


def subtitle(document: Document) -> str:
    """What was simulated, in one line."""
    sampling, tiers = document["sampling"], document["tiers"]
    parts = []
    if world := document.get("world"):
        parts.append(
            f"{amount(world['catalogue'])} songs, {amount(world['streams_per_day'])} streams a day, {len(world['regions'])} regions"
        )
    parts.append(document["policy"])
    parts += [f"{name} {amount(tiers[name], 'B')}" for name in TIERS[:ORIGIN] if tiers[name]]
    parts.append(
        f"1 : {sampling['one_of']:,} in {sampling['replicas']} samples"
        if sampling["one_of"] > 1
        else "every request"
    )
    return " · ".join(parts)


def _cards(document: Document) -> str:
    place, origin = document["all"], document["origin"]
    cards = [
        (per_cent(place["edge"]["hit_ratio"]), "of requests answered by the edges"),
        (per_cent(place["edge"]["byte_hit_ratio"]), "of bytes"),
        (
            amount(origin["bytes"], "B"),
            f"leave the origin, {amount(origin['peak_bits_per_s'], 'bit/s')} at most",
        ),
    ]
    if "start_ms" in document:
        cards += [(ms(document["start_ms"][name]), f"start time, {name}") for name in ("p50", "p99")]
    if "cost" in document:
        cards.append((dollars(document["cost"]["dollars_per_day"]["total"]), "a day"))
    return f'<div class="cards">{"".join(card(value, what) for value, what in cards)}</div>'


def _answered(document: Document) -> str:
    sampling = document["sampling"]
    return f"{amount(sampling['requests'])} requests for {amount(sampling['bytes'], 'B')}; {sampling['simulated_requests']:,} of them were replayed."


def _where(document: Document) -> str:
    low, high = plots.extremes(document)
    return f"Requests that a region's edges answered themselves, by time (UTC): pale is {low:.1%}, dark {high:.1%}."


def _curves(document: Document) -> str:
    text = "Misses of the largest region's memory under each policy"
    return (
        f"{text}, and one standard error of {document['policy']}."
        if document["sampling"]["replicas"] > 1
        else f"{text}."
    )


def _starts(document: Document) -> str:
    network = document["network"]
    times = ", ".join(f"{name} {took:g}" for name, took in zip(TIERS, network["tiers"], strict=True))
    if measured := document.get("measured"):
        slow = ", ".join(f"{took:g}" for took in measured["p99"])
        times += f" (measured {measured['date']}, {measured['name']}: {measured['machine']}; p99 {slow})"
    return (
        f"Started {start_words(document)}. Listeners' median round trip {network['rtt']:g} ms, {amount(network['kbits'] * 1000, 'bit/s')}; "
        f"an answer takes, in ms: {times}, API {network['api']:g}. 95 % within {ms(document['start_ms']['p95'])}."
    )


def start_words(document: Document) -> str:
    """How players began: by which of the ways into a song, and how often a bundle had the media in it."""
    start = document["start"]
    ways = {"presentation": "by grant and presentation", "walk": "by a walk through playlists"}
    if trace := start.get("trace"):
        counts = f"{trace['bundles']:,} start bundles, and {trace['first_segments']:,} first segments"
        return f"by {counts} {ways[start['model']]}"
    if start["model"] == "bundle":
        return f"by the start bundle, {start['bundles']['with_media']:.1%} of them with media"
    return ways[start["model"]]


def _regions(document: Document) -> str:
    rows = [("all", document["all"]), *document["regions"].items()]
    if len(rows) == 2:
        rows = rows[:1]
    return table(
        [
            "",
            "requests",
            *(f"{name} {what}" for name in TIERS[:ORIGIN] for what in ("hits", "bytes")),
            "to the origin",
        ],
        [
            [
                name,
                amount(place["requests"]),
                *(
                    per_cent(place["tiers"][tier][kind])
                    for tier in TIERS[:ORIGIN]
                    for kind in ("hit_ratio", "byte_hit_ratio")
                ),
                per_cent(place["origin"]["share"]),
            ]
            for name, place in rows
        ],
    )


def _warmed(document: Document) -> str:
    warming = document["warming"]
    fetched = warming["fetched"]
    return (
        f"On: {', '.join(warming_parts(document))}. Edges asked shield and origin for {amount(fetched['requests'])} objects ({amount(fetched['bytes'], 'B')}) "
        "before anybody asked for them. The same day, listener by listener, with and without."
    )


def warming_parts(document: Document) -> list[str]:
    """What was switched on, in words."""
    warming = document["warming"]
    parts = {
        "the next song": warming["next_song"],
        f"{warming['segments']} segments behind a start": warming["segments"],
        f"songs that {warming['velocity']} people began within ten minutes": warming["velocity"],
        "new releases before they come out": warming["releases"],
    }
    return [name for name, on in parts.items() if on]


def warming_rows(document: Document) -> list[list[str]]:
    """Without and with: edges' hit ratios, start times, what leaves the origin, what a day costs."""
    without = document["warming"]["without"]
    starts = [
        [f"start, {name}", ms(without["start_ms"][name]), ms(document["start_ms"][name])]
        for name in ("p50", "p95", "p99")
    ]
    return [
        [
            "edges, hits",
            per_cent(without["edge"]["hit_ratio"]),
            per_cent(document["all"]["edge"]["hit_ratio"]),
        ],
        *starts,
        [
            "from the origin",
            amount(without["origin"]["bytes"], "B"),
            amount(document["origin"]["bytes"], "B"),
        ],
        [
            "at most",
            amount(without["origin"]["peak_bits_per_s"], "bit/s"),
            amount(document["origin"]["peak_bits_per_s"], "bit/s"),
        ],
        ["a day", dollars(without["dollars_per_day"]), dollars(document["cost"]["dollars_per_day"]["total"])],
    ]


def _warming(document: Document) -> str:
    return table(["", "without", "with"], warming_rows(document))


def _prices(document: Document) -> str:
    prices = document["cost"]["prices"]
    return (
        f"At ${prices['edge_gb']:g} a GB to listeners, ${prices['shield_gb']:g} from the shield, ${prices['origin_gb']:g} and "
        f"${prices['origin_million']:g} a million requests from the origin; memory ${prices['memory_gb_month']:g} and disk "
        f"${prices['disk_gb_month']:g} a GB and month."
    )


def _cost(document: Document) -> str:
    costs = document["cost"]["dollars_per_day"]
    return table([name.replace("_", " ") for name in costs], [[dollars(value) for value in costs.values()]])
