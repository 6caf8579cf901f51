"""Pass one request on and its answer back, as it is, a piece at a time, and uncached.

For objects too large to hold, for answers that may not be kept, and for the control API behind the edge.
"""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from edge_sim.edge.upstream import named_errors
from media.errors import UpstreamFailed

# RFC 9110 §7.6.1; and Host and Expect, which our own exchange with the server behind settles anew.
_HOP_BY_HOP = frozenset(
    [
        "connection",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ]
)


async def forward(
    request: web.Request,
    session: aiohttp.ClientSession,
    url: URL,
    *,
    headers: Mapping[str, str],
    what: str,
    cache_status: str,
) -> web.StreamResponse:
    """Ask `url` what `request` asks us, with `headers` instead of its own; `what` names the server in errors.

    Raises `UpstreamFailed` and `UpstreamTimeout` while nothing is sent yet.
    When the server behind breaks off later, our connection breaks off as well: half an answer must never look whole.
    """
    body = request.content.iter_any() if request.can_read_body else None
    with named_errors(what):
        upstream = await session.request(
            request.method, url, headers=headers, data=body, allow_redirects=False
        )
    async with upstream:
        return await relay(request, upstream, what=what, cache_status=cache_status)


async def relay(
    request: web.Request, upstream: aiohttp.ClientResponse, *, what: str, cache_status: str = ""
) -> web.StreamResponse:
    """Send on what `upstream` answers; its head has come, its body comes with ours. `cache_status` is added to its own, if there is one to add."""
    response = web.StreamResponse(status=upstream.status, headers=end_to_end(upstream.headers))
    said = upstream.headers.get("Cache-Status")
    if cache_status:
        response.headers["Cache-Status"] = f"{said}, {cache_status}" if said else cache_status
    await response.prepare(request)
    try:
        with named_errors(what):
            async for chunk in upstream.content.iter_any():
                await response.write(chunk)
    except UpstreamFailed as error:
        raise ConnectionResetError(str(error)) from None  # aiohttp then closes the listener's connection
    await response.write_eof()
    return response


def end_to_end(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """The header fields that are meant for the other end, not for the next hop (RFC 9110 §7.6.1)."""
    named = {name.strip().lower() for value in headers.getall("Connection", ()) for name in value.split(",")}
    return CIMultiDict(
        (name, value)
        for name, value in headers.items()
        if name.lower() not in _HOP_BY_HOP and name.lower() not in named
    )
