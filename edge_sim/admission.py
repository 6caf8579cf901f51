"""Who may have what: tokens in the path, signatures in the query or in cookies, and questions of other servers.

nginx and Varnish cannot check our tokens themselves. They ask ``GET /verify`` before they answer, with the request as it came in
``X-Original-URI``, the listener's address in ``X-Real-IP`` and the cookies as they are: 204 is yes, 403 is no, with the word for it in
``X-Tonearm-Problem``. Whoever asks learns no more than by asking for the object.
"""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from edge_sim.fetch import Clock
from media.errors import TonearmError
from media.ports import SignedRequest
from media.serving import problem
from origin.signing.gate import Gate, Signers
from origin.signing.tonearm import TonearmSigner
from origin.tokens import Keyring


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
        return self._carried(asked)

    def client(self, request: web.Request) -> str:
        """The listener's IP address."""
        said = request.headers.get("X-Real-IP", "") if self.behind_proxy else ""
        return said or request.remote or ""

    async def verify(self, request: web.Request) -> web.Response:
        """``GET /verify``."""
        path, _, query = request.headers.get("X-Original-URI", "").removeprefix("/").partition("?")
        client = request.headers.get("X-Real-IP", request.remote or "")
        try:
            self._carried(SignedRequest(path, query, request.cookies, client))
        except TonearmError as error:
            refusal = problem(403, error.slug, str(error))
            refusal.headers["X-Tonearm-Problem"] = error.slug
            return refusal
        return web.Response(status=204, headers={"Cache-Control": "no-store"})

    def _carried(self, asked: SignedRequest) -> str:
        _, carried = Gate(TonearmSigner(self.keys), self.signers).admit(asked, now_ms=self.clock())
        return carried
