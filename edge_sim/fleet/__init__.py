"""Many edges at once, through their control doors (`edge_sim.edge.control`)."""
