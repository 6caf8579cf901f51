"""Listeners, for locust: they press play, listen in time, skip and seek.

    locust -f benchmarks/locustfile.py --host http://127.0.0.1:8080            # with locust's own page
    python -m benchmarks.load --users 20 --seconds 20                          # headless, with a verdict

A listener enters once, then plays one song after the other: popular ones more often (Zipf), about a quarter of them
not to the end. It fetches a segment when its buffer has room for one, which is once per four seconds of music, and
``--compression 8`` lets eight seconds of music pass in one. So the load is what that many people would make, and not
what the client manages. Each segment's request says how the player fares (CMCD).

Three of four listeners use our player, which starts with one request (the start bundle); the fourth one's asks for a grant and walks
through HLS as standard players do. `benchmarks.load.own_statistics` adds starts, stalls and the edge's hits to locust's reports.
"""

from __future__ import annotations

import json
import random
import secrets
import sys
import time
import uuid
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from uuid import UUID

import gevent
import m3u8
from locust import FastHttpUser, constant, events, task
from locust.exception import StopUser
from locust.runners import WorkerRunner

from benchmarks.load import own_statistics
from benchmarks.load.record import Recorder
from benchmarks.loopback import require_loopback
from edge_sim.crowd import cmcd
from media import start_bundle

BUFFER_S = 10.0  # seconds of music that a player keeps ahead
SKIPPED = 0.25  # of all songs, somewhere in their first half minute
SKIP_WITHIN_S = 30.0
SEEK = 0.03  # chance at each segment
SEGMENT = "…/[segment].m4s"
INIT = "…/init.mp4"

tally: Counter[str] = Counter()  # songs that were played
catalogue: list[str] = []  # song ids, the most popular first
recorder = Recorder("")


@events.init_command_line_parser.add_listener
def options(parser: Any) -> None:
    parser.add_argument("--compression", type=float, default=1.0, help="Seconds of music in a second of time")
    parser.add_argument("--zipf", type=float, default=1.0, help="Exponent of the songs' popularity")
    parser.add_argument(
        "--register", action="store_true", help="Register an account instead of entering as a guest"
    )
    parser.add_argument(
        "--songs",
        type=int,
        default=0,
        help="End after so many songs, if the time is not over first (one process only)",
    )
    parser.add_argument("--record", default="", help="A folder: write down every request and start there")
    parser.add_argument("--summary", default="", help="Write a JSON summary to this file at the end")


@events.init.add_listener
def begin(environment: Any, **_: Any) -> None:
    global recorder
    try:
        require_loopback(environment.host or "http://localhost")
    except ValueError as error:
        sys.exit(f"locust: {error}")
    recorder = Recorder(environment.parsed_options.record)
    own_statistics.show(environment)


class Interrupted(Exception):
    """A request failed, and locust has counted it; the listener tries another song."""


@dataclass(frozen=True, slots=True)
class Piece:
    """`size` bytes of a file from `offset` on (0 where a playlist does not say); `seconds` of music, 0 of a header."""

    url: str
    seconds: float = 0.0
    offset: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Opened:
    """A song whose first segment is there, of `size` bytes; `pieces` gives all its segments, and may have to ask for them."""

    pieces: Callable[[], list[Piece]]
    size: int


