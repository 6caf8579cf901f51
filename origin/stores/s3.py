"""S3 through boto3: ``s3://bucket/prefix?endpoint=http://127.0.0.1:8333&region=eu-central-1&path_style=1``.

Credentials come from boto3's usual chain: environment, shared files, instance roles. Without `endpoint` it is Amazon's.
boto3 takes more than a second to import; `media.registry` imports this module only when such a URL is opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from urllib3.exceptions import HTTPError

from media import layout
from media.errors import PreconditionFailed, SettingsError, StoreError, StoreUnavailable
from media.ports import ObjectInfo
from origin.stores.remote import (
    CONNECTIONS,
    RemoteStore,
    Stream,
    missing,
    parse_bucket_url,
    parse_flag,
    parse_prefix,
)

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_PARAMETERS = frozenset({"endpoint", "region", "path_style"})
_ARGUMENTS = {"If-None-Match": "IfNoneMatch", "If-Match": "IfMatch"}


def open_s3_store(url: str) -> RemoteStore:
    """Raises `SettingsError`; whether the bucket is there shows at the first use."""
    parts, query = parse_bucket_url(url, _PARAMETERS)
    if not parts.netloc:
        raise SettingsError(f"store {url!r}: expected s3://BUCKET/PREFIX")
    path_style = parse_flag(url, "path_style", query.get("path_style", "0"))
    prefix = parse_prefix(url, parts.path)
    try:
        # A session of its own: the default one keeps the first credentials it ever saw.
        client = boto3.Session().client(
            "s3",
            endpoint_url=query.get("endpoint"),
            region_name=query.get("region"),
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path" if path_style else "auto"},
                # boto3 adds checksums of its own since 1.36, which several servers refuse.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                max_pool_connections=CONNECTIONS,
                connect_timeout=5,
                read_timeout=30,
                retries={"mode": "standard", "max_attempts": 3},
            ),
        )
    except (BotoCoreError, ValueError) as error:
        raise SettingsError(f"store {url!r}: {error}") from None
    return RemoteStore(_S3(client, parts.netloc), prefix, url)


class _S3:
    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def head(self, name: str) -> ObjectInfo:
        try:
            found = self._client.head_object(Bucket=self._bucket, Key=name)
        except (BotoCoreError, ClientError) as error:
            raise self._translated(error, name) from None
        return ObjectInfo(
            key=name,
            size=found["ContentLength"],
            etag=found["ETag"],
            media_type=found.get("ContentType", "application/octet-stream"),
            cache_control=found.get("CacheControl", layout.MUTABLE),
            modified_ms=int(found["LastModified"].timestamp() * 1000),
        )

    def get(self, name: str, start: int, stop: int | None) -> Stream | None:
        arguments: dict[str, Any] = {"Bucket": self._bucket, "Key": name}
        if start or stop is not None:
            arguments["Range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
        try:
            return _Body(name, self._client.get_object(**arguments)["Body"])
        except ClientError as error:
            if _status(error) == 416:
                return None
            raise self._translated(error, name) from None
        except BotoCoreError as error:
            raise self._translated(error, name) from None

    def put(
        self, name: str, body: bytes, media_type: str, cache_control: str, condition: dict[str, str]
    ) -> ObjectInfo:
        arguments: dict[str, Any] = {_ARGUMENTS[header]: value for header, value in condition.items()}
        try:
            done = self._client.put_object(
                Bucket=self._bucket,
                Key=name,
                Body=body,
                ContentType=media_type,
                CacheControl=cache_control,
                **arguments,
            )
        except ClientError as error:
            # 404 answers If-Match where there is nothing, 409 the loser of two writers at once.
            if condition and _status(error) in (404, 409, 412) and _code(error) != "NoSuchBucket":
                raise PreconditionFailed(f"{name}: not as expected by the writer") from None
            raise self._translated(error, name) from None
        except BotoCoreError as error:
            raise self._translated(error, name) from None
        date = parsedate_to_datetime(done["ResponseMetadata"]["HTTPHeaders"]["date"])
        return ObjectInfo(
            name, len(body), done["ETag"], media_type, cache_control, int(date.timestamp() * 1000)
        )

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        try:
            for page in pages:
                for found in page.get("Contents", []):
                    yield ObjectInfo(
                        key=found["Key"],
                        size=found["Size"],
                        etag=found["ETag"],
                        media_type=layout.media_type(found["Key"]),
                        cache_control=layout.cache_control(found["Key"]),
                        modified_ms=int(found["LastModified"].timestamp() * 1000),
                    )
        except (BotoCoreError, ClientError) as error:
            raise self._translated(error, prefix) from None

    def delete(self, name: str) -> None:
        try:
            self._client.delete_object(Bucket=self._bucket, Key=name)
        except (BotoCoreError, ClientError) as error:
            raise self._translated(error, name) from None

    def close(self) -> None:
        self._client.close()

    def _translated(self, error: BotoCoreError | ClientError, name: str) -> StoreError:
        if isinstance(error, ClientError):
            if _status(error) == 404 and _code(error) != "NoSuchBucket":
                return missing(name)
            return StoreUnavailable(f"bucket {self._bucket}: {name}: {_code(error)} ({_status(error)})")
        return StoreUnavailable(f"bucket {self._bucket}: {name}: {error}")


class _Body:
    """A streaming body whose failures are ours."""

    def __init__(self, name: str, body: Any) -> None:
        self._name = name
        self._body = body

    def read(self, size: int) -> bytes:
        try:
            return bytes(self._body.read(size))
        except (BotoCoreError, HTTPClientError, HTTPError) as error:
            raise StoreUnavailable(f"{self._name}: broke off: {error}") from None

    def close(self) -> None:
        self._body.close()


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
