"""``make bench-starts``: how soon a song sounds, in our player and in others, over the same emulated links."""
