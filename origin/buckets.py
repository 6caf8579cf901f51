"""What a bucket needs once, before anything is published to it: to be there, to let anybody read what is public, to tidy up.

    bucket = open_bucket("s3://music/prod")
    bucket.create()
    bucket.let_read_public()
    bucket.tidy_after(days=7)

Blocking calls of the store's own client library, made by a person at a prompt. What a presentation has under ``public/`` (cover,
waveform, preview) needs no token; everything else stays closed, and a CDN reaches it with credentials of its own.
"""

from __future__ import annotations

import json
from importlib import import_module
from typing import Protocol
from urllib.parse import urlsplit

from media.errors import SettingsError

BUCKETS = {"s3": "origin.stores.s3:open_s3_bucket", "minio": "origin.stores.minio:open_minio_bucket"}


class Bucket(Protocol):
    """All raise `StoreUnavailable`."""

    def exists(self) -> bool: ...
    def create(self) -> None: ...
    def policy(self) -> str:
        """The bucket policy as JSON, empty when there is none."""

    def let_read_public(self) -> None:
        """Let anybody read what lies under ``public/`` of any version; replaces the bucket's policy."""

    def tidy_after(self, days: int) -> None:
        """Drop uploads that were begun and not ended, and what a versioned bucket keeps of replaced objects."""

    def close(self) -> None: ...


def open_bucket(url: str) -> Bucket:
    """The bucket of a store URL. Raises `SettingsError`, also for a folder, which has none."""
    scheme = urlsplit(url).scheme
    target = BUCKETS.get(scheme)
    if target is None:
        raise SettingsError(
            f"store {url!r}: only s3: and minio: have buckets; a folder is made by the first publish"
        )
    module, _, name = target.partition(":")
    bucket: Bucket = getattr(import_module(module), name)(url)
    return bucket


def public_policy(bucket: str, prefix: str) -> str:
    """A bucket policy (AWS IAM, version 2012-10-17) by which anybody may read what `media.layout` calls public."""
    folder = f"{prefix}/" if prefix else ""
    statement = {
        "Sid": "TonearmPublic",
        "Effect": "Allow",
        "Principal": {"AWS": ["*"]},
        "Action": ["s3:GetObject"],
        "Resource": [f"arn:aws:s3:::{bucket}/{folder}songs/*/public/*"],
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
