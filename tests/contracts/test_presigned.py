"""Presigned URLs, accepted and refused by a real S3 server."""

from __future__ import annotations

import time
from dataclasses import replace

import aiohttp
import boto3
import pytest

from media.ports import Terms
from origin.signing.s3 import S3Signer

KEY = "presigned/songs/a-song/0123456789abcdef/audio/normal/00001.m4s"
BODY = b"segment"


@pytest.mark.s3
async def test_a_real_server_takes_what_we_sign_and_nothing_else(weed: str) -> None:
    client = boto3.Session().client(
        "s3",
        endpoint_url=f"http://{weed}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="testsecret",
    )
    client.put_object(Bucket="music", Key=KEY, Body=BODY)
    client.close()
    now = time.time_ns() // 1_000_000
    signer = S3Signer(f"http://{weed}/music", "us-east-1", "test", "testsecret", lambda: now)
    terms = Terms((KEY,), now + 60_000)
    good = signer.sign(terms).query
    queries = {
        good: 200,
        "": 403,
        good[:-1] + ("0" if good[-1] != "0" else "1"): 403,
        good.replace("X-Amz-Expires=60", "X-Amz-Expires=600"): 403,
        replace(signer, secret_key="testsecrets").sign(terms).query: 403,
        replace(signer, clock=lambda: now - 120_000).sign(replace(terms, expires_ms=now - 60_000)).query: 403,
    }
    async with aiohttp.ClientSession() as session:
        for query, status in queries.items():
            async with session.get(
                aiohttp.client.URL(f"http://{weed}/music/{KEY}?{query}", encoded=True)
            ) as answer:
                assert (answer.status, query) == (status, query)
                assert status != 200 or await answer.read() == BODY
        other = f"http://{weed}/music/{KEY}x?{good}"
        async with session.get(aiohttp.client.URL(other, encoded=True)) as answer:
            assert answer.status == 403
