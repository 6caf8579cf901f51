"""A song as its client knows it: a ladder, and for each rendition where its parts lie and when they sound.

Thousands of listeners read the same few manifests. What one says is the same for all, but for the token in its address: so texts are read once,
into addresses relative to the manifest, and remembered. What reading costs a player is therefore no part of the start times here.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote, urljoin, urlsplit

from edge_sim.player.connection import ByteRange, Connection
from edge_sim.player.entrance import KeyAddress
from media.errors import FormatError

REMEMBERED = 4096  # texts of each kind


class Part(NamedTuple):
    """An object, or a byte range of one."""

    url: str
    part: ByteRange | None = None


@dataclass(frozen=True, slots=True)
class Track:
    """One rendition. `ends_ms` are its segments' ends on the song's timeline; `iv` is set where whole segments are encrypted."""

    init: Part
    segments: tuple[Part, ...]
    ends_ms: tuple[int, ...]
    key: KeyAddress | None = None
    iv: bytes = b""
    base: str = ""  # what the addresses are relative to

    def at(self, base: str) -> Track:
        return replace(self, base=base)

    def where(self, part: Part) -> Part:
        return Part(urljoin(self.base, part.url), part.part)

    @property
    def key_address(self) -> KeyAddress | None:
        return self.key and replace(self.key, url=urljoin(self.base, self.key.url))


@dataclass(slots=True)
class Score:
    """`names` and `ladder` (bit/s), from the lowest; tracks by index, as far as they are read already."""

    names: Sequence[str]
    ladder: Sequence[int]
    tracks: dict[int, Track] = field(default_factory=dict)
    playlists: Sequence[str] = ()  # HLS: where each rendition's is

    def index(self, name: str) -> int:
        """Of a rendition; the lowest where none is so named."""
        return self.names.index(name) if name in self.names else 0


@dataclass(frozen=True, slots=True)
class Ask:
    """A press: the song, in the region whose edge is `root`, by a listener with a `session`'s header fields.

    `likely` names the rendition that will probably be chosen, "" leaves it to the server; `at` ms the song begins; `mtp` is the measured
    throughput in kbit/s, 0 when none is. `headers` gives what goes along with a request for an object of a type (CMCD's ot).
    """

    root: str
    song: str
    session: Mapping[str, str]
    headers: Callable[[str], Mapping[str, str]]
    likely: str = ""
    at: int = 0
    mtp: int = 0

    def url(self, what: str) -> str:
        return urljoin(self.root, f"/v1/songs/{quote(self.song, safe='')}/{what}")


@dataclass(slots=True)
class Opened:
    """A song that can sound: what its start has fetched. All was there at `there_ns` by the stopwatch."""

    grant: Mapping[str, Any]
    score: Score
    current: int  # the rendition that the start chose
    init: bytes
    segment: bytes
    key: bytes | None
    there_ns: int
    clear: bool = False  # the segment is not encrypted as a whole (AES-128), though its track is

    @property
    def track(self) -> Track:
        return self.score.tracks[self.current]

    @property
    def length(self) -> int:
        """In ms."""
        return self.track.ends_ms[-1]


class Client(Protocol):
    """One kind of player; it keeps nothing of any listener. It raises `UpstreamFailed` and `FormatError`, and trips over what makes no sense: see `understood`."""

    streaming_format: str  # CMCD's sf

    async def open(self, connection: Connection, ask: Ask) -> Opened:
        """From the press to the init segment, the segment that sounds there, and the key."""

    async def track(self, connection: Connection, score: Score, index: int) -> Track:
        """Another rendition, when it is wanted."""


async def granted(connection: Connection, ask: Ask) -> dict[str, Any]:
    """Raises `FormatError` when the answer is no grant."""
    text = await connection.get("grant", ask.url("stream"), headers=ask.session)
    return near(document(text, "grant"), ask.root)


def near(grant: dict[str, Any], root: str) -> dict[str, Any]:
    """With all addresses at the listener's own edge.

    A service has one name for its edges, and the nearest one answers to it; here each has an address of its own.
    """

    def moved(url: str) -> str:
        return urljoin(root, urlsplit(url).path)

    try:
        result = grant | {
            name: moved(grant[name])
            for name in ("base_url", "presentation_url", "license_url")
            if grant.get(name)
        }
        return result | {"manifests": {kind: moved(url) for kind, url in grant.get("manifests", {}).items()}}
    except (AttributeError, TypeError, ValueError):
        raise FormatError("grant: its addresses are none") from None


def document(text: bytes, name: str) -> dict[str, Any]:
    """A JSON object. Raises `FormatError`."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise FormatError(f"{name}: a JSON object is expected")
    return found


def segment_at(ends_ms: Sequence[int], at: int) -> int:
    """The index of the segment that sounds at `at`; the last one behind the end."""
    return min(bisect_right(ends_ms, at), len(ends_ms) - 1)


def innermost(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error of tasks, and of tasks of theirs."""
    first = errors.exceptions[0]
    return innermost(first) if isinstance(first, BaseExceptionGroup) else first
