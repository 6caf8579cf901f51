"""Who may pass: a request is held against the kind of signature that it carries, and against no other.

gate = Gate(TonearmSigner(keys), others=watched_signers)
terms, query = gate.admit(request, now_ms=…)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from media.errors import TokenInvalid
from media.ports import SignedRequest, Terms, UrlSigner


class Signers(Protocol):
    """Ways of signing whose keys may change while a server runs."""

    def current(self) -> Sequence[UrlSigner]: ...


class Gate:
    """`own` is asked first; `others` are what the signing file has."""

    def __init__(self, own: UrlSigner, others: Signers | None = None) -> None:
        self._own = own
        self._others = others

    def admit(self, request: SignedRequest, *, now_ms: int) -> tuple[Terms, str]:
        """What the request's signature says, and the part of its query that the addresses in a manifest carry on.

        Raises the tree of `TokenError`.
        """
        for signer in (self._own, *(self._others.current() if self._others else ())):
            if signer.knows(request):
                return signer.verify(request, now_ms=now_ms), signer.carried(request)
        raise TokenInvalid("token: there is none")
