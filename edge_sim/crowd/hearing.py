"""What of a song's beginning really sounds: its first segment, decrypted and decoded to the last access unit."""

from __future__ import annotations

from edge_sim.crowd.clients.score import Opened
from edge_sim.player.decode import every_sound
from packager.fragments import read_init


def hear(opened: Opened) -> int:
    """Samples. Raises `FormatError` when anything in the segment does not decode."""
    init = read_init(opened.init)
    key, iv = opened.key, opened.track.iv
    if opened.clear and iv:
        key, iv = None, b""
    return every_sound(opened.segment, init, iv, key)
