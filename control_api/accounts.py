"""Accounts: who there is, what they may do, and how they register.

Who calls is asked with every request, and a stream grant stands between "play" and the first note: so a caller is
remembered for half a minute, and what an operator changes counts after that.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from typing import Literal

from aiohttp import web
from pydantic import Field, SecretStr
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from control_api.database import Database
from control_api.endpoint import Access, Caller, Operation
from control_api.fields import Body, Email, Region, View, folded_email
from control_api.limits import Buckets
from control_api.models import AccountRecord
from control_api.passwords import Passwords
from media.errors import ApiError, SettingsError

REMEMBERED_MS = 30_000
MOST_REMEMBERED = 20_000

Role = Literal["listener", "admin"]
Tier = Literal["free", "premium"]


class NewAccount(Body):
    email: Email
    password: SecretStr = Field(min_length=8, max_length=256)
    region: Region | None = None


class AccountView(View):
    account_id: str
    email: str | None
    role: str
    tier: str
    region: str | None


class Accounts:
    """`clock` gives Unix milliseconds; `registrations` limits them by network address."""

    def __init__(
        self, database: Database, passwords: Passwords, registrations: Buckets, clock: Callable[[], int]
    ) -> None:
        self.database = database
        self.passwords = passwords
        self.registrations = registrations
        self.clock = clock
        self._known: OrderedDict[str, tuple[int, Caller]] = OrderedDict()  # until when, by account id

    def operations(self) -> list[Operation]:
        return [
            Operation(
                "POST",
                "/v1/accounts",
                self.register,
                "Register an account",
                status=201,
                refusals={409: "The address is registered already", 429: "Too many registrations"},
            ),
            Operation("GET", "/v1/me", self.me, "The account of this session", access=Access.ACCOUNT),
        ]

    async def register(self, request: web.Request, body: NewAccount) -> AccountView:
        self.registrations.take(request.remote or "")
        password = await self.passwords.hash(body.password.get_secret_value())
        return _view(await self.create(email=body.email, password=password, region=body.region))

    async def me(self, caller: Caller) -> AccountView:
        return _view(caller)

    async def create(
        self, *, email: str | None = None, password: str | None = None, region: str | None = None
    ) -> Caller:
        """A new listener of the free tier; `password` is a hash. Raises `ApiError` 409 when `email` is taken."""
        account = AccountRecord(
            account_id=secrets.token_hex(16),
            email=email,
            password=password,
            role="listener",
            tier="free",
            region=region,
            created_ms=self.clock(),
        )
        try:
            async with self.database.transaction() as session:
                session.add(account)
        except IntegrityError:
            raise ApiError(409, "already-registered", "this e-mail address has an account already") from None
        return self._remember(_caller(account))

    async def find(self, account_id: str) -> Caller | None:
        until, caller = self._known.get(account_id, (0, None))
        if caller is not None and self.clock() < until:
            return caller
        async with self.database.transaction() as session:
            account = await session.get(AccountRecord, account_id)
        if account is None:
            self._known.pop(account_id, None)
            return None
        return self._remember(_caller(account))

    async def log_in(self, email: str, password: str) -> Caller | None:
        """The account, when `password` is its password; renews a hash that today's settings find too weak."""
        async with self.database.transaction() as session:
            account = await session.scalar(select(AccountRecord).where(AccountRecord.email == email))
        hashed = None if account is None else account.password
        if not await self.passwords.verify(hashed, password) or account is None or hashed is None:
            return None
        if self.passwords.is_dated(hashed):
            renewed = await self.passwords.hash(password)
            async with self.database.transaction() as session:
                await session.execute(
                    update(AccountRecord)
                    .where(AccountRecord.account_id == account.account_id, AccountRecord.password == hashed)
                    .values(password=renewed)
                )
        return self._remember(_caller(account))

    def _remember(self, caller: Caller) -> Caller:
        self._known[caller.account_id] = self.clock() + REMEMBERED_MS, caller
        self._known.move_to_end(caller.account_id)
        if len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)
        return caller


async def change(database: Database, email: str, **values: str) -> Caller:
    """Set `role`, `tier` or `region` of an account: for the operator's command line. Raises `SettingsError`."""
    async with database.transaction() as session:
        registered = select(AccountRecord).where(AccountRecord.email == folded_email(email))
        account = await session.scalar(registered)
        if account is None:
            raise SettingsError(f"account {email!r}: nobody registered with that address")
        for name, value in values.items():
            setattr(account, name, value)
    return _caller(account)


def _caller(account: AccountRecord) -> Caller:
    return Caller(account.account_id, account.email, account.role, account.tier, account.region)


def _view(caller: Caller) -> AccountView:
    return AccountView(
        account_id=caller.account_id,
        email=caller.email,
        role=caller.role,
        tier=caller.tier,
        region=caller.region,
    )
