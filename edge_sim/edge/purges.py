"""A purge reaches every worker of an edge."""

from __future__ import annotations

import json
from collections.abc import Sequence

from edge_sim.edge.siblings import Siblings
from edge_sim.edge.stock import Stock
from media.errors import ApiError

_NAME = "purge"


class Purges:
    """Of `stock`, and of those of `siblings`."""

    def __init__(self, stock: Stock, siblings: Siblings | None) -> None:
        self._stock = stock
        self._siblings = siblings
        if siblings is not None:
            siblings.listen(_NAME, self._told)

    async def purge(self, paths: Sequence[str], prefixes: Sequence[str], *, soft: bool) -> int:
        """How many objects were taken out, or marked stale: every worker's copy is one.

        Raises `ApiError` 503 when a worker did not answer: what it has on its disk, or in memory if it is only slow, may still be there.
        """
        if self._siblings is None:
            return self._stock.purge(paths, prefixes, soft=soft)
        message = json.dumps({"paths": paths, "prefixes": prefixes, "soft": soft}).encode()
        # Twice: between the first to hear of it and the last, one may have borrowed from the other what was to go.
        purged, again = await self._tell(self._siblings, message), await self._tell(self._siblings, message)
        return purged if soft else purged + again  # what is stale already, a soft one finds again

    async def _tell(self, siblings: Siblings, message: bytes) -> int:
        answers = await siblings.broadcast(_NAME, message)
        if len(answers) < siblings.count:
            raise ApiError(503, "unavailable", "a worker did not answer: purge again")
        return sum(map(int, answers))

    async def _told(self, message: bytes) -> bytes:
        order = json.loads(message)
        return b"%d" % self._stock.purge(order["paths"], order["prefixes"], soft=order["soft"])
