"""The object stores behind `media.ports.ObjectStore`: a folder, S3, MinIO's client. Opened by `media.registry`.

How to add one: CONTRIBUTING. For a blocking client that speaks in buckets, write only `origin.stores.remote.Client` and wrap it
in `RemoteStore`; every key goes through `origin.stores.keys.check_key`.
"""
