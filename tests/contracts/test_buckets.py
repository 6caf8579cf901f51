"""Buckets of a real S3 server: made, opened for what is public and nothing else, tidied."""

from __future__ import annotations

import json
import uuid

import pytest
import urllib3

from media.errors import SettingsError, StoreUnavailable
from media.registry import open_store
from origin.buckets import open_bucket

pytestmark = pytest.mark.s3
FOLDER = "songs/abc/0123456789abcdef"


def url(kind: str, address: str, bucket: str) -> str:
    if kind == "s3":
        return f"s3://{bucket}/prod?endpoint=http://{address}&region=us-east-1&path_style=1"
    return f"minio://{address}/{bucket}/prod?secure=0"


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testsecret")


@pytest.mark.parametrize("kind", ["s3", "minio"])
async def test_a_bucket_from_nothing_to_a_public_cover(kind: str, weed: str) -> None:
    name = f"bucket-{uuid.uuid4().hex[:8]}"
    bucket = open_bucket(url(kind, weed, name))
    assert not bucket.exists()
    bucket.create()
    assert bucket.exists()
    assert bucket.policy() == ""
    bucket.let_read_public()
    bucket.tidy_after(7)
    (statement,) = json.loads(bucket.policy())["Statement"]
    assert statement["Resource"] in (
        f"arn:aws:s3:::{name}/prod/songs/*/public/*",
        [f"arn:aws:s3:::{name}/prod/songs/*/public/*"],
    )
    bucket.close()

    store = open_store(url(kind, weed, name))
    for path in ("public/cover.jpg", "audio/low/00001.m4s"):
        await store.put(f"{FOLDER}/{path}", b"x", media_type="image/jpeg", cache_control="no-cache")
    await store.close()
    anybody = urllib3.PoolManager(retries=False)
    status = {
        path: anybody.request("GET", f"http://{weed}/{name}/prod/{FOLDER}/{path}").status
        for path in ("public/cover.jpg", "audio/low/00001.m4s")
    }
    assert status == {"public/cover.jpg": 200, "audio/low/00001.m4s": 403}


def test_nobody_there(unused_tcp_port: int) -> None:
    for kind in ("s3", "minio"):
        bucket = open_bucket(url(kind, f"127.0.0.1:{unused_tcp_port}", "music"))
        with pytest.raises(StoreUnavailable, match="bucket music: "):
            bucket.exists()
        bucket.close()


def test_a_folder_has_no_bucket() -> None:
    with pytest.raises(SettingsError, match="only s3: and minio: have buckets"):
        open_bucket("file:/srv/music")
