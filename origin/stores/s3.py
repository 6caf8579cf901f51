"""S3: ``s3://bucket/prefix?endpoint=http://127.0.0.1:8333&region=eu-central-1&path_style=1``.

boto3 knows who we are and where the bucket is: credentials come from its usual chain (environment, shared files, instance
roles), and are renewed by it; listings are its own. Objects travel by aiohttp, each request signed by botocore's own
signature version 4 with the SHA-256 of the body, which the server checks: a boto3 loop moves a quarter of the objects at
five times the CPU (docs/benchmarks.md). Without `endpoint` it is Amazon's.

What may pass by itself (no connection, 429, 500, 502, 503, 504) is tried again up to four times, each after a random wait below a
limit that doubles, so that a thousand writers do not come back at the same moment. A conditional write whose answer was lost may
have succeeded: the second try then finds the object there, and says `PreconditionFailed`.

boto3 takes more than a second to import; `media.registry` imports this module only when such a URL is opened.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import aiohttp
import boto3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, ClientError
from yarl import URL

from media import layout, tracing
from media.errors import PreconditionFailed, SettingsError, StoreError, StoreUnavailable
from media.ports import ObjectInfo
from origin.buckets import public_policy
from origin.stores.remote import (
    CHUNK,
    RemoteStore,
    missing,
    parse_bucket_url,
    parse_flag,
    parse_prefix,
)

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_PARAMETERS = frozenset({"endpoint", "region", "path_style"})
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=30)
_PASSING = frozenset({429, 500, 502, 503, 504})
_TRIES = 4
PAUSE = asyncio.sleep
_KNOWN_FOR = 60  # seconds
_FIRST_WAIT = 0.1  # seconds, the limit of the first wait
_CODE = re.compile(rb"<Code>([A-Za-z0-9.]{1,64})</Code>")
_MOST_OF_AN_ERROR = 4096  # bytes


def open_s3_store(url: str) -> RemoteStore:
    """Raises `SettingsError`; whether the bucket is there shows at the first use."""
    session, client, bucket, path_style, prefix = _parts(url)
    return RemoteStore(S3(session, client, bucket, path_style=path_style), prefix, url)


def _parts(url: str) -> tuple[boto3.Session, S3Client, str, bool, str]:
    """Session, client, bucket, whether its name is part of the path, and the prefix of keys."""
    parts, query = parse_bucket_url(url, _PARAMETERS)
    if not parts.netloc:
        raise SettingsError(f"store {url!r}: expected s3://BUCKET/PREFIX")
    path_style = parse_flag(url, "path_style", query.get("path_style", "0"))
    prefix = parse_prefix(url, parts.path)
    try:
        # A session of its own: the default one keeps the first credentials it ever saw.
        session = boto3.Session()
        client = session.client(
            "s3",
            endpoint_url=query.get("endpoint"),
            region_name=query.get("region"),
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path" if path_style else "auto"},
                connect_timeout=5,
                read_timeout=30,
                retries={"mode": "standard", "max_attempts": _TRIES},
            ),
        )
    except (BotoCoreError, ValueError) as error:
        raise SettingsError(f"store {url!r}: {error}") from None
    return session, client, parts.netloc, path_style, prefix


def open_s3_bucket(url: str) -> S3Bucket:
    """For `origin.buckets`. Raises `SettingsError`."""
    _, client, bucket, _, prefix = _parts(url)
    return S3Bucket(client, bucket, prefix)


class S3:
    def __init__(
        self,
        session: boto3.Session,
        client: S3Client,
        bucket: str,
        *,
        path_style: bool,
    ) -> None:
        self._credentials = session.get_credentials()
        self._client = client
        self._bucket = bucket
        self._region = client.meta.region_name or "us-east-1"
        self._root = _root(client.meta.endpoint_url, bucket, path_style)
        self._known: tuple[ReadOnlyCredentials, float] | None = None  # and until when
        self._http: aiohttp.ClientSession | None = None

    async def head(self, name: str) -> ObjectInfo:
        answer = await self._ask("HEAD", name)
        if answer.status == 200:
            answer.release()
            return _info(name, answer, answer.content_length or 0)
        raise await self._refusal(answer, name)

    async def get(self, name: str, start: int, stop: int | None) -> AsyncIterator[bytes]:
        headers = {"Accept-Encoding": "identity"}
        if start or stop is not None:
            headers["Range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
        answer = await self._ask("GET", name, headers)
        try:
            if answer.status == 416:
                return
            if answer.status not in (200, 206):
                raise await self._refusal(answer, name)
            if answer.status == 200 and start:
                raise StoreUnavailable(f"bucket {self._bucket}: {name}: the server ignores ranges")
            async for chunk in answer.content.iter_chunked(CHUNK):
                yield chunk
        except (aiohttp.ClientError, TimeoutError) as error:
            raise StoreUnavailable(f"{name}: broke off: {error or type(error).__name__}") from None
        finally:
            answer.close()  # no use any more when its end was not read, and back in the pool when it was

    async def put(
        self, name: str, body: bytes, media_type: str, cache_control: str, condition: dict[str, str]
    ) -> ObjectInfo:
        headers = {"Content-Type": media_type, "Cache-Control": cache_control, **condition}
        answer = await self._ask("PUT", name, headers, body)
        if answer.status == 200:
            answer.release()
            return _info(name, answer, len(body), media_type, cache_control)
        refusal = await self._refusal(answer, name)
        # 404 answers If-Match where there is nothing, 409 the loser of two writers at once.
        if condition and answer.status in (404, 409, 412) and "NoSuchBucket" not in str(refusal):
            raise PreconditionFailed(f"{name}: not as expected by the writer")
        raise refusal

    async def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        pages = iter(
            self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        )
        try:
            while (page := await asyncio.to_thread(next, pages, None)) is not None:
                for found in page.get("Contents", []):
                    yield ObjectInfo(
                        key=found["Key"],
                        size=found["Size"],
                        etag=found["ETag"],
                        media_type=layout.media_type(found["Key"]),
                        cache_control=layout.cache_control(found["Key"]),
                        modified_ms=int(found["LastModified"].timestamp() * 1000),
                    )
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            raise StoreUnavailable(f"bucket {self._bucket}: {prefix}: {code}") from None
        except BotoCoreError as error:
            raise StoreUnavailable(f"bucket {self._bucket}: {prefix}: {error}") from None

    async def delete(self, name: str) -> None:
        answer = await self._ask("DELETE", name)
        if answer.status not in (200, 204, 404):
            raise await self._refusal(answer, name)
        answer.release()

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()
        self._client.close()

    async def _ask(
        self, method: str, name: str, headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> aiohttp.ClientResponse:
        """What the server says in the end, however often it had to be asked. Raises `StoreUnavailable`."""
        url = self._root + quote(name, safe="/-_.~")
        tries = 1
        while True:
            try:
                answer = await self._session().request(
                    method,
                    URL(url, encoded=True),
                    headers=await self._signed(method, url, headers or {}, body),
                    data=body,
                    allow_redirects=False,
                    skip_auto_headers=("User-Agent", "Content-Type"),
                )
            except (aiohttp.ClientError, TimeoutError) as error:
                if tries == _TRIES:
                    reason = str(error) or type(error).__name__
                    raise StoreUnavailable(f"bucket {self._bucket}: {name}: {reason}") from None
            else:
                if answer.status not in _PASSING or tries == _TRIES:
                    return answer
                answer.close()
            await PAUSE(random.uniform(0, _FIRST_WAIT * 2 ** (tries - 1)))  # noqa: S311  no secret
            tries += 1

    async def _signed(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None
    ) -> dict[str, str]:
        frozen = await self._frozen()
        request = AWSRequest(method=method, url=url, headers=headers | _traced(), data=body)
        S3SigV4Auth(frozen, "s3", self._region).add_auth(request)
        return dict(request.headers.items())

    async def _frozen(self) -> ReadOnlyCredentials:
        """Who we are, looked up again every minute: what an instance role lends is renewed well before it expires."""
        now = time.monotonic()
        if self._known is None or now >= self._known[1]:
            if self._credentials is None:
                raise StoreUnavailable(f"bucket {self._bucket}: no credentials found")
            try:
                frozen = await asyncio.to_thread(self._credentials.get_frozen_credentials)
            except BotoCoreError as error:
                raise StoreUnavailable(f"bucket {self._bucket}: {error}") from None
            self._known = frozen, now + _KNOWN_FOR
        return self._known[0]

    def _session(self) -> aiohttp.ClientSession:
        """Opened at the first use, in the loop that uses it."""
        if self._http is None:
            # No limit: a reader who takes his time must not keep others waiting. Writers limit themselves.
            connector = aiohttp.TCPConnector(limit=0)
            self._http = aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT, auto_decompress=False)
        return self._http

    async def _refusal(self, answer: aiohttp.ClientResponse, name: str) -> StoreError:
        try:
            said = await answer.content.read(_MOST_OF_AN_ERROR)
        except (aiohttp.ClientError, TimeoutError):
            said = b""
        finally:
            answer.close()
        code = "".join(found.decode() for found in _CODE.findall(said)[:1])
        if answer.status == 404 and code != "NoSuchBucket":
            return missing(name)
        return StoreUnavailable(f"bucket {self._bucket}: {name}: {code} ({answer.status})")


class S3Bucket:
    def __init__(self, client: S3Client, bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix

    def exists(self) -> bool:
        with self._named():
            try:
                self._client.head_bucket(Bucket=self._bucket)
            except ClientError as error:
                if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 404:
                    return False
                raise
        return True

    def create(self) -> None:
        region = self._client.meta.region_name
        with self._named():
            if region in (None, "us-east-1"):  # which alone must not be named
                self._client.create_bucket(Bucket=self._bucket)
            else:
                self._client.create_bucket(
                    Bucket=self._bucket,
                    CreateBucketConfiguration={"LocationConstraint": region},  # type: ignore[typeddict-item]
                )

    def policy(self) -> str:
        with self._named():
            try:
                return self._client.get_bucket_policy(Bucket=self._bucket)["Policy"]
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") == "NoSuchBucketPolicy":
                    return ""
                raise

    def let_read_public(self) -> None:
        with self._named():
            self._client.put_bucket_policy(
                Bucket=self._bucket, Policy=public_policy(self._bucket, self._prefix)
            )

    def tidy_after(self, days: int) -> None:
        with self._named():
            self._client.put_bucket_lifecycle_configuration(
                Bucket=self._bucket,
                LifecycleConfiguration={
                    "Rules": [
                        {
                            "ID": "tonearm-tidy",
                            "Status": "Enabled",
                            "Filter": {"Prefix": f"{self._prefix}/" if self._prefix else ""},
                            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": days},
                            "NoncurrentVersionExpiration": {"NoncurrentDays": days},
                        }
                    ]
                },
            )

    def close(self) -> None:
        self._client.close()

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            raise StoreUnavailable(f"bucket {self._bucket}: {code}") from None
        except BotoCoreError as error:
            raise StoreUnavailable(f"bucket {self._bucket}: {error}") from None


def _traced() -> dict[str, str]:
    """For whose sake we ask: the server's log can name the request and the trace that ours does."""
    told = {"traceparent": tracing.current.get(), "X-Request-Id": tracing.request_id.get()}
    return {name: value for name, value in told.items() if value}


def _root(endpoint: str, bucket: str, path_style: bool) -> str:
    """The bucket's address: a path of the endpoint, or a host of its own where the endpoint has a name."""
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    if path_style or "." in bucket or host == "localhost" or _is_address(host):
        return f"{endpoint.rstrip('/')}/{bucket}/"
    return f"{parts.scheme}://{bucket}.{parts.netloc}{parts.path.rstrip('/')}/"


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _info(
    name: str, answer: aiohttp.ClientResponse, size: int, media_type: str = "", cache_control: str = ""
) -> ObjectInfo:
    headers = answer.headers
    date = headers.get("Last-Modified") or headers.get("Date", "")
    return ObjectInfo(
        key=name,
        size=size,
        etag=headers.get("ETag", ""),
        media_type=media_type or headers.get("Content-Type", "application/octet-stream"),
        cache_control=cache_control or headers.get("Cache-Control", layout.MUTABLE),
        modified_ms=int(parsedate_to_datetime(date).timestamp() * 1000) if date else 0,
    )
