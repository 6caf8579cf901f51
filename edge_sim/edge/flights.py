"""Request collapsing: whoever asks for what is already being fetched joins that fetch.

A flight says what it found as soon as it knows, and goes on: those who joined have the answer's head, and read the body while it
comes. It belongs to nobody who joined. When a listener skips and its request goes away, the fetch goes on for the others,
and when all are gone it still ends in the cache, where the next one finds it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from media.errors import UpstreamFailed
from media.serving import error_log

V = TypeVar("V")
Fetch = Callable[[Callable[[V], None]], Coroutine[Any, Any, None]]


class _Flight(Generic[V]):
    def __init__(self, news: asyncio.Future[V]) -> None:
        self.news = news
        self.task: asyncio.Task[None]

    def tell(self, found: V) -> None:
        if not self.news.done():
            self.news.set_result(found)


class Flights(Generic[V]):
    """At most one running fetch for each key."""

    def __init__(self) -> None:
        self._flights: dict[str, _Flight[V]] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._flights

    async def join(self, key: str, fetch: Fetch[V]) -> V:
        """What the flight for `key` has to tell; its error goes to everyone. Begun with `fetch` when there is none.

        `fetch` is given the function that tells, calls it once, and may go on for as long as it likes.
        """
        self.start(key, fetch)
        return await asyncio.shield(self._flights[key].news)

    def start(self, key: str, fetch: Fetch[V]) -> None:
        """Begin a flight that nobody waits for, unless there is one."""
        if key not in self._flights:
            flight = self._flights[key] = _Flight(asyncio.get_running_loop().create_future())
            flight.task = asyncio.create_task(self._fly(key, flight, fetch), name=f"fetch {key}")

    async def land(self, key: str, fetch: Fetch[V]) -> V:
        """As `join`, and comes back when the flight is over, however that was, and not as soon as it tells."""
        self.start(key, fetch)
        flight = self._flights[key]
        await asyncio.wait([flight.task])
        return flight.news.result()

    async def close(self) -> None:
        """End every flight; those who wait are cancelled."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.task.cancel()
            flight.news.cancel()
        await asyncio.gather(*(flight.task for flight in flights), return_exceptions=True)

    async def _fly(self, key: str, flight: _Flight[V], fetch: Fetch[V]) -> None:
        try:
            await fetch(flight.tell)
        except Exception as error:
            if not isinstance(error, UpstreamFailed):  # that one was to be expected
                error_log.exception("fetch of %s", key)
            if not flight.news.done():
                flight.news.set_exception(error)
                flight.news.exception()  # seen, even when everyone who waited has gone
        finally:
            del self._flights[key]
