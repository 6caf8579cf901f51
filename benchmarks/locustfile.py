"""Listeners, for locust: they press play, listen in time, skip and seek.

    locust -f benchmarks/locustfile.py --host http://127.0.0.1:8080            # with locust's own page
    python -m benchmarks.load --users 20 --seconds 20                          # headless, with a verdict

A listener enters once, then plays one song after the other: popular ones more often (Zipf), about a quarter of them
not to the end. It fetches a segment when its buffer has room for one, which is once per four seconds of music, and
``--compression 8`` lets eight seconds of music pass in one. So the load is what that many people would make, and not
what the client manages.

Beside locust's entries for every kind of request there is one of type START: from asking for the grant to the last
byte of the first segment. How the edge answered is counted from ``Cache-Status``.
"""

from __future__ import annotations

import json
import random
import secrets
import sys
import time
from base64 import urlsafe_b64encode
from collections import Counter
from itertools import accumulate
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from uuid import UUID

import gevent
import m3u8
from locust import FastHttpUser, constant, events, task
from locust.exception import StopUser
from m3u8.model import InitializationSection

from benchmarks.loopback import require_loopback

BUFFER_S = 10.0  # seconds of music that a player keeps ahead
SKIPPED = 0.25  # of all songs, somewhere in their first half minute
SKIP_WITHIN_S = 30.0
SEEK = 0.03  # chance at each segment
SEGMENT = "…/[segment].m4s"
START = "grant → first segment"

tally: Counter[str] = Counter()  # cache answers by kind, songs, stalls
catalogue: list[str] = []  # song ids, the most popular first


@events.init_command_line_parser.add_listener
def options(parser: Any) -> None:
    parser.add_argument("--compression", type=float, default=1.0, help="Seconds of music in a second of time")
    parser.add_argument("--zipf", type=float, default=1.0, help="Exponent of the songs' popularity")
    parser.add_argument(
        "--register", action="store_true", help="Register an account instead of entering as a guest"
    )
    parser.add_argument(
        "--songs", type=int, default=0, help="End after so many songs, if the time is not over first"
    )
    parser.add_argument("--summary", default="", help="Write a JSON summary to this file at the end")


@events.init.add_listener
def only_here(environment: Any, **_: Any) -> None:
    try:
        require_loopback(environment.host or "http://localhost")
    except ValueError as error:
        sys.exit(f"locust: {error}")


class Interrupted(Exception):
    """A request failed, and locust has counted it; the listener tries another song."""