class Listener(FastHttpUser):
    """What all have in common; `format` is what CMCD calls the way that the song comes in."""

    abstract = True
    wait_time = constant(0)
    player = ""
    format = ""

    def on_start(self) -> None:
        try:
            require_loopback(self.host or "")  # locust's own page can change it after `begin` looked
            self.session = self.enter()
            if not catalogue:
                catalogue.extend(self.songs())
        except (
            ValueError,
            Interrupted,
        ) as error:  # locust has counted it; who could not enter does not listen
            raise StopUser(str(error)) from error

    @task
    def listen(self) -> None:
        """One song."""
        options = self.environment.parsed_options
        popularity = accumulate(1 / rank**options.zipf for rank in range(1, len(catalogue) + 1))
        (song,) = random.choices(catalogue, cum_weights=list(popularity))
        self.song, self.sid, self.missed = song, str(uuid.uuid4()), False
        try:
            begin = time.perf_counter()
            opened = self.press_play(song)
            ms = (time.perf_counter() - begin) * 1000
            own_statistics.add(self.environment, "START", self.player, ms, opened.size)
            recorder.note("start", ms, self.player, "cold" if self.missed else "warm")
            self.listen_on(opened.pieces, options.compression)
        except Interrupted:
            gevent.sleep(1)
        tally["songs"] += 1
        if tally["songs"] == options.songs:
            gevent.spawn(self.environment.runner.quit)  # not from here: it waits for us to stop

    def press_play(self, song: str) -> Opened:
        """From the first request to the last byte of the first segment."""
        raise NotImplementedError

    def enter(self) -> dict[str, str]:
        """A session, as a guest or with a new account."""
        if not self.environment.parsed_options.register:
            answer = self.fetch("POST", "/v1/sessions/guest", "/v1/sessions/guest", json={})
        else:
            account = {"email": f"{secrets.token_hex(8)}@load.example", "password": secrets.token_urlsafe(16)}
            self.fetch("POST", "/v1/accounts", "/v1/accounts", json=account)
            answer = self.fetch("POST", "/v1/sessions", "/v1/sessions", json=account)
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def songs(self) -> list[str]:
        """All there are, up to a thousand."""
        found: list[str] = []
        cursor = ""
        while len(found) < 1000:
            page = self.fetch("GET", f"/v1/songs?limit=100{cursor}", "/v1/songs", headers=self.session).json()
            found += [song["song_id"] for song in page["items"]]
            if not page["next_cursor"]:
                break
            cursor = f"&cursor={page['next_cursor']}"
        if not found:
            raise Interrupted("the catalogue is empty")
        return found

    def grant(self, song: str) -> dict[str, Any]:
        path = f"/v1/songs/{song}/stream"
        granted: dict[str, Any] = self.fetch(
            "GET", path, "/v1/songs/[song]/stream", headers=self.session
        ).json()
        return granted

    def licence(self, grant: dict[str, Any]) -> None:
        """For all renditions at once, as the W3C's Encrypted Media Extensions ask for it (§9.1.3)."""
        kids = [
            urlsafe_b64encode(UUID(kid).bytes).rstrip(b"=").decode() for kid in grant["protection"]["kids"]
        ]
        url = require_loopback(grant["license_url"])
        self.fetch("POST", url, "…/licence/clearkey", json={"kids": kids, "type": "temporary"})

    def listen_on(self, given: Callable[[], list[Piece]], compression: float) -> None:
        """The rest of the song, or of as much of it as this listener wants to hear: it sounds already."""
        begun, waited = time.perf_counter(), 0.0
        pieces = given()
        starts = list(accumulate((piece.seconds for piece in pieces), initial=0.0))
        leave = random.uniform(0, SKIP_WITHIN_S) if random.random() < SKIPPED else starts[-1]
        # The playhead is at `at` seconds of the song at the moment `since`.
        at, since = 0.0, begun
        number, starved = 1, False
        while number < len(pieces) and starts[number] < leave:
            self.sleep_until(since + (starts[number] - BUFFER_S - at) / compression)
            ahead = starts[number] - at - (time.perf_counter() - since) * compression
            self.media(pieces, number, max(0.0, ahead), starved=starved)
            late = time.perf_counter() - since - (starts[number] - at) / compression
            starved = late > 0
            if starved:
                waited += late
                since += late
                own_statistics.add(self.environment, "STALL", "silence", late * 1000)
                recorder.note("stall", late * 1000)
            number += 1
            if random.random() < SEEK:
                number = random.randrange(len(pieces))
                self.media(pieces, number, 0.0)
                at, since = starts[number], time.perf_counter()
                number += 1
        rest = max(0.0, min(leave, starts[-1]) - at)
        self.sleep_until(since + rest / compression)
        recorder.note("played", (time.perf_counter() - begun - waited) * 1000)

    def sleep_until(self, moment: float) -> None:
        """Wait, and write down by how much it became longer: then the load was not what it should have been."""
        wait = moment - time.perf_counter()
        gevent.sleep(max(0.0, wait))
        if wait > 0:
            recorder.note("late", (time.perf_counter() - moment) * 1000)

    def media(
        self, pieces: list[Piece], number: int, ahead: float, *, starting: bool = False, starved: bool = False
    ) -> Any:
        """The segment of this number, for a player that has `ahead` seconds of music."""
        piece = pieces[number]
        said = {
            "br": round(piece.size / 125 / piece.seconds) if piece.size and piece.seconds else None,
            "d": round(piece.seconds * 1000) or None,
            "ot": "a",
            "bl": round(ahead * 1000),
            "nor": pieces[number + 1].url.rpartition("/")[2] if number + 1 < len(pieces) else None,
            "su": starting,
            "cid": self.song,
            "sf": self.format,
            "sid": self.sid,
            "st": "v",
            "bs": starved,
        }
        return self.part(piece, SEGMENT, cmcd.fields(said))

    def part(self, piece: Piece, name: str, headers: dict[str, str] | None = None) -> Any:
        """A segment or header."""
        headers = headers or {}
        if piece.url.endswith("/track.mp4"):
            name = "…/track.mp4"
            headers["Range"] = f"bytes={piece.offset}-{piece.offset + piece.size - 1}"
        return self.fetch("GET", piece.url, name, headers=headers)

    def at_once(self, *calls: Callable[[], Any]) -> list[Any]:
        """What `calls` return, each made beside the others. Raises what the first one that failed raised."""
        jobs = [gevent.spawn(_outcome, call) for call in calls]
        gevent.joinall(jobs)
        for job in jobs:
            if isinstance(job.value, Interrupted):
                raise job.value
        return [job.get() for job in jobs]

    def fetch(self, method: str, url: str, name: str, **options: Any) -> Any:
        """One request. Raises `Interrupted` when it failed; what the edge did is written down."""
        url = urljoin(self.host or "", url)
        begin = time.perf_counter()
        answer = self.client.request(method, url, name=name, **options)
        ms = (time.perf_counter() - begin) * 1000
        if answer.status_code not in (200, 201, 206):
            recorder.note("failure", ms, f"{method} {name}: {answer.status_code}")
            raise Interrupted(f"{name}: {answer.status_code}")
        status = answer.headers.get("Cache-Status", "")
        did = ""
        if status and "/t/" in url and "/songs/" in url:
            did = "HIT" if "; hit" in status else "JOINED" if "collapsed" in status else "MISS"
            self.missed = self.missed or did != "HIT"
            own_statistics.add(self.environment, did, f"{method} {name}", ms, len(answer.content or b""))
        recorder.note("request", ms, f"{method} {name}", did.lower())
        return answer


