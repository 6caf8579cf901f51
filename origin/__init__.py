"""The origin: publishing, object stores, stream tokens, and the server of what was published."""
