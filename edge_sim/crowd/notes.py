"""What listeners noticed, written down while they listen: counters by region and slot of time, and each start."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from edge_sim.player.connection import Refused
from edge_sim.player.waterfall import Span
from media.errors import FormatError, TonearmError, UpstreamTimeout

SLOTS = 60  # in which a run is cut


@dataclass(frozen=True, slots=True)
class Start:
    """`connection` is new or warm; `edge` is warm when it had all it was asked for, cold when not, ``bundle`` when it was not asked."""

    at_ms: int
    place: str
    client: str
    connection: str
    edge: str
    total_ns: int
    parts: dict[str, int]
    decoded: bool


@dataclass(slots=True)
class Notes:
    """Times are ms since the beginning. Keys of counters begin with region and slot where they have them."""

    whole_ms: int
    starts: list[Start] = field(default_factory=list)
    tiers: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    tier_bytes: Counter[str] = field(default_factory=Counter)
    played_ms: Counter[tuple[str, int]] = field(default_factory=Counter)
    stalled_ms: Counter[tuple[str, int]] = field(default_factory=Counter)
    stalls: Counter[tuple[str, int]] = field(default_factory=Counter)
    failed: Counter[tuple[str, int]] = field(default_factory=Counter)
    abandoned: Counter[tuple[str, int]] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    error_slots: Counter[tuple[str, int]] = field(default_factory=Counter)
    broken: Counter[tuple[str, int]] = field(default_factory=Counter)  # songs that ended in the middle
    music_ms: Counter[str] = field(default_factory=Counter)  # fetched, by rendition
    bit_ms: int = 0  # bit/s times ms of what was fetched
    switches: Counter[str] = field(default_factory=Counter)  # up, down
    counts: Counter[str] = field(
        default_factory=Counter
    )  # sessions, songs, joins, skips, seeks, moves, renewals, decoded
    gaps_ms: list[int] = field(default_factory=list)  # between songs that should have followed at once
    seeks_ms: list[int] = field(default_factory=list)
    late_ms: list[int] = field(default_factory=list)  # how late listeners came to their own arrival
    troubles: list[tuple[int, str]] = field(
        default_factory=list
    )  # when, and what: an error, a stall, a start, a song
    listening: Counter[str] = field(default_factory=Counter)  # now
    present: dict[int, int] = field(default_factory=lambda: defaultdict(int))  # most in a slot

    def slot(self, at_ms: int) -> int:
        return min(SLOTS - 1, max(0, at_ms * SLOTS // max(1, self.whole_ms)))

    def error(self, at_ms: int, error: TonearmError) -> None:
        kind = kind_of(error)
        self.troubles.append((at_ms, kind))
        self.errors[kind] += 1
        self.error_slots[kind, self.slot(at_ms)] += 1

    def came(self, place: str) -> None:
        self.counts["sessions"] += 1
        self.listening[place] += 1

    def there(self, at_ms: int) -> None:
        """Looks at how many listen."""
        slot = self.slot(at_ms)
        self.present[slot] = max(self.present[slot], self.listening.total())


def kind_of(error: TonearmError) -> str:
    """What was asked for and what came of it: ``segment 503``, ``grant unreachable``, ``licence timeout``, ``decode``."""
    what = str(error).partition(":")[0][:30]
    if isinstance(error, Refused):
        return f"{what} {error.code}"
    if isinstance(error, UpstreamTimeout):
        return f"{what} timeout"
    if isinstance(error, FormatError):
        return f"{what} unusable"
    return f"{what} unreachable"


def parts(spans: Iterable[Span], begin_ns: int, end_ns: int) -> dict[str, int]:
    """What one waited for, in ns: each moment belongs to what ends next, so that the parts add up to the whole.

    Between and behind the spans it is the player's own time.
    """
    found: dict[str, int] = defaultdict(int)
    reached = begin_ns
    for span in sorted(spans, key=lambda each: (each.stop_ns, each.start_ns)):
        if span.stop_ns <= reached or span.stop_ns > end_ns:
            continue
        if span.start_ns > reached:
            found["player"] += span.start_ns - reached
            reached = span.start_ns
        found[span.name] += span.stop_ns - reached
        reached = span.stop_ns
    if end_ns > reached:
        found["player"] += end_ns - reached
    return dict(found)
