"""The access log of quick answers: lines put together with one format, and written many at a time.

A line through `logging` and `json` costs as much as a whole quick answer does; one of these about a tenth of it. A line waits at most a
quarter of a second, and no longer than until the long way writes one: lines stand in the order of the answers.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Mapping

from media.fast_path import Quick
from media.tracing import follow

access_log = logging.getLogger("tonearm.access")
_HELD_S = 0.25
_MOST = 512
# Everything that goes in is of characters that JSON takes as they stand.
_LINE = (
    '{"time": %d, "level": "INFO", "logger": "tonearm.access", "method": "GET", "path": "%s", "status": %d, "bytes": %d,'
    ' "ms": %.3f, "request_id": "%s", "remote": "%s", "cache": %s%s}'
)


class AccessLines:
    def __init__(self) -> None:
        self._lines: list[str] = []
        self._timer: asyncio.TimerHandle | None = None
        access_log.addFilter(self._go_first)

    def close(self) -> None:
        self.flush()
        access_log.removeFilter(self._go_first)

    def _go_first(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "lines"):
            self.flush()
        return True

    def add(
        self, quick: Quick, path: str, *, cache: str = '""', cmcd: Mapping[str, object] | None = None
    ) -> None:
        """`path` without what a log must not show, `cache` the Cache-Status as JSON, `cmcd` what could be read of the player's own words."""
        if not access_log.isEnabledFor(logging.INFO):
            return
        trace = follow(quick.asked.trace.decode()) if quick.asked.trace else None
        more = f', "trace": "{trace.trace_id}"' if trace else ""
        if cmcd:
            more += f', "cmcd": {json.dumps(cmcd)}'
        self._lines.append(
            _LINE
            % (
                time.time_ns() // 1_000_000,
                path,
                quick.status,
                quick.size,
                quick.seconds * 1000,
                quick.request_id.decode(),
                quick.peer[0] if quick.peer else "",
                cache,
                more,
            )
        )
        if len(self._lines) >= _MOST:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_HELD_S, self.flush)

    def flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._lines:
            lines, self._lines = self._lines, []
            access_log.info("%d quick answers", len(lines), extra={"lines": "\n".join(lines)})
