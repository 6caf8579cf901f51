"""Who may take back what: one small object for each version that is being published.

Objects of a version are created once, and several publishers of one version share them, in several processes or on several machines. When one
fails it deletes what it created, and another may be about to point readers at the same objects. No store deletes several objects
and tests another in one step; all of ours replace one object conditionally. So whoever points readers at a version, and whoever
takes one back, first replaces the claim that it saw before it looked at the objects:

    claim = await Claim.take(store, song_id, version)     create it, or see what is there
    …                                                     create the objects, look that all are there
    await claim.hold()                                    then move the pointer, and drop the claim
    await claim.give_up()                                 or: only when this succeeds, delete

Of two that saw the same claim one succeeds. The other one looks again (`Changed`), or leaves everything as it is. A version that
somebody is taking back is not published until that is done, or until it has been quiet for ten minutes: the one may have been killed.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from media import layout
from media.errors import ObjectMissing, PreconditionFailed
from media.ports import ObjectStore, read_all

_GIVEN_UP = b"given up "
_ABANDONED_MS = 600_000


class Changed(PreconditionFailed):
    """Somebody else replaced the claim: the objects must be looked at again."""


class Claim:
    def __init__(self, store: ObjectStore, key: str, etag: str) -> None:
        self._store = store
        self._key = key
        self._etag = etag

    @classmethod
    async def take(cls, store: ObjectStore, song_id: str, version: str, clock: Callable[[], int]) -> Claim:
        """Raises `PreconditionFailed` while another takes the version back."""
        key = layout.claim(song_id, version)
        for _ in range(8):
            claim = cls(store, key, "")
            try:
                await claim._put(secrets.token_hex(16).encode(), if_absent=True)
                return claim
            except PreconditionFailed:
                pass
            try:
                claim._etag = (info := await store.head(key)).etag
                given_up = (await read_all(store, key)).startswith(_GIVEN_UP)
            except ObjectMissing:
                continue  # dropped in this very moment
            if given_up and clock() - info.modified_ms < _ABANDONED_MS:
                break
            try:
                await claim.hold()
                return claim
            except Changed:
                continue
        raise PreconditionFailed(f"{key}: another publisher is taking this version back; try again")

    async def hold(self) -> None:
        """From now on it is ours alone, until another one takes it. Raises `Changed`."""
        try:
            await self._put(secrets.token_hex(16).encode(), if_absent=False)
        except (PreconditionFailed, ObjectMissing):
            raise Changed(f"{self._key}: another publisher has it") from None

    async def give_up(self) -> bool:
        """Whether nobody else relies on the version, so that its objects may go."""
        try:
            await self._put(_GIVEN_UP + secrets.token_hex(16).encode(), if_absent=False)
        except (PreconditionFailed, ObjectMissing):
            return False
        return True

    async def drop(self) -> None:
        """It has served its purpose."""
        await self._store.delete(self._key)

    async def _put(self, body: bytes, *, if_absent: bool) -> None:
        info = await self._store.put(
            self._key,
            body,
            media_type="text/plain",
            cache_control=layout.MUTABLE,
            if_absent=if_absent,
            if_match=None if if_absent else self._etag,
        )
        self._etag = info.etag
