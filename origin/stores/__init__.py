"""The object stores behind `media.ports.ObjectStore`: a folder, S3, MinIO's client. Opened by `media.registry`.

How to add one: docs/decisions/0009.
"""
