"""W3C Trace Context: the ``traceparent`` header, taken over when it is sound and carried on.

    >>> follow("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").trace_id
    '0af7651916cd43dd8448eb211c80319c'

A store that speaks HTTP sends ``current.get()`` and ``request_id.get()`` along, where they are not empty.
"""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar
from dataclasses import dataclass

# §3.2: version, trace-id, parent-id, flags in lower case. Version ff is forbidden; a later one may have more behind a dash.
_TRACEPARENT = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-[!-~]{0,200})?",
    re.ASCII,
)

# The traceparent of what is being done now; empty outside of a trace.
current: ContextVar[str] = ContextVar("traceparent", default="")
# The id of the request for which it is done; empty outside of one. Every line of our logs has it.
request_id: ContextVar[str] = ContextVar("request_id", default="")


@dataclass(frozen=True, slots=True)
class Trace:
    trace_id: str
    span_id: str  # ours, a new one
    flags: str

    def traceparent(self) -> str:
        """What goes to the next server."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


def follow(traceparent: str) -> Trace | None:
    """Our part of the trace that a request belongs to; ``None`` without a header, or with one to be ignored (§3.2.2)."""
    if not traceparent or (match := _TRACEPARENT.fullmatch(traceparent)) is None:
        return None
    version, trace_id, _, flags, more = match.groups()
    if version == "00" and more:
        return None
    # §4.3: of a version that we do not know, only "sampled" is understood.
    return Trace(trace_id, secrets.token_hex(8), flags if version == "00" else f"{int(flags, 16) & 1:02x}")
