"""Content protection: keys and their sealed store, ciphers over whole buffers, licences, DRM signalling, CPIX and SPEKE."""
