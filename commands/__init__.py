"""Commands that put several rooms together: publish, serve, doctor. See docs/decisions/0003."""
