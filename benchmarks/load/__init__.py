"""``make load``: servers of our own on loopback, listeners before them, and a verdict that can be believed."""
