"""The PlayReady Object against Microsoft's published header, and what is refused of others'."""

from __future__ import annotations

import struct
from base64 import b64decode, b64encode
from hashlib import sha256
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drm import playready
from drm.playready import PlayReadyHeader, PlayReadyKey
from media import boxes
from media.boxes.pssh import PsshBox
from media.errors import FormatError

KID = UUID("00112233-4455-6677-8899-aabbccddeeff")
URL = "https://licence.example/playready?a=1&b=<2>"

# Microsoft's test service: the public seed from which it makes every key, and two KIDs with their checksums as its
# documentation prints them ("Key and Key IDs").
SEED = b64decode("XVBovsmzhP9gRIZxWfFta3VVRPzVEWmJsazEJ46I")[:30]
PUBLISHED = [("0IbHou/5s0yzM80yOkKEpQ==", "xNvWVxoWk04="), ("/qgG2xbs4k2SKCxx6bhWqw==", "GnKaQIRacPU=")]


def service_key(kid: bytes) -> bytes:
    """The content key of the test service for a KID ("PlayReady Key Seed", Microsoft)."""
    parts = [sha256(SEED + tail).digest() for tail in (kid, kid + SEED, kid + SEED + kid)]
    key = bytes(16)
    for part in parts:
        key = bytes(a ^ b ^ c for a, b, c in zip(key, part[:16], part[16:], strict=True))
    return key


@pytest.mark.parametrize(("value", "checksum"), PUBLISHED)
def test_the_checksum_is_the_published_one(value: str, checksum: str) -> None:
    kid = b64decode(value)
    made = playready.checksum(UUID(bytes_le=kid), service_key(kid))
    assert b64encode(made).decode() == checksum


# openssl enc -aes-128-ecb -nopad of the KID under a key of zeros begins 83 5b 00 53 6c 1d 3f 3f.
def test_the_object_is_spelled_as_the_specification_asks() -> None:
    data = playready.header([KID], "cenc", license_url=URL, keys=[bytes(16)]).to_bytes()
    size, count, kind, length = struct.unpack_from("<IHHH", data)
    assert (size, count, kind, length) == (len(data), 1, 1, len(data) - 10)
    assert data[10:].decode("utf-16-le") == (
        '<WRMHEADER xmlns="http://schemas.microsoft.com/DRM/2007/03/PlayReadyHeader" version="4.3.0.0"><DATA><PROTECTINFO>'
        '<KIDS><KID ALGID="AESCTR" CHECKSUM="g1sAU2wdPz8=" VALUE="MyIRAFVEd2aImaq7zN3u/w=="></KID></KIDS></PROTECTINFO>'
        "<LA_URL>https://licence.example/playready?a=1&amp;b=&lt;2&gt;</LA_URL></DATA></WRMHEADER>"
    )


def test_cbcs_has_no_checksum_even_when_the_key_is_known() -> None:
    header = playready.header([KID], "cbcs", keys=[bytes(16)])
    assert header.keys == (PlayReadyKey(KID, "AESCBC"),)
    assert "CHECKSUM" not in header.to_bytes().decode("utf-16-le")
    assert playready.header([KID], "cenc").keys == (PlayReadyKey(KID, "AESCTR"),)


def test_the_box_holds_the_object() -> None:
    header = playready.header([KID], "cbcs", license_url=URL)
    (box,) = boxes.parse(playready.pssh(header).to_bytes())
    assert isinstance(box, PsshBox)
    assert box.system_id == UUID("9a04f079-9840-4286-ab92-e65be0885f95").bytes
    assert (box.version, PlayReadyHeader.read(box.data)) == (0, header)


@given(
    st.lists(st.uuids(), max_size=5),
    st.sampled_from(["cenc", "cbcs"]),
    st.text(st.characters(min_codepoint=33, exclude_categories=["Cs", "Cc", "Cn", "Z"]), max_size=40),
)
def test_what_is_written_is_read(kids: list[UUID], scheme: str, url: str) -> None:
    header = playready.header(kids, scheme, license_url=url, keys=[kid.bytes for kid in kids])
    assert PlayReadyHeader.read(header.to_bytes()) == header


def test_an_object_that_no_client_takes_is_not_made() -> None:
    with pytest.raises(ValueError, match="15360"):
        playready.header([KID] * 200, "cbcs").to_bytes()


def wrapped(header: str) -> bytes:
    text = header.encode("utf-16-le")
    return struct.pack("<IHHH", len(text) + 10, 1, 1, len(text)) + text


GOOD = playready.header([KID], "cbcs").to_bytes()[10:].decode("utf-16-le")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        GOOD.encode("utf-16-le"),
        wrapped(GOOD)[:-2],
        struct.pack("<IH", 6, 0),
        struct.pack("<IH", 6, 1),
        struct.pack("<IHHH", 10, 1, 1, 99),
        struct.pack("<IHHH", 12, 1, 3, 2) + b"xx",
        struct.pack("<IHHH", 12, 1, 1, 2) + b"\x00\xd8",
        wrapped("WRMHEADER"),
        wrapped("<WRMHEADER/>"),
        wrapped(GOOD.replace("4.3.0.0", "4.0.0.0")),
        wrapped(GOOD.replace("MyIR", "!!!!")),
        wrapped(GOOD.replace("MyIR", "")),
        wrapped(f'<!DOCTYPE WRMHEADER [<!ENTITY a "b">]>{GOOD}'),
        wrapped(f"<?a b?>{GOOD}"),
        wrapped(f"{GOOD}<?a b?>"),
        wrapped(GOOD.replace("<DATA>", "<DATA><?a b?>")),
    ],
)
def test_what_is_no_playready_object_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError, match="PlayReady") as caught:
        PlayReadyHeader.read(data)
    assert "\n" not in str(caught.value)


@given(st.binary(max_size=100))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(FormatError, match="PlayReady"):
        PlayReadyHeader.read(data)
