"""ISO base media file format: one box a file, named as the standard names it.

>>> PsshBox(0, bytes(16), (), b"x").to_bytes()[4:8]
b'pssh'
"""

from media.boxes.base import Box, FullBox, UnknownBox, parse
from media.boxes.pssh import PsshBox

__all__ = ["Box", "FullBox", "PsshBox", "UnknownBox", "parse"]
