"""How fast objects travel to an S3 server: our store beside a plain boto3 loop, in one run.

    python -m benchmarks.stores --objects 1000 --size 80000 --repeats 3

The server is a real SeaweedFS on loopback, with whom both share the cores. Rounds are interleaved and medians quoted: objects per
second, and this process's CPU (user and system) for each object. `publish` puts as our publisher does, sixteen at a time and only
where there is nothing yet; `get` reads them again, as an origin would.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.weed import BUCKET, seaweed
from media.registry import open_store
from origin.bulk import put_all

TARGET = 3.0  # times a boto3 loop, for publishing
Round = Callable[[], Awaitable[None]]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--objects", type=int, default=1000)
    parser.add_argument("--size", type=int, default=80_000, help="bytes")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, default=Path("build/bench/stores.json"))
    options = parser.parse_args()
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "testsecret",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with TemporaryDirectory() as folder, seaweed(Path(folder)) as address:
        figures = measure(address, options.objects, os.urandom(options.size), options.repeats)
    ratio = figures["s3 publish"]["objects_per_second"] / figures["boto3 loop put"]["objects_per_second"]
    for name, figure in figures.items():
        print(
            f"{name:18} {figure['objects_per_second']:8.0f} objects/s {figure['cpu_us']:8.0f} µs CPU an object"
        )
    print(
        f"publishing is {ratio:.1f} times a boto3 loop (target {TARGET}): {'met' if ratio >= TARGET else 'MISSED'}"
    )
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(
        json.dumps({"figures": figures, "ratio": ratio, **vars(options), "json": ""}, indent=2)
    )
    return 0 if ratio >= TARGET else 1


def measure(address: str, count: int, body: bytes, repeats: int) -> dict[str, dict[str, float]]:
    import boto3

    client = boto3.client("s3", endpoint_url=f"http://{address}", region_name="us-east-1")
    seen: dict[str, list[tuple[float, float]]] = {}

    def timed(name: str, run: Callable[[], None]) -> None:
        before, began = cpu(), time.perf_counter()
        run()
        seen.setdefault(name, []).append((time.perf_counter() - began, cpu() - before))

    for _ in range(repeats):
        prefix = uuid.uuid4().hex
        keys = [f"songs/{prefix}/{number:05d}.m4s" for number in range(count)]

        def loop_put(keys: list[str] = keys) -> None:
            for key in keys:
                client.put_object(Bucket=BUCKET, Key=f"loop/{key}", Body=body, ContentType="audio/mp4")

        def loop_get(keys: list[str] = keys) -> None:
            for key in keys:
                client.get_object(Bucket=BUCKET, Key=f"loop/{key}")["Body"].read()

        urls = {
            "s3": f"s3://{BUCKET}/ours?endpoint=http://{address}&region=us-east-1&path_style=1",
            "minio": f"minio://{address}/{BUCKET}/theirs?secure=0",
        }
        timed("boto3 loop put", loop_put)
        for kind, url in urls.items():
            timed(f"{kind} publish", lambda url=url, keys=keys: asyncio.run(publish(url, keys, body)))  # type: ignore[misc]
        timed("boto3 loop get", loop_get)
        for kind, url in urls.items():
            timed(f"{kind} get", lambda url=url, keys=keys: asyncio.run(fetch(url, keys)))  # type: ignore[misc]
    return {
        name: {
            "objects_per_second": count / statistics.median(wall for wall, _ in rounds),
            "cpu_us": statistics.median(used for _, used in rounds) / count * 1e6,
        }
        for name, rounds in seen.items()
    }


async def publish(url: str, keys: list[str], body: bytes) -> None:
    store = open_store(url)
    try:
        await put_all(store, ((key, body) for key in keys), if_absent=True)
    finally:
        await store.close()


async def fetch(url: str, keys: list[str]) -> None:
    store = open_store(url)
    waiting = iter(keys)

    async def reader() -> None:
        for key in waiting:
            async for _ in store.read(key):
                pass

    try:
        await asyncio.gather(*(reader() for _ in range(16)))
    finally:
        await store.close()


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
