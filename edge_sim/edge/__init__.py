"""The edge tier: a caching reverse proxy, spoken to over real HTTP."""
