"""The buffer of one listener as numbers: where the needle is, how far the music reaches, how long there was none.

    first        position            end          length
      |█████████████|██████████████████|              |██████ following: the next song, laid behind the end

Milliseconds of music, and of the listener's own time: while something is on its way the two are one. While nothing is, time may be
compressed (`edge_sim.crowd.listener`), and then only `rests` is called.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Deck:
    """`first` to `end` can be played; `stalls` and `stalled_ms` count what the listener waited for in the middle of the song."""

    length: int
    position: int = 0
    first: int = 0
    end: int = 0
    following: int = 0
    played_ms: int = 0
    stalled_ms: int = 0
    stalls: int = 0
    _dry: bool = False

    @property
    def ahead(self) -> int:
        """What can be played without waiting."""
        return max(0, self.end - self.position + (self.following if self.end >= self.length else 0))

    def lay(self, end: int) -> None:
        """The song reaches to `end` now."""
        self.end = max(self.end, end)
        self._dry = False

    def rests(self, music_ms: int) -> None:
        """So much music plays, all of it in hand."""
        played = min(music_ms, self.ahead)
        self.position += played
        self.played_ms += played

    def passes(self, ms: int) -> int:
        """So much time passes: music plays as long as there is some. Gives the silence that is left.

        In the middle of a song silence is a stall; behind its end it is the next song's, which is late.
        """
        played = min(ms, self.ahead)
        self.rests(played)
        silence = ms - played
        if silence and self.position < self.length:
            self.stalled_ms += silence
            self.stalls += not self._dry
            self._dry = True
        return silence

    @property
    def dry(self) -> bool:
        return self._dry

    def jump(self, to: int) -> bool:
        """The needle is put down elsewhere. Whether there is music; if not, the buffer begins anew there."""
        self.position = to
        if self.first <= to < self.end:
            return True
        self.first = self.end = to
        self.following = 0
        return False
