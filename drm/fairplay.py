"""FairPlay Streaming: signalled in the playlist alone, with a ``skd://`` address; there is no ``pssh`` box.

What follows ``skd://`` is the application's own: it hands it to its key server, which must find the key by it. Here it is
the KID, so that any server that knows the KIDs of a CPIX document can answer.
"""

from __future__ import annotations

from uuid import UUID


def key_uri(kid: UUID) -> str:
    """The URI attribute of ``EXT-X-KEY`` and ``EXT-X-SESSION-KEY``."""
    return f"skd://{kid}"
