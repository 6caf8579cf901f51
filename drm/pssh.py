"""The common PSSH box: the KIDs of a file for any key system (W3C "cenc" initialization data format, §4).

A browser's ClearKey reads it from the init segment; without it hls.js never asks for a licence.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from media.boxes.pssh import PsshBox

COMMON_SYSTEM_ID = UUID("1077efec-c0b2-4d02-ace3-3c1e52e2fb4b")


def common_pssh(kids: Sequence[UUID]) -> PsshBox:
    """A version 1 box that names `kids` and nothing else."""
    return PsshBox(
        version=1, system_id=COMMON_SYSTEM_ID.bytes, kids=tuple(kid.bytes for kid in kids), data=b""
    )
