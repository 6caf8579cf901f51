"""One listener's session: presses play, listens, skips, seeks, goes on to the next song; and keeps the buffer full as web/player/pump.js does.

Time is the listener's own. While anything is on its way, a millisecond is a millisecond: starts, stalls and the adaptation are what they would be. While nothing
is, music plays `speed` times as fast, so that a day can pass in minutes; what that changes is how often listeners ask, and nothing of what they wait for.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import TypeVar

from edge_sim.abr import Abr, Situation, abr
from edge_sim.crowd import cmcd
from edge_sim.crowd.arrivals import Arrival
from edge_sim.crowd.clients import CLIENTS
from edge_sim.crowd.clients.score import Ask, Opened, Part, Score, Track, granted, segment_at
from edge_sim.crowd.deck import Deck
from edge_sim.crowd.habits import Habits, Wish
from edge_sim.crowd.hearing import hear
from edge_sim.crowd.line import Line
from edge_sim.crowd.notes import Start, parts
from edge_sim.crowd.world import World
from edge_sim.player.connection import Refused
from edge_sim.player.entrance import understood
from edge_sim.player.waterfall import Span
from media.errors import FormatError, TonearmError, UpstreamFailed

_TRIES = 4
_PATIENCE_MS = 250  # before the second try; doubles each time (web/player/track.js)
_AGAIN_MS = 1000
_CLOSE_MS = 1000  # in hand below which a failure can no longer be waited out
_MEDIA = ("bundle", "segment")
_GIVES_UP = 3  # failed starts in a row


@dataclass(slots=True)
class Laid:
    """A song on the deck: `next` is its first segment that is not there, `rendition` that of the last one."""

    song: str
    opened: Opened
    next: int
    rendition: int
    decode_ns: int = 0  # what its first segment took to decode, if it was
    tokens: tuple[str, str] = ("", "")  # the one it was opened with, and the one that replaced it

    @property
    def end(self) -> int:
        return self.opened.track.ends_ms[self.next - 1]

    def where(self, part: Part) -> Part:
        return Part(part.url.replace(*self.tokens), part.part) if self.tokens[0] else part


T = TypeVar("T")


class Broken(Exception):
    """The song cannot go on."""


@dataclass
class Listener:
    """One of `world`'s, in the region `place`."""

    world: World
    arrival: Arrival
    habits: Habits
    line: Line
    place: int
    kind: str  # of client
    session: Mapping[str, str]  # header fields
    abr: Abr = field(init=False)
    name: str = field(default_factory=lambda: secrets.token_hex(8))
    rendition: str = ""  # the last one's name
    upcoming: Laid | None = None
    deck: Deck = field(default_factory=lambda: Deck(0))

    def __post_init__(self) -> None:
        self.abr = abr(self.world.settings.abr)

    # ── the session ──

    async def listen(self) -> None:
        """Until the listener has had enough, or nothing plays."""
        songs, failures, due = self.habits.songs(), 0, self.world.stopwatch()
        song, laid, resumes = self.world.charts.draw(self.habits.random), None, self.arrival.resumes
        while songs and failures < _GIVES_UP:
            try:
                laid = laid or await self._press(song, due, resumes)
            except TimeoutError:
                self._count(self.world.notes.abandoned, "start given up")
                return
            except (UpstreamFailed, FormatError) as error:
                self._count(self.world.notes.failed, "start failed")
                self.world.notes.error(self.world.ms(), error)
                failures += 1
                await asyncio.sleep(_AGAIN_MS * failures / 1000)
                self._move(failures)
                song, due = self.world.charts.draw(self.habits.random), self.world.stopwatch()
                continue
            failures, songs, resumes = 0, songs - 1, False
            song = self.world.charts.draw(self.habits.random)
            due, gap_ms = await self._play(laid, song if songs else "")
            laid = self._follow(gap_ms)

    def _follow(self, gap_ms: int) -> Laid | None:
        """The song that lies behind the last one, if it does; it sounds at once, or as late as it came."""
        laid, self.upcoming = self.upcoming, None
        if laid is not None:
            self.world.notes.counts["joins"] += 1
            if gap_ms:
                self.world.notes.gaps_ms.append(gap_ms)
            self.deck = Deck(laid.opened.length, end=laid.end)
        return laid

    def _move(self, failures: int) -> None:
        """Who hears nothing twice is sent to the next region, as a name server would when this one is gone."""
        if failures % 2 == 0 and len(self.world.settings.places) > 1:
            self.place = (self.place + 1) % len(self.world.settings.places)
            self.world.notes.counts["moves"] += 1

    # ── a start ──

    async def _press(self, song: str, due: int, resumes: bool) -> Laid:
        """From the press to the first sound. Raises `TimeoutError` when the listener's patience ends."""
        self.line.spans.clear()
        self.line.tiers.clear()
        self.abr.moved()
        self.upcoming = None
        connection = "warm" if self.rendition else "new"
        async with asyncio.timeout(self.habits.patience_ms() / 1000):
            at = -1 if resumes else 0
            laid = await self._open(song, at, urgent=True)
        opened = laid.opened
        sounded = opened.there_ns + laid.decode_ns
        if laid.decode_ns:
            self.line.spans.append(Span("decode", opened.there_ns, sounded))
        there = [span for span in self.line.spans if span.stop_ns <= sounded]
        self.world.notes.starts.append(Start(
            self.world.ms(),
            self._place,
            self.kind,
            connection,
            self._edge(),
            sounded - due,
            parts(there, due, sounded),
            laid.decode_ns > 0,
        ))  # fmt: skip
        ends = opened.track.ends_ms
        first = ends[laid.next - 2] if laid.next > 1 else 0
        self.deck = Deck(opened.length, position=first, first=first, end=laid.end)
        self.deck.passes((self.world.stopwatch() - sounded) // 1_000_000)
        return laid

    def _edge(self) -> str:
        if any(span.name == "bundle" for span in self.line.spans):
            return "bundle"
        return "warm" if set(self.line.tiers) <= {"memory", "disk"} else "cold"

    async def _open(self, song: str, at: int, *, urgent: bool) -> Laid:
        """`at` -1 is anywhere in the song, as for who came long ago."""
        client = CLIENTS[self.kind]
        link = self._throughput()
        if at < 0:
            at = self.world.somewhere(song, self.habits.random)
        headers = self._headers(song, su=urgent, bl=0 if urgent else self.deck.ahead)
        ask = Ask(self._root, song, self.session, headers, self.rendition, at, link)
        with understood(self.kind):
            opened = await client.open(self.line, ask)
        self.world.lengths[song] = opened.length
        number = segment_at(opened.track.ends_ms, at)
        laid = Laid(song, opened, number + 1, opened.current)
        if self.habits.random.random() < self.world.settings.decode:
            began = self.world.stopwatch()
            hear(opened)
            laid.decode_ns = self.world.stopwatch() - began
            self.world.notes.counts["decoded"] += 1
        self._came(laid, len(opened.segment), self._took())
        return laid

    # ── a song ──

    async def _play(self, laid: Laid, following: str) -> tuple[int, int]:
        """The moment when the listener wants the next song, and for how many ms there has been silence by then."""
        self.world.notes.counts["songs"] += 1
        deck, wish = self.deck, self.habits.wish(laid.opened.length)
        if deck.position:  # resumed: the rest of it is what is heard
            wish = Wish(deck.length)
        played, stalled, stalls = deck.played_ms, deck.stalled_ms, deck.stalls
        gap_ms = 0
        try:
            while deck.position < wish.leave:
                if wish.seek is not None and deck.position >= wish.seek[0]:
                    await self._seek(laid, wish.seek[1])
                    wish = Wish(wish.leave)
                stop = wish.seek[0] if wish.seek else wish.leave
                gap_ms = await self._step(laid, following, stop)
                slot = self.world.slot()
                self._account(slot, deck, played, stalled, stalls)
                played, stalled, stalls = deck.played_ms, deck.stalled_ms, deck.stalls
            self.world.notes.counts["skips"] += wish.leave < deck.length
        except Broken:
            self._count(self.world.notes.broken, "song broke off")
        now = self.world.stopwatch()
        return now - gap_ms * 1_000_000, gap_ms if wish.leave >= deck.length else 0

    def _account(self, slot: int, deck: Deck, played: int, stalled: int, stalls: int) -> None:
        notes, place = self.world.notes, self._place
        notes.played_ms[place, slot] += deck.played_ms - played
        if deck.stalled_ms > stalled:
            notes.stalled_ms[place, slot] += deck.stalled_ms - stalled
            notes.stalls[place, slot] += deck.stalls - stalls
            if deck.stalls > stalls:
                notes.troubles.append((self.world.ms(), "stall"))
            self.abr.dry()

    async def _step(self, laid: Laid, following: str, stop: int) -> int:
        """Fetch the first thing that is missing, or let the music play until something is; never beyond `stop`. Gives the silence in ms."""
        deck, goal = self.deck, self.world.settings.goal_ms
        ends = laid.opened.track.ends_ms
        if laid.next < len(ends):
            return await self._until(laid, stop, lambda: self._segment(laid), room_at=laid.end - goal)
        if not following:
            return await self._until(laid, stop, None, room_at=deck.length)
        if self.upcoming is None:
            return await self._until(laid, stop, lambda: self._lay(following), room_at=deck.length - goal)
        upcoming = self.upcoming
        if upcoming.next < len(upcoming.opened.track.ends_ms):
            room_at = deck.length + upcoming.end - goal
            return await self._until(laid, stop, lambda: self._segment(upcoming), room_at=room_at)
        return await self._until(laid, stop, None, room_at=deck.length)

    async def _until(
        self, laid: Laid, stop: int, fetch: Callable[[], Awaitable[None]] | None, *, room_at: int
    ) -> int:
        deck = self.deck
        if fetch is None or deck.position < room_at:
            return await self._rest(max(1, min(room_at, stop, deck.length) - deck.position))
        began = self.world.stopwatch()
        # A listener's act does not wait for a transfer, the end of the song does.
        limit = None if stop >= deck.length else max(0, stop - deck.position) / 1000
        silence = 0
        try:
            async with asyncio.timeout(limit):
                await fetch()
        except TimeoutError:
            deck.passes((self.world.stopwatch() - began) // 1_000_000)
            deck.position = max(deck.position, stop)
        else:
            silence = deck.passes((self.world.stopwatch() - began) // 1_000_000)
            self._reach(laid)
        return silence

    async def _rest(self, music_ms: int) -> int:
        """Nothing is missing: time may be compressed. What the timer oversleeps is real time again."""
        planned = music_ms * 1_000_000 // self.world.settings.speed
        began = self.world.stopwatch()
        await asyncio.sleep(planned / 1e9)
        over = self.world.stopwatch() - began - planned
        self.deck.rests(music_ms)
        return self.deck.passes(max(0, over) // 1_000_000)

    async def _segment(self, laid: Laid) -> None:
        """The next one, with its init segment where the rendition changes."""
        score = laid.opened.score
        situation = Situation(self.deck.ahead, laid.rendition, laid.opened.current)
        index = self.abr.choose(score.ladder, situation)
        began = self.world.stopwatch()
        track = await self._persist(laid, began, lambda: self._track(score, index))
        if index != laid.rendition:
            await self._persist(laid, began, lambda: self._get(laid, "init", track.where(track.init), "i"))
        part = track.where(track.segments[laid.next])
        body = await self._persist(laid, began, lambda: self._get(laid, "segment", part, "a", index))
        if index != laid.rendition:
            self.world.notes.switches["up" if index > laid.rendition else "down"] += 1
        laid.rendition = index
        laid.next += 1
        self._came(laid, len(body), self._took())

    async def _lay(self, song: str) -> None:
        """Opens the next song behind this one. A failure matters only when this one is about to run out: then it is pressed for."""
        try:
            self.line.tiers.clear()
            self.line.spans.clear()
            self.upcoming = await self._open(song, 0, urgent=False)
        except (UpstreamFailed, FormatError) as error:
            self.world.notes.error(self.world.ms(), error)
            await asyncio.sleep(_AGAIN_MS / 1000)

    async def _seek(self, laid: Laid, to: int) -> None:
        self.world.notes.counts["seeks"] += 1
        began = self.world.stopwatch()
        ends = laid.opened.track.ends_ms
        if not self.deck.jump(to):
            self.upcoming = None
            laid.next = segment_at(ends, to)
            self.deck.first = self.deck.end = ends[laid.next - 1] if laid.next else 0
            self.deck.position = max(self.deck.first, to)
            self.abr.moved()
            await self._segment(laid)
            self.deck.lay(laid.end)
        self.world.notes.seeks_ms.append((self.world.stopwatch() - began) // 1_000_000)

    def _reach(self, laid: Laid) -> None:
        """The deck learns of what came."""
        self.deck.lay(laid.end)
        self.deck.following = self.upcoming.end if self.upcoming else 0

    # ── requests ──

    async def _track(self, score: Score, index: int) -> Track:
        with understood(self.kind):
            return await CLIENTS[self.kind].track(self.line, score, index)

    async def _get(self, laid: Laid, name: str, part: Part, kind: str, index: int = 0) -> bytes:
        ladder, ends = laid.opened.score.ladder, laid.opened.track.ends_ms
        said: dict[str, int | str | bool | None] = {"bl": self.deck.ahead, "mtp": self._throughput() or None}
        if kind == "a":
            start = ends[laid.next - 1] if laid.next else 0
            said |= {"br": ladder[index] // 1000, "d": ends[laid.next] - start, "bs": self.deck.dry}
            track = laid.opened.score.tracks.get(index)
            if track is not None and laid.next + 1 < len(track.segments):
                said["nor"] = track.segments[laid.next + 1].url.rpartition("/")[2]
        there = laid.where(part)
        return await self.line.get(
            name, there.url, headers=self._headers(laid.song, **said)(kind), part=there.part
        )

    async def _persist(self, laid: Laid, began: int, ask: Callable[[], Awaitable[T]]) -> T:
        """Until it works: passing failures are waited out as long as there is music, an expired grant is renewed."""
        for attempt in count(1):
            try:
                return await ask()
            except FormatError as error:
                self.world.notes.error(self.world.ms(), error)
                raise Broken from None
            except UpstreamFailed as error:
                self.world.notes.error(self.world.ms(), error)
                code = error.code if isinstance(error, Refused) else 0
                in_hand = self.deck.ahead - (self.world.stopwatch() - began) // 1_000_000
                if code == 403 and attempt == 1:
                    await self._renew(laid)
                elif 400 <= code < 500 and code != 429:
                    raise Broken from None
                elif attempt < _TRIES:
                    await asyncio.sleep(_PATIENCE_MS * 2 ** (attempt - 1) / 1000)
                elif in_hand > _CLOSE_MS:
                    await asyncio.sleep(_AGAIN_MS / 1000)
                else:
                    raise Broken from None
        raise AssertionError("unreachable")

    async def _renew(self, laid: Laid) -> None:
        """A new grant for the same version; its token replaces the old one in every address."""
        self.world.notes.counts["renewals"] += 1
        ask = Ask(self._root, laid.song, self.session, self._headers(laid.song))
        try:
            grant = await granted(self.line, ask)
        except TonearmError as error:
            self.world.notes.error(self.world.ms(), error)
            return
        old, new = (str(each["base_url"]).partition("/songs/")[0] for each in (laid.opened.grant, grant))
        laid.tokens = (old, new)
        score = laid.opened.score
        score.playlists = [each.replace(old, new) for each in score.playlists]

    def _headers(self, song: str, **said: int | str | bool | None) -> Callable[[str], Mapping[str, str]]:
        common = {"sid": self.name, "cid": song, "sf": CLIENTS[self.kind].streaming_format, "st": "v"}
        return lambda kind: cmcd.fields({**common, **said, "ot": kind})

    # ── small things ──

    def _came(self, laid: Laid, size: int, took_ms: int) -> None:
        ends = laid.opened.track.ends_ms
        music = ends[laid.next - 1] - (ends[laid.next - 2] if laid.next > 1 else 0)
        score, notes = laid.opened.score, self.world.notes
        self.rendition = score.names[laid.rendition]
        notes.music_ms[self.rendition] += music
        notes.bit_ms += score.ladder[laid.rendition] * music
        self.abr.measured(size, took_ms)

    def _took(self) -> int:
        """How long the last transfer of media took, in ms."""
        return next((span.ns for span in reversed(self.line.spans) if span.name in _MEDIA), 0) // 1_000_000

    def _throughput(self) -> int:
        """kbit/s, 0 when nothing is known."""
        return (self.abr.estimate or 0) // 1000

    @property
    def _place(self) -> str:
        return self.world.settings.places[self.place].name

    @property
    def _root(self) -> str:
        return self.world.settings.places[self.place].url

    def _count(self, counter: Counter[tuple[str, int]], trouble: str) -> None:
        counter[self._place, self.world.slot()] += 1
        self.world.notes.troubles.append((self.world.ms(), trouble))
