"""S3 through MinIO's client: ``minio://host:port/bucket/prefix?secure=0&region=us-east-1``; `secure` is 1 by default.

Credentials come from that client's own chain: MINIO_ACCESS_KEY or AWS_ACCESS_KEY_ID and its kin in the environment, then
the files of the AWS and MinIO command lines.

The client has no conditional put: an ``If-None-Match`` among its metadata is renamed on the way and overwrites in silence. What
it does have is a signer. So a put here is a presigned PUT URL (`Minio.get_presigned_url`) sent by the client's own connection
pool with the headers we mean; S3 signs only ``host`` then, and the server judges the condition as it would for anyone.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

import urllib3
from minio import Minio
from minio.commonconfig import Filter
from minio.credentials.providers import (
    AWSConfigProvider,
    ChainedProvider,
    EnvAWSProvider,
    EnvMinioProvider,
    MinioClientConfigProvider,
)
from minio.error import MinioException, S3Error
from minio.lifecycleconfig import (
    AbortIncompleteMultipartUpload,
    LifecycleConfig,
    NoncurrentVersionExpiration,
    Rule,
)
from urllib3.exceptions import HTTPError

from media import layout
from media.errors import PreconditionFailed, SettingsError, StoreError, StoreUnavailable
from media.ports import ObjectInfo
from origin.buckets import public_policy
from origin.stores.blocking import Stream, Threaded
from origin.stores.remote import (
    CONNECTIONS,
    RemoteStore,
    missing,
    parse_bucket_url,
    parse_flag,
    parse_prefix,
)

_PARAMETERS = frozenset({"secure", "region"})
_ERROR_CODE = re.compile(rb"<Code>([A-Za-z0-9.]{1,64})</Code>")
_FAILURES = (MinioException, HTTPError, ValueError)


def open_minio_store(url: str) -> RemoteStore:
    """Raises `SettingsError`; whether the bucket is there shows at the first use."""
    client, pool, bucket, prefix = _parts(url)
    return RemoteStore(Threaded(_Minio(client, pool, bucket)), prefix, url)


def open_minio_bucket(url: str) -> MinioBucket:
    """For `origin.buckets`. Raises `SettingsError`."""
    return MinioBucket(*_parts(url))


def _parts(url: str) -> tuple[Minio, urllib3.PoolManager, str, str]:
    """Client and its connections, bucket, and the prefix of keys."""
    parts, query = parse_bucket_url(url, _PARAMETERS)
    bucket, _, path = parts.path.strip("/").partition("/")
    if not parts.netloc or not bucket:
        raise SettingsError(f"store {url!r}: expected minio://HOST:PORT/BUCKET/PREFIX")
    pool = urllib3.PoolManager(
        maxsize=CONNECTIONS,
        timeout=urllib3.Timeout(connect=5, read=30),
        retries=urllib3.Retry(total=3, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504)),
    )
    try:
        client = Minio(
            endpoint=parts.netloc,
            secure=parse_flag(url, "secure", query.get("secure", "1")),
            # Named, so that the client does not ask the server where the bucket lies before each presigned URL.
            region=query.get("region", "us-east-1"),
            credentials=ChainedProvider(
                [EnvMinioProvider(), EnvAWSProvider(), AWSConfigProvider(), MinioClientConfigProvider()]
            ),
            http_client=pool,
        )
    except ValueError as error:
        raise SettingsError(f"store {url!r}: {error}") from None
    return client, pool, bucket, parse_prefix(url, path)


class _Minio:
    def __init__(self, client: Minio, pool: urllib3.PoolManager, bucket: str) -> None:
        self._client = client
        self._pool = pool
        self._bucket = bucket

    def head(self, name: str) -> ObjectInfo:
        try:
            found = self._client.stat_object(bucket_name=self._bucket, object_name=name)
        except _FAILURES as error:
            raise self._translated(error, name) from None
        headers = found.metadata or {}
        return ObjectInfo(
            key=name,
            size=found.size or 0,
            etag=f'"{found.etag}"',
            media_type=found.content_type or "application/octet-stream",
            cache_control=headers.get("cache-control", layout.MUTABLE),
            modified_ms=_milliseconds(found.last_modified),
        )

    def get(self, name: str, start: int, stop: int | None) -> Stream | None:
        length = 0 if stop is None else stop - start  # 0: to the end
        try:
            return _Body(
                name,
                self._client.get_object(
                    bucket_name=self._bucket, object_name=name, offset=start, length=length
                ),
            )
        except S3Error as error:
            if error.code == "InvalidRange":
                return None
            raise self._translated(error, name) from None
        except _FAILURES as error:
            raise self._translated(error, name) from None

    def put(
        self, name: str, body: bytes, media_type: str, cache_control: str, condition: dict[str, str]
    ) -> ObjectInfo:
        headers = {
            "Content-Type": media_type,
            "Cache-Control": cache_control,
            "Content-MD5": b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode(),
            **condition,
        }
        try:
            url = self._client.get_presigned_url(
                method="PUT", bucket_name=self._bucket, object_name=name, expires=timedelta(minutes=5)
            )
            answer = self._pool.request("PUT", url, body=body, headers=headers, redirect=False)
        except _FAILURES as error:
            raise self._translated(error, name) from None
        code = "".join(found.decode() for found in _ERROR_CODE.findall(answer.data[:4096])[:1])
        # 404 answers If-Match where there is nothing, 409 the loser of two writers at once.
        if condition and answer.status in (404, 409, 412) and code != "NoSuchBucket":
            raise PreconditionFailed(f"{name}: not as expected by the writer")
        if answer.status != 200:
            raise StoreUnavailable(f"bucket {self._bucket}: {name}: {code} ({answer.status})")
        modified = parsedate_to_datetime(answer.headers["date"])
        return ObjectInfo(
            name, len(body), answer.headers["etag"], media_type, cache_control, _milliseconds(modified)
        )

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        try:
            for found in self._client.list_objects(bucket_name=self._bucket, prefix=prefix, recursive=True):
                name = found.object_name or ""
                yield ObjectInfo(
                    key=name,
                    size=found.size or 0,
                    etag=f'"{found.etag}"',
                    media_type=layout.media_type(name),
                    cache_control=layout.cache_control(name),
                    modified_ms=_milliseconds(found.last_modified),
                )
        except _FAILURES as error:
            raise self._translated(error, prefix) from None

    def delete(self, name: str) -> None:
        try:
            self._client.remove_object(bucket_name=self._bucket, object_name=name)
        except _FAILURES as error:
            raise self._translated(error, name) from None

    def close(self) -> None:
        self._pool.clear()

    def _translated(self, error: Exception, name: str) -> StoreError:
        if isinstance(error, S3Error) and error.code == "NoSuchKey":
            return missing(name)
        reason = error.code if isinstance(error, S3Error) else f"{type(error).__name__}: {error}"
        return StoreUnavailable(f"bucket {self._bucket}: {name}: {reason}")


class MinioBucket:
    def __init__(self, client: Minio, pool: urllib3.PoolManager, bucket: str, prefix: str) -> None:
        self._client = client
        self._pool = pool
        self._bucket = bucket
        self._prefix = prefix

    def exists(self) -> bool:
        with self._named():
            return self._client.bucket_exists(bucket_name=self._bucket)

    def create(self) -> None:
        with self._named():
            self._client.make_bucket(bucket_name=self._bucket)

    def policy(self) -> str:
        with self._named():
            try:
                return self._client.get_bucket_policy(bucket_name=self._bucket)
            except S3Error as error:
                if error.code == "NoSuchBucketPolicy":
                    return ""
                raise

    def let_read_public(self) -> None:
        with self._named():
            self._client.set_bucket_policy(
                bucket_name=self._bucket, policy=public_policy(self._bucket, self._prefix)
            )

    def tidy_after(self, days: int) -> None:
        rule = Rule(
            status="Enabled",
            rule_id="tonearm-tidy",
            rule_filter=Filter(prefix=f"{self._prefix}/" if self._prefix else ""),
            abort_incomplete_multipart_upload=AbortIncompleteMultipartUpload(days_after_initiation=days),
            noncurrent_version_expiration=NoncurrentVersionExpiration(noncurrent_days=days),
        )
        with self._named():
            self._client.set_bucket_lifecycle(bucket_name=self._bucket, config=LifecycleConfig([rule]))

    def close(self) -> None:
        self._pool.clear()

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except _FAILURES as error:
            reason = error.code if isinstance(error, S3Error) else f"{type(error).__name__}: {error}"
            raise StoreUnavailable(f"bucket {self._bucket}: {reason}") from None


class _Body:
    """A streaming body whose failures are ours, and whose connection goes back to the pool."""

    def __init__(self, name: str, body: urllib3.BaseHTTPResponse) -> None:
        self._name = name
        self._body = body

    def read(self, size: int) -> bytes:
        try:
            return self._body.read(size)
        except HTTPError as error:
            raise StoreUnavailable(f"{self._name}: broke off: {error}") from None

    def close(self) -> None:
        self._body.close()
        self._body.release_conn()


def _milliseconds(moment: datetime | None) -> int:
    return 0 if moment is None else int(moment.timestamp() * 1000)
