"""Links between listeners and servers: emulated below TCP where the system lets us, and a model with the same parameters.

    with Link(Network(rtt_ms=50, kbits=5000)) as link:
        server = link.far.popen(["tonearm", "serve", "--host", link.far.address, …])
        listener = link.near.popen(["chromium", …])        # whatever it asks `link.far.address` for crosses the link

A link is two network namespaces, each with a TUN device, and one process that carries packets between them with delay, rate,
queue and loss. So handshakes, slow start and retransmissions are the kernel's own. Nothing of it has a name: when the processes
that hold it are gone, so is the link.
"""

from edge_sim.links.link import Link
from edge_sim.links.namespace import Namespace, missing
from edge_sim.links.network import NETWORKS, Network

__all__ = ["NETWORKS", "Link", "Namespace", "Network", "missing"]
