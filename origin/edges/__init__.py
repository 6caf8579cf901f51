"""Configurations of real CDN tiers in front of our origin: values in, text out.

What all of them do: objects are cached by their path in the store, whatever token or query opened them; equal misses become one
fetch; what is old is served while the origin is in trouble; licences and the API pass through uncached; every answer has our CORS
headers, and ``Cache-Status`` tells what was done. The tests run nginx and Varnish with exactly these texts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from media.errors import SettingsError

_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]", re.ASCII)

# One part of a path that we publish; and the path in the store of anything.
PART = "[A-Za-z0-9_][A-Za-z0-9._-]*"
OBJECT = f"/songs/{PART}(?:/{PART})+"
PUBLIC = f"/songs/{PART}/{PART}/public/{PART}"
SIGNED = "/t/[A-Za-z0-9_-]+"


@dataclass(frozen=True, slots=True)
class Upstream:
    """A server behind the edge."""

    host: str
    port: int
    tls: bool

    @classmethod
    def of(cls, url: str) -> Upstream:
        """Raises `SettingsError` for an address with a path: ours answer at their root."""
        parts = urlsplit(url)
        host = parts.netloc.rpartition(":")[0] if parts.port else parts.netloc
        if parts.path.strip("/") or parts.query or parts.fragment or not _HOST.fullmatch(host):
            raise SettingsError(f"{url!r}: expected http(s)://HOST[:PORT] and nothing behind it")
        tls = parts.scheme == "https"
        return cls(host, parts.port or (443 if tls else 80), tls)

    @property
    def authority(self) -> str:
        return f"{self.host}:{self.port}"
