"""Locust's own reports with what a listener cares about: entries of types START, STALL, HIT and MISS, and a tab of its page.

They stand in locust's tables, CSV and HTML report as requests do, with their percentiles, but are no requests: they go past
the total, which would otherwise count each request twice.

    START   ours                       press to first segment
    STALL   silence                    how long the music waited
    HIT     GET …/[segment].m4s        answered from the edge's memory; MISS: everything else; JOINED: somebody else's fetch
"""

from __future__ import annotations

import json
from typing import Any

CACHE = ("HIT", "JOINED", "MISS")
TAB = "listeners"


def add(environment: Any, kind: str, name: str, ms: float, size: int = 0) -> None:
    """One more of `kind` in locust's statistics."""
    environment.stats.get(name, kind).log(ms, size)


def rows(stats: Any) -> list[dict[str, Any]]:
    """The tab's table: starts by player, stalls, and the hit ratio of each kind of object."""
    found = []
    for (name, kind), entry in sorted(stats.entries.items()):
        if kind in ("START", "STALL") and entry.num_requests:
            times = [entry.get_response_time_percentile(share) for share in (0.5, 0.95, 0.99)]
            found.append(
                _row(f"{kind.lower()}: {name}", entry.num_requests, *(f"{each:g} ms" for each in times))
            )
    asked: dict[str, dict[str, int]] = {}
    for (name, kind), entry in stats.entries.items():
        if kind in CACHE:
            asked.setdefault(name, {})[kind] = entry.num_requests
    for name, counts in sorted(asked.items()):
        total = sum(counts.values())
        found.append(_row(name, total, hits=f"{counts.get('HIT', 0) / total:.1%}" if total else ""))
    return found


def _row(
    name: str, count: int, p50: str = "", p95: str = "", p99: str = "", hits: str = ""
) -> dict[str, Any]:
    return {"name": name, "count": count, "p50": p50, "p95": p95, "p99": p99, "hits": hits}


def show(environment: Any) -> None:
    """Add the tab to locust's page, and ``/stats/listeners`` with the same as JSON."""
    web = environment.web_ui
    if web is None:
        return
    from flask import jsonify, request

    titles = {
        "name": "What",
        "count": "How often",
        "p50": "p50",
        "p95": "p95",
        "p99": "p99",
        "hits": "Hit ratio",
    }
    web.template_args["extended_tabs"] = [{"title": "Listeners", "key": TAB}]
    web.template_args["extended_tables"] = [
        {"key": TAB, "structure": [{"key": key, "title": title} for key, title in titles.items()]}
    ]

    @web.app.route("/stats/listeners")
    def listeners() -> Any:
        return jsonify(rows(environment.stats))

    @web.app.after_request
    def extend(response: Any) -> Any:
        if request.path == "/stats/requests":
            more = [{"key": TAB, "data": rows(environment.stats)}]
            response.set_data(json.dumps({**response.json, "extended_stats": more}))
        return response
