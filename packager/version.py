"""What names a presentation: a hash over everything that its bytes depend on."""

from __future__ import annotations

import hashlib
import json
from typing import Any

# Raised whenever the same inputs would give other bytes than before: it is part of every version.
FORMAT = 3


def digest(*parts: Any) -> str:
    """16 hex digits over JSON values: equal parts give equal digits, on every machine."""
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def fingerprint(key: bytes) -> str:
    """What may be told of a content key: a hash, so that another key is another version."""
    return hashlib.sha256(b"tonearm version" + key).hexdigest()
