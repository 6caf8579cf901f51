"""Passwords are kept as argon2id (RFC 9106).

A hash costs tens of milliseconds and 64 MiB on purpose: it runs in a thread, two at a time.
"""

from __future__ import annotations

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError


class Passwords:
    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._free = asyncio.Semaphore(2)
        # Logging in to an account that is not there takes as long as to one that is.
        self._nobody = self._hasher.hash(secrets.token_hex())

    async def hash(self, password: str) -> str:
        async with self._free:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, hashed: str | None, password: str) -> bool:
        """Whether `password` made `hashed`; always False, and as slow, when there is no hash."""
        async with self._free:
            matches = await asyncio.to_thread(self._matches, hashed or self._nobody, password)
        return matches and hashed is not None

    def is_dated(self, hashed: str) -> bool:
        """Whether today's settings are stricter than those that made `hashed`."""
        return self._hasher.check_needs_rehash(hashed)

    def _matches(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False
