"""Sessions: signed tokens (JWT, RFC 7519, HS256) for log-ins and for guests, and the caller behind a request.

A token says who, until when, and nothing else: role, tier and region are the account's, so a change of them needs no
new session. The key is of this installation alone and signs nothing but these tokens.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import jwt
from aiohttp import web
from pydantic import Field, SecretStr

from control_api.accounts import Accounts
from control_api.endpoint import Caller, Operation
from control_api.fields import Body, Email, View
from control_api.limits import Buckets
from media.errors import ApiError, SettingsError
from media.private import private_folder

LIFETIME_S = 12 * 3600
_ISSUER = "tonearm"


class LogIn(Body):
    email: Email
    password: SecretStr = Field(max_length=256)


class SessionView(View):
    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  the scheme's name (RFC 6750)
    expires_in: int = Field(description="seconds")


class Sessions:
    """`key` is 32 random bytes, `clock` gives Unix milliseconds. `guests` says whether one may enter without an account.

    `tries` limits log-ins by network address and by e-mail address, `arrivals` guests by network address.
    """

    def __init__(
        self,
        accounts: Accounts,
        key: bytes,
        clock: Callable[[], int],
        *,
        guests: bool,
        tries: Buckets,
        arrivals: Buckets,
    ) -> None:
        self.accounts = accounts
        self.clock = clock
        self.guests = guests
        self.tries = tries
        self.arrivals = arrivals
        self._key = key

    def operations(self) -> list[Operation]:
        return [
            Operation(
                "POST",
                "/v1/sessions",
                self.log_in,
                "Log in",
                refusals={401: "Wrong address or password", 429: "Too many tries"},
            ),
            Operation(
                "POST",
                "/v1/sessions/guest",
                self.welcome,
                "Enter as a guest",
                refusals={403: "This service admits no guests", 429: "Too many guests"},
            ),
        ]

    async def log_in(self, request: web.Request, body: LogIn) -> SessionView:
        self.tries.take(f"address {request.remote}")
        self.tries.take(f"account {body.email}")
        caller = await self.accounts.log_in(body.email, body.password.get_secret_value())
        if caller is None:
            raise _unauthorised("wrong-credentials", "no account has this e-mail address and this password")
        return self.issue(caller)

    async def welcome(self, request: web.Request) -> SessionView:
        if not self.guests:
            raise ApiError(403, "no-guests", "this service needs an account")
        self.arrivals.take(request.remote or "")
        return self.issue(await self.accounts.create())

    def issue(self, caller: Caller) -> SessionView:
        now = self.clock() // 1000
        claims = {"iss": _ISSUER, "sub": caller.account_id, "iat": now, "exp": now + LIFETIME_S}
        return SessionView(access_token=jwt.encode(claims, self._key, "HS256"), expires_in=LIFETIME_S)

    async def authenticate(self, request: web.Request) -> Caller:
        """The caller behind ``Authorization: Bearer …``. Raises `ApiError` 401."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _unauthorised("no-session", "this needs a session: Authorization: Bearer …")
        try:
            claims = jwt.decode(
                token.strip(),
                self._key,
                algorithms=["HS256"],
                issuer=_ISSUER,
                # The time is ours to judge: PyJWT would ask the system's clock.
                options={"require": ["sub", "exp"], "verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError:
            raise _unauthorised("invalid-session", "the session token is not one of ours") from None
        if self.clock() >= claims["exp"] * 1000:
            raise _unauthorised("session-expired", "the session has ended; log in again")
        caller = await self.accounts.find(claims["sub"])
        if caller is None:
            raise _unauthorised("invalid-session", "the account of this session is gone")
        return caller


def load_session_key(home: Path) -> bytes:
    """32 bytes from ``session.key`` in `home`, made on first use. Raises `SettingsError` when others may read it."""
    path = home / "session.key"
    if not path.exists():
        new = private_folder(home) / f".session.key.{secrets.token_hex(8)}"
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(32))
            os.link(new, path)
        except FileExistsError:
            pass  # another process was faster; its key counts
        finally:
            new.unlink()
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise SettingsError(
            f"{path}: permissions {mode:04o}, but a session key is for its owner alone (0600)"
        )
    key = path.read_bytes()
    if len(key) != 32:
        raise SettingsError(f"{path}: {len(key)} bytes, a session key has 32")
    return key


def _unauthorised(slug: str, message: str) -> ApiError:
    return ApiError(401, slug, message, headers={"WWW-Authenticate": 'Bearer realm="tonearm"'})