def _outcome(call: Callable[[], Any]) -> Any:
    """Locust prints what escapes a greenlet; an interrupted start is no news to it."""
    try:
        return call()
    except Interrupted as interrupted:
        return interrupted


class OurPlayer(Listener):
    """One request: the start bundle has header, licence and first segment. What it had no room or time for is asked for at once, behind it."""

    weight = 3
    player = "ours"
    format = "o"

    def press_play(self, song: str) -> Opened:
        answer = self.fetch("GET", f"/v1/songs/{song}/start", "/v1/songs/[song]/start", headers=self.session)
        words, media = start_bundle.read(answer.content)
        base = require_loopback(words["base_url"])
        rendition = words["rendition"]
        if not media:
            first = _part(base, rendition["first_segment"])
            _, segment = self.at_once(
                lambda: self.part(_part(base, rendition["init"]), INIT),
                lambda: self.media([first], 0, 0.0, starting=True),
            )
            media = segment.content
        return Opened(lambda: self.pieces(base, words), len(media))

    def pieces(self, base: str, words: dict[str, Any]) -> list[Piece]:
        url = urljoin(base, words["presentation_url"])
        presentation = self.fetch("GET", url, "…/presentation.json").json()
        named = {each["name"]: each for each in presentation["renditions"]}
        rendition = named[words["rendition"]["name"]]
        rate = rendition["sample_rate"]
        return [
            Piece(urljoin(base, each["path"]), each["duration"] / rate, each.get("offset", 0), each["size"])
            for each in rendition["segments"]
        ]


def _part(base: str, part: dict[str, Any]) -> Piece:
    return Piece(urljoin(base, part["path"]), 0.0, part["offset"], part["size"])


class HlsPlayer(Listener):
    """One after the other, as the playlists name them: multivariant, media, header, key, segment."""

    weight = 1
    player = "hls"
    format = "h"

    def press_play(self, song: str) -> Opened:
        grant = self.grant(song)
        url = require_loopback(grant["manifests"]["hls"])
        variants = m3u8.loads(self.fetch("GET", url, "…/hls.m3u8").text, uri=url)
        url = variants.playlists[0].absolute_uri
        media = m3u8.loads(self.fetch("GET", url, "…/[rendition]/hls.m3u8").text, uri=url)
        pieces = [_named(each, float(each.duration)) for each in media.segments]
        self.part(_named(media.segments[0].init_section), INIT)
        key = media.segments[0].key
        if key is not None and key.method == "AES-128":
            self.fetch("GET", require_loopback(key.absolute_uri), "…/keys/[kid]")
        elif key is not None:
            self.licence(grant)
        size = len(self.media(pieces, 0, 0.0, starting=True).content)
        return Opened(lambda: pieces, size)


def _named(part: Any, seconds: float = 0.0) -> Piece:
    """A file, or a byte range ``size@offset`` of one (RFC 8216bis §4.4.4.2)."""
    size, _, offset = (part.byterange or "0").partition("@")
    return Piece(part.absolute_uri, seconds, int(offset or 0), int(size))


@events.quit.add_listener
def end(**_: Any) -> None:
    recorder.close()


@events.quitting.add_listener
def summarise(environment: Any, **_: Any) -> None:
    """What locust alone knows: the errors by their names."""
    if not environment.parsed_options.summary or isinstance(environment.runner, WorkerRunner):
        return
    failures = {
        f"{each.method} {each.name}: {each.error}": each.occurrences
        for each in environment.stats.errors.values()
    }
    Path(environment.parsed_options.summary).write_text(json.dumps({"failures": failures}))
