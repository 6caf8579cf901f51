"""What a file is made of: boxes, manifests, streams, for people and for machines (``tonearm inspect``)."""
