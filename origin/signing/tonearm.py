"""Our own token behind the port: a path segment, so nothing has to be carried on (`origin.tokens`)."""

from __future__ import annotations

from media.errors import SettingsError
from media.ports import Signed, SignedRequest, Terms
from origin import tokens


class TonearmSigner:
    def __init__(self, keys: tokens.Keyring) -> None:
        self._keys = keys

    def sign(self, terms: Terms) -> Signed:
        try:
            token = tokens.sign(
                terms.scopes,
                keys=self._keys,
                expires_ms=terms.expires_ms,
                user=terms.user,
                not_before_ms=terms.not_before_ms,
                client=terms.client,
            )
        except ValueError as error:
            raise SettingsError(str(error)) from None
        return Signed(prefix=f"t/{token}/")

    def knows(self, request: SignedRequest) -> bool:
        return request.path.startswith("t/")

    def verify(self, request: SignedRequest, *, now_ms: int) -> Terms:
        _, _, rest = request.path.partition("/")
        token, _, path = rest.partition("/")
        claims = tokens.verify(token, path, keys=self._keys, now_ms=now_ms, client=request.client)
        scopes = claims.scopes or (f"{claims.scope}*",)
        return Terms(scopes, claims.expires_ms, claims.not_before_ms, claims.user, claims.client)

    def carried(self, request: SignedRequest) -> str:
        return ""
