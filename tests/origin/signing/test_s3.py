"""Presigned URLs, held against boto3."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.config import Config

from media.errors import SettingsError, TokenExpired, TokenInvalid
from media.ports import SignedRequest, Terms
from origin.signing.s3 import S3Signer

KEYS = ["songs/a-song/0123456789abcdef/hls.m3u8", "a b/ü+(1)'~.json"]
BASES = {"path": "http://127.0.0.1:8333/music", "virtual": "https://music.s3.eu-central-1.amazonaws.com"}


@pytest.mark.parametrize("session_token", ["", "IQoJ/b3J+pZ2lu=="])
@pytest.mark.parametrize("style", BASES)
@pytest.mark.parametrize("key", KEYS)
def test_ours_are_botos_to_the_letter(key: str, style: str, session_token: str) -> None:
    client = boto3.Session().client(
        "s3",
        region_name="eu-central-1",
        endpoint_url="http://127.0.0.1:8333" if style == "path" else None,
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret/key",
        aws_session_token=session_token or None,
        config=Config(signature_version="s3v4", s3={"addressing_style": style}),
    )
    url = client.generate_presigned_url("get_object", Params={"Bucket": "music", "Key": key}, ExpiresIn=1200)
    client.close()
    parts = urlsplit(url)
    date = datetime.strptime(parse_qs(parts.query)["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    now = int(date.timestamp()) * 1000
    signer = S3Signer(BASES[style], "eu-central-1", "AKIDEXAMPLE", "secret/key", lambda: now, session_token)
    terms = Terms((key,), now + 1_200_000)
    assert parse_qs(signer.sign(terms).query) == parse_qs(parts.query)
    path = parts.path.removeprefix("/music/" if style == "path" else "/")
    assert signer.verify(SignedRequest(path, parts.query), now_ms=now) == replace(terms, not_before_ms=now)


SIGNER = S3Signer(BASES["path"], "us-east-1", "AKIDEXAMPLE", "secret", lambda: 1_790_000_000_000)
TERMS = Terms((KEYS[0],), 1_790_000_060_000)


def test_it_opens_one_object_for_its_time() -> None:
    query = SIGNER.sign(TERMS).query
    SIGNER.verify(SignedRequest(KEYS[0], query), now_ms=1_790_000_059_999)
    for now in (1_789_999_999_999, 1_790_000_060_000):
        with pytest.raises(TokenExpired):
            SIGNER.verify(SignedRequest(KEYS[0], query), now_ms=now)
    with pytest.raises(TokenInvalid):
        SIGNER.verify(SignedRequest(KEYS[0] + "x", query), now_ms=1_790_000_000_000)
    with pytest.raises(TokenInvalid):
        SIGNER.verify(
            SignedRequest(KEYS[0], query + "&response-content-type=text/html"), now_ms=1_790_000_000_000
        )


@pytest.mark.parametrize(
    "terms",
    [
        replace(TERMS, scopes=("songs/a/*",)),
        replace(TERMS, scopes=("a", "b")),
        replace(TERMS, user="u42"),
        replace(TERMS, client="192.0.2.7"),
        replace(TERMS, expires_ms=1_790_000_000_999),
        replace(TERMS, expires_ms=1_790_000_000_000 + 7 * 86_400_000 + 1000),
    ],
)
def test_what_it_cannot_say_is_not_signed(terms: Terms) -> None:
    with pytest.raises(SettingsError):
        SIGNER.sign(terms)
