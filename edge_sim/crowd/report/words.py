"""A crowd's numbers and sentences as people read them; all take the document."""

from __future__ import annotations

from typing import Any

from edge_sim.report.words import amount, clock

Document = dict[str, Any]


def percent(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio * 100:.2f} %"


def ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} ms"


def subtitle(document: Document) -> str:
    """What was asked, in one line."""
    settings = document["settings"]
    regions = ", ".join(region["name"] for region in settings["regions"])
    parts = [
        f"{settings['listeners']:,} listeners for {settings['seconds']} s",
        f"music {settings['speed']} × as fast" if settings["speed"] > 1 else "music in its own time",
        f"from {clock(settings['begin_minute'] * 60_000)}" if settings["begin_minute"] is not None else "",
        f"{document['catalogue']['songs']:,} songs",
        f"{settings['abr']}, {settings['goal_ms'] // 1000} s in hand",
        regions,
    ]
    return " · ".join(part for part in parts if part)


def honesty(document: Document) -> list[str]:
    """What a reader must know before believing anything."""
    settings, generator, catalogue = document["settings"], document["generator"], document["catalogue"]
    networks = {name: text for region in settings["regions"] for name, text in region["networks"].items()}
    said = [
        "Network: requests go over loopback, and listeners then wait as long as the model of edge_sim.links says that the answer would have been under way ("
        + "; ".join(f"{name}: {text}" for name, text in networks.items())
        + "). Servers see no slow clients."
        if networks
        else "Network: loopback, with nothing added.",
        f"Sound: {document['starts']['all']['decoded']:,} of {document['starts']['all']['count']:,} starts were decoded, the others end with the last byte. "
        "What reading a manifest costs a player is in none.",
        f"Popularity: of these {catalogue['songs']:,} songs the first 1 % (at least one) draws {percent(catalogue['top_1_percent'])} of the streams, the first 10 % {percent(catalogue['top_10_percent'])}.",
    ]
    if settings["speed"] > 1:
        said.append(
            f"Time: music plays {settings['speed']} × as fast while nothing is on its way, so {settings['listeners']:,} listeners ask about as often as "
            f"{settings['listeners'] * settings['speed']:,} would; starts, stalls and adaptation are in real time."
        )
    lag = f"Generator: lag p50 {ms(generator['p50_ms'])}, p99 {ms(generator['p99_ms'])}, {percent(generator['cpu'])} of a core."
    said.append(
        lag
        if generator["believed"]
        else f"{lag} It was the bottleneck itself: these numbers are NOT to be believed."
    )
    return said


def verdict(document: Document) -> list[tuple[str, str, str, bool]]:
    """Target, value, limit, whether it was met."""
    targets = document["verdict"]["targets"]
    names = {
        "start_p95_ms": ("start time, p95", ms),
        "rebuffering": ("rebuffering", percent),
        "failed_starts": ("starts that failed or were given up", percent),
    }
    return [
        (names[name][0], names[name][1](each["value"]), names[name][1](each["target"]), each["met"])
        for name, each in targets.items()
    ]


FAULT_HEAD = ["", "began", "ended", "starts", "p95", "troubles"]


def faults(document: Document) -> list[list[str]]:
    """Three rows for each fault: before, while, after."""
    found = []
    for fault in document.get("faults", ()):
        for when in ("before", "while", "after"):
            noticed = fault[when]
            troubles = ", ".join(f"{n} × {kind}" for kind, n in noticed["troubles"].items()) or "none"
            found.append(
                [
                    f"{when} {fault['name']}",
                    f"{fault['began_ms'] / 1000:.1f} s" if when == "while" else "",
                    f"{fault['ended_ms'] / 1000:.1f} s" if when == "while" else "",
                    f"{noticed['starts']:,}",
                    ms(noticed["p95"]),
                    troubles,
                ]
            )
    return found


def recoveries(document: Document) -> list[tuple[str, bool]]:
    """What was done, and when all was well again."""
    return [
        (
            f"{fault['name']} ({fault['what']}): "
            + (
                f"well again {fault['well_again_ms'] / 1000:.1f} s after its end"
                if fault["recovered"]
                else "not well again by itself"
            ),
            fault["recovered"],
        )
        for fault in document.get("faults", ())
    ]


def music(document: Document) -> list[tuple[str, str]]:
    """What became of the music."""
    counts, rebuffering, switches = document["counts"], document["rebuffering"], document["switches"]
    shares = ", ".join(
        f"{name} {percent(share)}"
        for name, share in sorted(document["renditions"].items(), key=lambda each: -(each[1] or 0))
    )
    gaps, seeks = document["gaps_ms"], document["seeks_ms"]
    return [
        ("sessions, songs", f"{counts.get('sessions', 0):,}, {counts.get('songs', 0):,}"),
        ("skipped", f"{counts.get('skips', 0):,}"),
        ("followed at once", f"{counts.get('joins', 0):,}; {gaps['count']} late, by {ms(gaps['p50'])} (p50)"),
        ("seeks", f"{seeks['count']}, p95 {ms(seeks['p95'])}"),
        (
            "rebuffering",
            f"{percent(rebuffering['ratio'])}; {rebuffering['stalls']} stalls, {ms(rebuffering['stalled_ms'])}",
        ),
        ("broke off", f"{rebuffering['broken']} songs"),
        ("bit rate", f"{amount(document['bitrate'], 'bit/s')}: {shares}"),
        ("switches", f"{switches.get('up', 0)} up, {switches.get('down', 0)} down"),
        ("starts failed, given up", f"{document['starts']['failed']}, {document['starts']['abandoned']}"),
        ("new grants, other regions", f"{counts.get('renewals', 0)}, {counts.get('moves', 0)}"),
    ]


def groups(document: Document) -> list[tuple[str, Document]]:
    """Starts, as they were sorted: all, by connection, by edge, by player and, where there are several, by region."""
    starts = document["starts"]
    found = [("all", starts["all"])]
    found += [(f"{name} connection", each) for name, each in starts["by_connection"].items()]
    found += [
        ("start bundle" if name == "bundle" else f"{name} edge", each)
        for name, each in starts["by_edge"].items()
    ]
    found += [(f"player: {name}", each) for name, each in starts["by_client"].items()]
    if len(starts["by_region"]) > 1:
        found += [(name, each) for name, each in starts["by_region"].items()]
    return found
