"""The licence exchange, word for word as the W3C recommendation shows it, and what it refuses."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drm import clearkey
from media.errors import FormatError, KeyMissing

KIDS = {UUID(int=number): bytes([number]) * 16 for number in range(1, 4)}
# The example of the recommendation, §9.1.3
REQUEST = b'{"kids":["LwVHf8JLtPrv2GUXFW2v_A"],"type":"temporary"}'
KID = UUID("2f05477f-c24b-b4fa-efd8-6517156daffc")


def encoded(kid: UUID) -> str:
    return urlsafe_b64encode(kid.bytes).rstrip(b"=").decode()


def test_the_licence_has_the_shape_of_the_recommendation() -> None:
    licence = clearkey.answer(REQUEST, {KID: bytes(range(16))}.get)
    assert json.loads(licence) == {
        "keys": [{"kty": "oct", "kid": "LwVHf8JLtPrv2GUXFW2v_A", "k": "AAECAwQFBgcICQoLDA0ODw"}],
        "type": "temporary",
    }


@given(st.lists(st.sampled_from(sorted(KIDS)), min_size=1, max_size=8))
def test_each_kid_is_answered_once(kids: list[UUID]) -> None:
    request = json.dumps({"kids": [encoded(kid) for kid in kids]}).encode()
    keys = json.loads(clearkey.answer(request, KIDS.get))["keys"]
    assert [key["kid"] for key in keys] == [encoded(kid) for kid in dict.fromkeys(kids)]


def test_padding_is_forgiven() -> None:
    assert clearkey.read_request(REQUEST.replace(b'v_A"', b'v_A=="')) == [KID]


def test_an_unknown_kid_is_named() -> None:
    with pytest.raises(KeyMissing, match=str(KID)):
        clearkey.answer(REQUEST, KIDS.get)


@pytest.mark.parametrize(
    "request_",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"kids":"LwVHf8JLtPrv2GUXFW2v_A"}',
        b'{"kids":[]}',
        b'{"kids":[7]}',
        b'{"kids":["LwVHf8JLtPrv2GUXFW2v"]}',
        b'{"kids":["LwVHf8JLtPrv2GUXFW2v/A"]}',
        b'{"kids":["LwVHf8JLtPrv2GUXFW2v_A\\n"]}',
        REQUEST.replace(b"temporary", b"persistent-license"),
        b'{"kids":[' + b",".join([b'"LwVHf8JLtPrv2GUXFW2v_A"'] * 65) + b"]}",
        b"[" * 16_000,
        b'"' + b"x" * 20_000 + b'"',
    ],
)
def test_what_is_no_request_is_refused(request_: bytes) -> None:
    with pytest.raises(FormatError, match="licence request"):
        clearkey.answer(request_, KIDS.get)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_refused(request_: bytes) -> None:
    with pytest.raises(FormatError, match="licence request"):
        clearkey.answer(request_, KIDS.get)
