"""The edge: a caching reverse proxy in front of the origin.

A stream URL is ``/t/{token}/songs/…``. The edge verifies the token itself and caches by the path behind it, so
listeners share objects and nothing of the control plane is needed to play. Here are the doors and what opens with them;
`edge_sim.edge.tier` has what happens behind. Listeners' own ``Cache-Control`` is not obeyed: an edge that everybody may
send past its memory protects no origin.

    app = application("edge", routes(origin_url="http://127.0.0.1:8081", keys=keys, memory=256 << 20))
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import aiohttp
from aiohttp import web
from yarl import URL

from edge_sim.edge.admission import Admission
from edge_sim.edge.cache import MemoryCache
from edge_sim.edge.cache_status import CacheStatus, name_of
from edge_sim.edge.carried import Carry, is_manifest
from edge_sim.edge.clock import Clock, unix_ms
from edge_sim.edge.control import LARGEST, Control, Door
from edge_sim.edge.disk.disk import Disk
from edge_sim.edge.disk.format import SHARDS
from edge_sim.edge.fetch import Origin
from edge_sim.edge.forward import end_to_end, forward
from edge_sim.edge.jobs import Jobs
from edge_sim.edge.limits import Limits
from edge_sim.edge.metrics import CONTENT_TYPE, Metrics
from edge_sim.edge.paths import check_path
from edge_sim.edge.purges import Purges
from edge_sim.edge.shelf import LimitedShelf, MemoryShelf
from edge_sim.edge.siblings import Siblings
from edge_sim.edge.stock import Stock
from edge_sim.edge.tier import SIGNATURE, Tier
from edge_sim.edge.upstream import session
from edge_sim.edge.upstreams.ask import Topology, Upstreams
from edge_sim.edge.upstreams.checks import Checks
from edge_sim.edge.upstreams.metrics import UpstreamMetrics
from edge_sim.edge.warming.ledger import Ledger
from edge_sim.edge.warming.metrics import WarmingMetrics
from edge_sim.edge.warming.neighbours import Neighbours, begin, keep
from edge_sim.edge.warming.warming import FIRST, OFF, Settings, Warming
from edge_sim.policies import DEFAULT
from edge_sim.policies import policy as new_policy
from media import layout
from media.errors import ApiError, ObjectMissing
from media.fast_path import Quick
from media.serving import REQUEST_ID, Routes, application, listening
from media.tally import Tally
from origin.signing.gate import Signers
from origin.tokens import Keyring, verify

_CMCD = ("CMCD-Request", "CMCD-Object", "CMCD-Session", "CMCD-Status")


def routes(
    *,
    origin_url: str | Topology,
    keys: Keyring,
    memory: int,
    policy: str = DEFAULT,
    clock: Clock = unix_ms,
    api_url: str | None = None,
    signers: Signers | None = None,
    carry: Carry = "rewrite",
    behind_proxy: bool = False,
    as_shield: bool = False,
    limits: Limits | None = None,
    control: Door | None = None,
    warming: Settings = OFF,
    neighbours: Neighbours | None = None,
    fast_path: bool = True,
    tally: Tally | None = None,
    worker: int = 0,
    siblings: Siblings | None = None,
    disk: tuple[Path, int] | None = None,
    shards: Collection[int] = range(SHARDS),
) -> Routes:
    """The edge's routes. `memory` is the cache's budget in bytes, `policy` names who leaves it, `clock` gives Unix time in ms.

    `origin_url` is one origin, or a whole `Topology`. `as_shield`: all below ``/songs/`` is open, because only other edges come.
    `limits` are for each listener, and `control` is where operators come in.
    `warming` says what is fetched before anybody asks, `neighbours` where popular songs are learned and told.

    With `api_url`, the control API's paths pass through to it, uncached. With `signers`, a signature of theirs in the query or a
    cookie opens ``/songs/…``, too, and manifests carry it on as `carry` says. `behind_proxy`: listeners' addresses are
    in ``X-Real-IP``. `fast_path`: plain requests for what is in memory go past most of aiohttp. `tally` (of `Metrics.CELLS`) is
    shared between workers, of which this is number `worker`; `siblings` are the others. `disk` is a folder for more objects and its budget in
    bytes, of which this process owns `shards` and their share. Raises `SettingsError` when the folder cannot be had.
    """
    edge = Edge(
        topology=Topology([origin_url], checks=False) if isinstance(origin_url, str) else origin_url,
        admission=Admission(keys, signers, clock, behind_proxy),
        memory=memory,
        policy=policy,
        clock=clock,
        api_url=api_url,
        carry=carry,
        as_shield=as_shield,
        limits=limits,
        control=control,
        warming=warming,
        neighbours=neighbours,
        fast_path=fast_path,
        tally=tally,
        worker=worker,
        siblings=siblings,
        disk=disk,
        shards=shards,
    )
    table: list[web.AbstractRouteDef] = [
        web.get(r"/t/{token}/songs/{path:.+}", edge.stream),
        web.get(r"/songs/{path:[^/]+/[^/]+/public/.+}", edge.public),
        web.get("/verify", edge.admission.verify),
        web.get("/healthz", edge.healthz),
        web.get("/metrics", edge.metrics),
    ]
    if as_shield:
        table.append(web.get(r"/songs/{path:.+}", edge.open))
    elif signers is not None:
        table.append(web.get(r"/songs/{path:.+}", edge.signed))
    if api_url is not None:
        table += [
            web.route("*", r"/t/{token}/{path:(?:licence|keys)/.+}", edge.api),
            web.route("*", r"/v1/{path:.+}", edge.api),
        ]
    return Routes(table, edge.lifetime, edge.shelf, limits)


class Edge:
    """One edge's doors, memory, connections and counters."""

    def __init__(
        self,
        *,
        topology: Topology,
        admission: Admission,
        memory: int,
        policy: str,
        clock: Clock,
        api_url: str | None,
        carry: Carry,
        as_shield: bool,
        limits: Limits | None,
        control: Door | None,
        warming: Settings,
        neighbours: Neighbours | None,
        fast_path: bool,
        tally: Tally | None,
        worker: int,
        siblings: Siblings | None,
        disk: tuple[Path, int] | None,
        shards: Collection[int],
    ) -> None:
        self._topology = topology
        self._api_url = api_url
        self.admission = admission
        self._carry = carry
        self._status = CacheStatus(name_of(topology.region))
        self._clock = clock
        self._cache = MemoryCache(memory, new_policy(policy, memory))
        self._metrics = Metrics(self._cache, tally, worker)
        self._as_shield = as_shield
        self._limits = limits
        self._control = control
        self._settings = warming
        self._neighbours = neighbours
        # Behind a proxy the fast path does not know who asks.
        fast = fast_path and not (limits is not None and admission.behind_proxy)
        self.shelf = self._new_shelf() if fast else None
        if self.shelf is not None:
            self._cache.gone = self.shelf.forget
        self._siblings = siblings
        self._disk = None
        if disk is not None:
            folder, budget = disk
            self._disk = Disk(
                folder,
                budget,
                partial(new_policy, policy),
                shards=shards,
                count=lambda event: self._metrics.befell.labels(event).inc(),
            )
            self._metrics.disk = self._disk.index
        self._session: aiohttp.ClientSession
        self._tier: Tier
        self._stock: Stock
        self._warming: Warming

    def _new_shelf(self) -> MemoryShelf:
        unwatched = self._settings == OFF and self._neighbours is None and self._control is None
        kind = MemoryShelf if self._limits is None else partial(LimitedShelf, self._limits)
        return kind(
            self.admission.keys,
            self._cache.peek,
            self._hit,
            budget=self._cache.budget,
            clock=self._clock,
            status=self._status,
            heard=None if unwatched else self._heard_quickly,
            behind_proxy=self.admission.behind_proxy,
            everything=self._as_shield,
        )

    async def lifetime(self, app: web.Application) -> AsyncIterator[None]:
        """Connections are opened here before the first request and closed after the last."""
        async with session() as self._session:
            upstreams = Upstreams(self._topology, self._session, clock=self._clock)
            self._metrics.add(UpstreamMetrics(upstreams, self._clock))
            watched = upstreams.servers if self._topology.checks else []
            checks = Checks(watched, self._session, clock=self._clock)
            if self._disk is not None:
                self._disk.open()
            self._tier = Tier(
                cache=self._cache,
                disk=self._disk,
                origin=Origin(upstreams, clock=self._clock),
                metrics=self._metrics,
                carry=self._carry,
                clock=self._clock,
                status=self._status,
                shelf=self.shelf,
                siblings=self._siblings,
            )
            self._stock = Stock(self._tier, self._cache, self._disk, self._clock)
            ledger = Ledger(self._stock.kept)
            self._metrics.add(WarmingMetrics(ledger))
            self._warming = Warming(self._settings, self._stock, ledger, self._clock)
            jobs = Jobs(self._stock, ledger)
            purges = Purges(self._stock, self._siblings)
            async with (
                self._among_siblings(),
                self._among_neighbours(),
                self._operated(
                    Control(
                        name=name_of(self._topology.region),
                        token=self._control.token if self._control else "",
                        purges=purges,
                        jobs=jobs,
                        ledger=ledger,
                        popular=self._warming.popular,
                        upstreams=upstreams,
                        metrics=self._metrics,
                        clock=self._clock,
                    )
                ),
            ):
                yield
                await self._warming.close()
                await jobs.close()
            await checks.close()
            await self._tier.close()
            if self._disk is not None:
                await self._disk.close()
            if self.shelf is not None:
                self.shelf.close()

    @asynccontextmanager
    async def _among_neighbours(self) -> AsyncIterator[None]:
        """Popular songs are learned and told inside the block."""
        found = self._neighbours or Neighbours()
        tasks = [asyncio.create_task(keep(self._warming.popular, found.file))]
        if found.source:
            tasks.append(asyncio.create_task(begin(found, self._warming, self._session), name="popular"))
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _heard_quickly(self, path: str, quick: Quick) -> None:
        """The fast path answered: what of it concerns warming."""
        if path.endswith(FIRST):
            self._warming.begun(path)
        if quick.asked.cmcd and not layout.is_public(path):
            self._warming.said(quick.target.decode("latin-1"), quick.asked.cmcd.decode("latin-1"))

    @asynccontextmanager
    async def _operated(self, control: Control) -> AsyncIterator[None]:
        """With the control door open inside the block, if there is to be one."""
        if self._control is None:
            yield
            return
        door = application("edge-control", control.routes(), client_max_size=LARGEST)
        async with listening(door, self._control.host, self._control.port):
            yield

    @asynccontextmanager
    async def _among_siblings(self) -> AsyncIterator[None]:
        if self._siblings is None:
            yield
            return
        telling = asyncio.create_task(self._metrics.keep_fresh())
        async with self._siblings.opened(self._tier.lender().serve):
            yield
        telling.cancel()

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """``/t/{token}/songs/…``: what the token opens."""
        self._limit(request)
        path = _canonical(request)
        verify(
            request.match_info["token"],
            path,
            keys=self.admission.keys,
            now_ms=self._clock(),
            client=self.admission.client(request),
        )
        return await self._serve(request, path)

    async def signed(self, request: web.Request) -> web.StreamResponse:
        """``/songs/…?signature``, or with it in cookies. The signature is no part of what is cached, nor of its key."""
        self._limit(request)
        path = _canonical(request)
        query = self.admission.admit(request)
        if query and is_manifest(path):
            request[SIGNATURE] = query
        return await self._serve(request, path)

    async def public(self, request: web.Request) -> web.StreamResponse:
        """``/songs/{song}/{version}/public/…``: what needs no token."""
        self._limit(request)
        path = _canonical(request)
        if not layout.is_public(path):
            raise ObjectMissing(f"{path}: not public")
        return await self._serve(request, path)

    async def open(self, request: web.Request) -> web.StreamResponse:
        """``/songs/…`` of a shield: whatever an origin has."""
        self._limit(request)
        return await self._serve(request, _canonical(request))

    async def api(self, request: web.Request) -> web.StreamResponse:
        """The control API behind the edge."""
        self._limit(request)
        url = URL(f"{(self._api_url or '').rstrip('/')}{request.rel_url.raw_path_qs}", encoded=True)
        headers = end_to_end(request.headers)
        headers["X-Request-Id"] = request[REQUEST_ID]
        # Where listeners are: grants lead them back here.
        headers["Host"] = request.host
        if not (self.admission.behind_proxy and "X-Forwarded-Proto" in headers):
            headers["X-Forwarded-Proto"] = request.scheme
        return await forward(
            request,
            self._session,
            url,
            headers=headers,
            what="control API",
            cache_status=self._status.forwarded("bypass"),
        )

    async def _serve(self, request: web.Request, path: str) -> web.StreamResponse:
        # Who needs no token makes the edge fetch nothing but what was asked for.
        said = "" if layout.is_public(path) else _cmcd(request)
        ahead = self._warming.asked(path, request.rel_url.raw_path, said)
        return await self._tier.serve(request, path, ahead=ahead)

    def _limit(self, request: web.Request) -> None:
        """Raises `ApiError` 429."""
        if self._limits is not None:
            peer = request.transport.get_extra_info("peername") if request.transport is not None else None
            try:
                self._limits.check(self.admission.client(request), peer)
            except ApiError:
                self._metrics.limited.inc()
                raise

    async def healthz(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"}, headers={"Cache-Control": "no-store"})

    async def metrics(self, request: web.Request) -> web.Response:
        return web.Response(
            body=self._metrics.text(),
            headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"},
        )

    def _hit(self, path: str, sent: int) -> None:
        """The fast path answered from memory."""
        self._cache.get(path)
        self._metrics.hit_quickly(sent)


def _cmcd(request: web.Request) -> str:
    """What a player says of itself (CTA-5004 §2): in header fields, or else in the query."""
    said = [value for name in _CMCD for value in request.headers.getall(name, ())]
    return ",".join(said) or request.query.get("CMCD", "")


def _canonical(request: web.Request) -> str:
    """The path in the store, ``songs/…``, without percent-encoding, dot segments or empty parts. Raises `BadKey`."""
    return check_path(f"songs/{request.match_info['path']}")
