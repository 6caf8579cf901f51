"""Content protection: keys and the store that seals them, ciphers over whole buffers, the ClearKey licence exchange."""
