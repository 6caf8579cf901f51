"""Which rendition a start begins with, out of what is known of the listener's network.

A listener should hear something `ARRIVAL_MS` after the press. Of that, one round trip is the question's; the rest is for the
bytes. So: the richest rendition of the start rendition's family whose header and first segment are there by then, at
the measured throughput, and fit the bundle; the leanest that fits where none is in time. Nothing measured: the song's own
start rendition, or the next leaner that fits.
"""

from __future__ import annotations

from control_api.songs import Entry, Opening
from media.start_bundle import LARGEST, WORDS

ARRIVAL_MS = 150  # of the 200 that a start may take; the browser needs the others to begin
ROOM = LARGEST - WORDS
_LEAST_MS = 20  # however long the way is


def choose(entry: Entry, *, mtp: int | None, rtt: int = 0, rendition: str = "") -> Opening:
    """`mtp` in kbit/s, `rtt` in ms. `rendition` names the listener's own wish, which counts where the song has it."""
    by_name = {opening.name: opening for opening in entry.openings}
    if rendition in by_name:
        return by_name[rendition]
    start = by_name[entry.start_rendition]
    family = [each for each in entry.openings if _family(each) == _family(start)]
    fitting = sorted((each for each in family if size_of(each) <= ROOM), key=size_of)
    if mtp is None:
        fitting = [each for each in fitting if size_of(each) <= size_of(start)]
        return start if start in fitting or not fitting else fitting[-1]
    left_ms = max(ARRIVAL_MS - rtt, _LEAST_MS)
    in_time = [each for each in fitting if (size_of(each) + WORDS) * 8 <= mtp * left_ms]
    return (in_time[-1:] or fitting[:1] or [start])[0]


def size_of(opening: Opening) -> int:
    return opening.init_size + opening.size


def _family(opening: Opening) -> str:
    """What one decoder plays: ``mp4a.40.2`` and ``mp4a.40.5`` are one, FLAC is another."""
    return opening.codec.partition(".")[0].lower()
