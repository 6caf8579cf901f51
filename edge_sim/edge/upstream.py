"""The edge's client side: one connection pool, and errors that say what the server behind did wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp

from media.errors import UpstreamFailed, UpstreamTimeout

# A listener gives up after a few seconds; a server on the same continent connects in a few hundred milliseconds. No limit for all of
# an answer: what passes through goes at the pace of a listener, who may take an hour for a lossless song.
TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=2, sock_read=10)


def session() -> aiohttp.ClientSession:
    """A pool that sends what it is told and hands over bytes as they came: no cookies, no decoding, no proxies."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=256, limit_per_host=128),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=TIMEOUT,
        auto_decompress=False,
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
    )


@contextmanager
def named_errors(what: str) -> Iterator[None]:
    """Turn what the client library raises into `UpstreamTimeout` and `UpstreamFailed`; `what` names server and object."""
    try:
        yield
    except TimeoutError:
        raise UpstreamTimeout(f"{what}: no answer in time") from None
    except aiohttp.ClientPayloadError:
        raise UpstreamFailed(f"{what}: the answer broke off") from None
    except aiohttp.ClientConnectorError:
        raise UpstreamFailed(f"{what}: no connection") from None
    except (aiohttp.ClientError, OSError) as error:
        raise UpstreamFailed(f"{what}: {type(error).__name__}") from None
