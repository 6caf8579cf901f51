"""Who may have what: tokens in the path, signatures in the query or in cookies, and questions of other servers.

nginx and Varnish cannot check our tokens themselves. They ask ``GET /verify`` before they answer, with the request as it came in
``X-Original-URI``, the listener's address in ``X-Real-IP`` and the cookies as they are: 204 is yes, 403 is no, with the word for it in
``X-Tonearm-Problem``. Whoever asks learns no more than by asking for the object.

A yes that holds for all of the song's version says so by a ``max-age`` of at most ten seconds, and never beyond the signature's own end.
The other server may keep it under the listener's address, the token (or query and cookies) and the version's folder. Any other
yes, and every no, is for one request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from aiohttp import web

from edge_sim.edge.clock import Clock
from media.errors import TonearmError
from media.ports import SignedRequest, Terms
from media.serving import problem
from origin.signing.gate import Gate, Signers
from origin.signing.tonearm import TonearmSigner
from origin.tokens import Keyring

_LIFE_S = 10  # how long a key that was taken away still opens what it opened, behind another server
_VERSION = re.compile(r"(?:t/[^/]+/)?(songs/[^/]+/[^/]+/)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Admission:
    """`signers` are the kinds besides our own; `behind_proxy` says that ``X-Real-IP`` is to be believed."""

    keys: Keyring
    signers: Signers | None
    clock: Clock
    behind_proxy: bool

    def admit(self, request: web.Request) -> str:
        """The part of the request's query that is its signature. Raises the tree of `TokenError`."""
        asked = SignedRequest(
            request.rel_url.raw_path.removeprefix("/"),
            request.rel_url.raw_query_string,
            request.cookies,
            self.client(request),
        )
        _, carried = self._gate().admit(asked, now_ms=self.clock())
        return carried

    def client(self, request: web.Request) -> str:
        """The listener's IP address."""
        said = request.headers.get("X-Real-IP", "") if self.behind_proxy else ""
        return said or request.remote or ""

    async def verify(self, request: web.Request) -> web.Response:
        """``GET /verify``."""
        path, _, query = request.headers.get("X-Original-URI", "").removeprefix("/").partition("?")
        client = request.headers.get("X-Real-IP", request.remote or "")
        now_ms = self.clock()
        try:
            terms, _ = self._gate().admit(SignedRequest(path, query, request.cookies, client), now_ms=now_ms)
        except TonearmError as error:
            refusal = problem(403, error.slug, str(error))
            refusal.headers["X-Tonearm-Problem"] = error.slug
            return refusal
        life_s = min(_LIFE_S, (terms.expires_ms - now_ms) // 1000) if _opens_version(terms, path) else 0
        kept = f"max-age={life_s}" if life_s else "no-store"
        return web.Response(status=204, headers={"Cache-Control": kept})

    def _gate(self) -> Gate:
        return Gate(TonearmSigner(self.keys), self.signers)


def _opens_version(terms: Terms, path: str) -> bool:
    """Whether `terms` open everything in the version's folder that `path`, with a token before it or not, lies in."""
    found = _VERSION.match(path)
    return found is not None and any(
        scope.endswith("/*") and not set("*?").intersection(scope[:-1]) and found[1].startswith(scope[:-1])
        for scope in terms.scopes
    )
