"""What listeners play with: each kind of client finds its way into a song as such players do.

bundle         our own player, by the start bundle: one answer, and the presentation while that plays
presentation   our own player without it: the grant names all that a start needs, so everything is asked for at once
hls            grant, multivariant playlist, media playlist; then init and segment, and the key
dash           grant, MPD; then init, segment and licence
"""

from __future__ import annotations

from edge_sim.crowd.clients.bundle import Bundle
from edge_sim.crowd.clients.dash import Dash
from edge_sim.crowd.clients.hls import Hls
from edge_sim.crowd.clients.presentation import OwnPlayer
from edge_sim.crowd.clients.score import Client

CLIENTS: dict[str, Client] = {
    "bundle": Bundle(),
    "presentation": OwnPlayer(),
    "hls": Hls(),
    "dash": Dash(),
}
