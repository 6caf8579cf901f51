"""The virtual player: presses play, makes the first sound, and says where every millisecond went."""

from edge_sim.player.start import Player, play
from edge_sim.player.waterfall import Span, Waterfall

__all__ = ["Player", "Span", "Waterfall", "play"]
