"""The object stores behind `media.ports.ObjectStore`: a folder, S3, MinIO's client. Opened by `media.registry`.

How to add one:

1. A module here with a class that has the port's six methods. For a blocking client that speaks in buckets, write only
   `origin.stores.remote.Client` and wrap it in `RemoteStore`. Every key goes through `origin.stores.keys.check_key`; every error
   is one of `media.errors.StoreError`'s; a condition that the backend cannot keep atomically is refused, never imitated.
2. A factory ``open_…_store(url)`` that reads no environment, and its scheme in `media.registry.STORES`.
3. A line in the ``store_url`` fixture of ``tests/contracts/conftest.py``. When the contract passes, it is a store.
"""
