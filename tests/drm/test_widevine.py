"""The Widevine box against boxes that are out in the world, and the protobuf that it is made of."""

from __future__ import annotations

from base64 import b64decode
from contextlib import suppress
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drm import protobuf, widevine
from drm.widevine import WidevineData
from media import boxes
from media.boxes.pssh import PsshBox
from media.errors import FormatError

# Two boxes as services publish them: EZDRM's for cbcs, and the one of Widevine's public test content.
EZDRM = b64decode("AAAAP3Bzc2gAAAAA7e+LqXnWSs6jyCfc1R0h7QAAAB8SEFYWbwTmlTrikzbYc0PLv+IaBWV6ZHJtSPPGiZsG")
WIDEVINE_TEST = b64decode(
    "AAAAW3Bzc2gAAAAA7e+LqXnWSs6jyCfc1R0h7QAAADsIARIQ62dqu8s0Xpa7z2FmMPGj2hoNd2lkZXZpbmVfdGVzdCIQZmtqM2xqYVNkZmFsa3IzaioC"
    "SEQyAA=="
)
KID = UUID("56166f04-e695-3ae2-9336-d87343cbbfe2")


def test_the_box_of_a_service_byte_for_byte() -> None:
    assert widevine.pssh(WidevineData((KID,), provider="ezdrm", scheme="cbcs")).to_bytes() == EZDRM


def test_cenc_is_the_number_that_shaka_packager_writes() -> None:
    assert WidevineData((), scheme="cenc").to_bytes().hex() == "48e3dc959b06"


def test_obsolete_fields_of_old_content_are_passed_over() -> None:
    (box,) = boxes.parse(WIDEVINE_TEST)
    assert isinstance(box, PsshBox)
    assert WidevineData.read(box.data) == WidevineData(
        (UUID("eb676abb-cb34-5e96-bbcf-616630f1a3da"),), "widevine_test", b"fkj3ljaSdfalkr3j"
    )


@given(
    st.lists(st.uuids(), max_size=4).map(tuple),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.binary(max_size=200),
    st.sampled_from(["", "cenc", "cbcs", "cens", "cbc1"]),
)
def test_what_is_written_is_read(
    kids: tuple[UUID, ...], provider: str, content_id: bytes, scheme: str
) -> None:
    data = WidevineData(kids, provider, content_id, scheme)
    assert WidevineData.read(data.to_bytes()) == data


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("1210ff", "claims 16 bytes, 1 are left"),
        ("12", "does not end"),
        ("1203010203", "Widevine pssh"),  # a KID of three bytes
        ("1a01ff", "Widevine pssh"),  # a provider that is no text
        ("48ffffffffff0f", "Widevine pssh"),  # a scheme of more than four characters
        ("48ffffffffffffffffff7f", "64 bits"),
        ("00", "no field 0"),
        ("0b", "wire type 3"),
        ("0901", "claims 8 bytes"),
    ],
)
def test_what_is_no_widevine_data_is_refused(data: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        WidevineData.read(bytes.fromhex(data))


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(FormatError):
        assert isinstance(WidevineData.read(data), WidevineData)


@given(st.lists(st.tuples(st.integers(1, 2**29 - 1), st.integers(0, 2**64 - 1) | st.binary(max_size=300))))
def test_fields_of_any_number_and_value_return(fields: list[protobuf.Field]) -> None:
    assert list(protobuf.read(protobuf.to_bytes(fields))) == fields


def test_numbers_as_the_encoding_guide_shows_them() -> None:
    # Protocol Buffers, "Encoding": field 1 with 150, field 2 with "testing".
    assert protobuf.to_bytes([(1, 150), (2, b"testing")]).hex() == "089601" + "120774657374696e67"
    with pytest.raises(ValueError, match="64 bits"):
        protobuf.to_bytes([(1, 1 << 64)])


def test_a_scheme_is_four_characters() -> None:
    with pytest.raises(ValueError, match="four-character"):
        WidevineData((), scheme="none!").to_bytes()
