"""The edge tier: a real caching HTTP proxy and its policies, and the virtual player that measures a start."""