class Listener(FastHttpUser):
    wait_time = constant(0)

    def on_start(self) -> None:
        try:
            require_loopback(self.host or "")  # locust's own page can change it after `only_here` looked
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
        try:
            begin = time.perf_counter()
            segments, size = self.press_play(song)
            elapsed = time.perf_counter() - begin
            events.request.fire(
                request_type="START",
                name=START,
                response_time=elapsed * 1000,
                response_length=size,
                exception=None,
                context={},
            )
            self.listen_on(segments, options.compression)
        except Interrupted:
            gevent.sleep(1)
        tally["songs"] += 1
        if tally["songs"] == options.songs:
            gevent.spawn(self.environment.runner.quit)  # not from here: it waits for us to stop

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

    def press_play(self, song: str) -> tuple[list[m3u8.Segment], int]:
        """From the grant to the first segment; gives all segments, and the first one's size in bytes."""
        path = f"/v1/songs/{song}/stream"
        grant = self.fetch("GET", path, "/v1/songs/[song]/stream", headers=self.session).json()
        url = require_loopback(grant["manifests"]["hls"])
        variants = m3u8.loads(self.fetch("GET", url, "…/hls.m3u8").text, uri=url)
        url = variants.playlists[0].absolute_uri
        media = m3u8.loads(self.fetch("GET", url, "…/[rendition]/hls.m3u8").text, uri=url)
        first = media.segments[0]
        self.fetch_part(first.init_section, "…/init.mp4")
        self.unlock(grant, first.key)
        return media.segments, len(self.fetch_part(first, SEGMENT).content)

    def unlock(self, grant: dict[str, Any], key: m3u8.Key | None) -> None:
        """The licence for all renditions, or for HLS AES-128 the rendition's key itself."""
        if key is None:
            return
        if key.method == "AES-128":
            self.fetch("GET", require_loopback(key.absolute_uri), "…/keys/[kid]")
            return
        kids = [
            urlsafe_b64encode(UUID(kid).bytes).rstrip(b"=").decode() for kid in grant["protection"]["kids"]
        ]
        url = require_loopback(grant["license_url"])
        self.fetch("POST", url, "…/licence/clearkey", json={"kids": kids, "type": "temporary"})

    def listen_on(self, segments: list[m3u8.Segment], compression: float) -> None:
        """The rest of the song, or of as much of it as this listener wants to hear."""
        durations = [float(segment.duration) for segment in segments]
        starts = list(accumulate(durations, initial=0.0))
        leave = random.uniform(0, SKIP_WITHIN_S) if random.random() < SKIPPED else starts[-1]
        # The playhead is at `at` seconds of the song at the moment `since`.
        at, since = 0.0, time.perf_counter()
        number = 1
        while number < len(segments) and starts[number] < leave:
            gevent.sleep(
                max(0.0, since + (starts[number] - BUFFER_S - at) / compression - time.perf_counter())
            )
            self.fetch_part(segments[number], SEGMENT)
            late = time.perf_counter() - since - (starts[number] - at) / compression
            if late > 0:
                tally["stalls"] += 1
                since += late
            number += 1
            if random.random() < SEEK:
                number = random.randrange(len(segments))
                self.fetch_part(segments[number], SEGMENT)
                at, since = starts[number], time.perf_counter()
                number += 1
        rest = min(leave, starts[-1]) - at
        gevent.sleep(max(0.0, since + rest / compression - time.perf_counter()))

    def fetch_part(self, part: m3u8.Segment | InitializationSection, name: str) -> Any:
        """A segment or header: a file called `name`, or a byte range ``size@offset`` of one (RFC 8216bis §4.4.4.2)."""
        if part.byterange is None:
            return self.fetch("GET", part.absolute_uri, name)
        size, _, offset = part.byterange.partition("@")
        first = int(offset or 0)
        asked = {"Range": f"bytes={first}-{first + int(size) - 1}"}
        return self.fetch("GET", part.absolute_uri, "…/track.mp4", headers=asked)

    def fetch(self, method: str, url: str, name: str, **options: Any) -> Any:
        """One request. Raises `Interrupted` when it failed; what the edge did is taken into the tally."""
        url = urljoin(self.host or "", url)
        answer = self.client.request(method, url, name=name, **options)
        if answer.status_code not in (200, 201, 206):
            raise Interrupted(f"{name}: {answer.status_code}")
        status = answer.headers.get("Cache-Status", "")
        if status and "/t/" in url and "/songs/" in url:
            tally["hits" if "; hit" in status else "collapsed" if "collapsed" in status else "misses"] += 1
        return answer


@events.report_to_master.add_listener
def to_master(client_id: str, data: dict[str, Any]) -> None:
    data["tally"] = dict(tally)
    tally.clear()


@events.worker_report.add_listener
def from_worker(client_id: str, data: dict[str, Any]) -> None:
    tally.update(data.get("tally", {}))


@events.quitting.add_listener
def summarise(environment: Any, **_: Any) -> None:
    """What `benchmarks.load` prints."""
    if not environment.parsed_options.summary:
        return
    starts = environment.stats.get(START, "START")
    total = environment.stats.total
    document = {
        "starts": starts.num_requests,
        "start_ms": {
            f"p{percent}": starts.get_response_time_percentile(percent / 100) for percent in (50, 95, 99)
        },
        "requests": total.num_requests - starts.num_requests,
        "failures": {
            f"{each.method} {each.name}: {each.error}": each.occurrences
            for each in environment.stats.errors.values()
        },
        "cache": {name: tally[name] for name in ("hits", "collapsed", "misses")},
        "stalls": tally["stalls"],
    }
    Path(environment.parsed_options.summary).write_text(json.dumps(document))
