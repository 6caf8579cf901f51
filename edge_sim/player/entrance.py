"""What every kind of manifest comes down to: the two or three objects that the first sound is made of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from edge_sim.player.connection import ByteRange
from media.errors import ManifestError


@dataclass(frozen=True, slots=True)
class KeyAddress:
    """Where the content key is: 16 raw bytes (``raw``), or a ClearKey licence server. `kid` when the manifest says it."""

    kind: Literal["raw", "licence"]
    url: str
    kid: UUID | None = None


@dataclass(frozen=True, slots=True)
class Entrance:
    """Absolute addresses. `iv` is set where whole segments are encrypted (HLS AES-128).

    Ranges are set where init and segment are parts of a file. With an `index_range` (of the file that `segment` names) the
    first segment is where the index there says. `decrypted`: it is encrypted as a whole, and came otherwise.
    """

    init: str
    segment: str
    key: KeyAddress | None = None
    iv: bytes = b""
    init_range: ByteRange | None = None
    segment_range: ByteRange | None = None
    index_range: ByteRange | None = None
    decrypted: bool = False


def file_name(url: str) -> str:
    """How errors name a manifest."""
    return url.partition("?")[0].rpartition("/")[2]


@contextmanager
def understood(url: str) -> Iterator[None]:
    """Turn whatever a reader, or the library it reads with, trips over in a stranger's manifest into `ManifestError`."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise ManifestError(
            f"{file_name(url)}: makes no sense to a player: {type(error).__name__}: {error}"
        ) from None
