"""Documents that were tampered with, aim to confuse, or are no CPIX at all: each is refused with the element and the reason."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from drm.cpix import Certificate, CpixKey, Document, DrmData, UsageRule, label_filter, read, write
from drm.pssh import common_pssh
from media.errors import ContentKeyError, FormatError, TonearmError

KID = UUID("00112233-4455-6677-8899-aabbccddeeff")
DS = "{http://www.w3.org/2000/09/xmldsig#}"
DOCUMENT = Document(
    "song",
    (CpixKey(KID, b"sixteen bytes ok", "cbcs"),),
    (DrmData(KID, KID, "x", common_pssh([KID]).to_bytes(), "<a/>", "#EXT-X-KEY:A", "#EXT-X-SESSION-KEY:A"),),
    (UsageRule(KID, (label_filter("low"),)),),
)
PLAIN = write(DOCUMENT)


@pytest.fixture
def signed(server: Any) -> bytes:
    return write(DOCUMENT, signer=server.signer)


def replaced(data: bytes, pattern: str, by: str) -> bytes:
    changed = re.sub(pattern, by, data.decode(), count=1)
    assert changed.encode() != data, pattern
    return changed.encode()


def test_white_space_comments_and_a_new_prefix_list_do_not_break_a_signature(
    signed: bytes, server: Any
) -> None:
    commented = replaced(signed, "<ds:SignedInfo>", "<ds:SignedInfo><!-- a comment -->")
    commented = replaced(commented, "<cpix:ContentKeyList>", "<!-- not seen --><cpix:ContentKeyList>")
    assert read(commented, signers=[server.certificate]) == DOCUMENT


@pytest.mark.parametrize(
    ("pattern", "by"),
    [
        ('label="low"', 'label="high"'),
        ('contentId="song"', 'contentId="sonh"'),
        ("<cpix:DRMSystemList>", "<cpix:DRMSystemList> "),
        ("<ds:Signature>", " <ds:Signature>"),
        ("</ds:Signature>", "</ds:Signature> "),
        ("<ds:DigestValue>..", "<ds:DigestValue>AA"),
        ("<ds:SignatureValue>..", "<ds:SignatureValue>AA"),
        ("<ds:SignedInfo>", "<ds:SignedInfo> "),
        ("xml-c14n11", "xml-exc-c14n-x"),
        ("rsa-sha512", "hmac-sha512"),
        ("rsa-sha512", "rsa-sha256"),
        ("#sha512", "#sha1"),
        ("#enveloped-signature", "#base64"),
        (r'URI=""', f'URI="#{KID}"'),
        (r' URI=""', ""),
        ("<ds:Transforms>", f'<ds:Transforms><ds:Transform Algorithm="{"x" * 9}"/>'),
        (
            "</ds:Transforms>",
            '<ds:Transform Algorithm="http://www.w3.org/2006/12/xml-c14n11"/></ds:Transforms>',
        ),
        ("</ds:Reference>", '</ds:Reference><ds:Reference URI=""/>'),
        ("<cpix:CPIX", '<cpix:CPIX xml:base="a"'),
        ("<ds:X509Certificate>....", "<ds:X509Certificate>AAAA"),
    ],
)
def test_one_change_and_a_signed_document_is_refused(
    signed: bytes, server: Any, pattern: str, by: str
) -> None:
    for signers in ([], [server.certificate]):
        with pytest.raises((ContentKeyError, FormatError), match=r"^(CPIX|X\.509)") as caught:
            read(replaced(signed, pattern, by), signers=signers)
        assert "\n" not in str(caught.value)


def test_a_signature_is_by_someone_known(signed: bytes, stranger: Any) -> None:
    assert read(signed) == DOCUMENT
    with pytest.raises(ContentKeyError, match="not by a signer that is known"):
        read(signed, signers=[stranger.certificate])
    with pytest.raises(ContentKeyError, match="not signed"):
        read(PLAIN, signers=[stranger.certificate])


def test_the_known_certificate_over_a_strangers_signature(server: Any, stranger: Any) -> None:
    data = write(DOCUMENT, signer=stranger.signer)
    forged = data.replace(b64encode(stranger.certificate.der), b64encode(server.certificate.der))
    with pytest.raises(ContentKeyError, match="does not fit"):
        read(forged, signers=[server.certificate])


def wrap_in_new_root(root: etree._Element) -> etree._Element:
    """The classic: the signed document moved aside, another in its place."""
    other = etree.fromstring(PLAIN.replace(b"song", b"evil"))
    other.append(root)
    return other


def move_signature_down(root: etree._Element) -> etree._Element:
    signature = root.find(f"{DS}Signature")
    assert signature is not None
    root[0].append(signature)
    return root


def sign_twice(root: etree._Element) -> etree._Element:
    root.append(etree.fromstring(etree.tostring(root[-1])))
    return root


def hide_original_in_object(root: etree._Element) -> etree._Element:
    """The signature brought over into another document, with the signed one inside its Object."""
    other = etree.fromstring(PLAIN.replace(b"song", b"evil"))
    signature = root[-1]
    other.append(signature)
    etree.SubElement(signature, f"{DS}Object").append(root)
    return other


@pytest.mark.parametrize("wrap", [wrap_in_new_root, move_signature_down, sign_twice, hide_original_in_object])
def test_signature_wrapping_is_refused(
    signed: bytes, server: Any, wrap: Callable[[etree._Element], etree._Element]
) -> None:
    with pytest.raises((ContentKeyError, FormatError), match=r"^CPIX"):
        read(etree.tostring(wrap(etree.fromstring(signed))), signers=[server.certificate])


@pytest.mark.parametrize(
    ("pattern", "by", "reason"),
    [
        (r"(<pskc:ValueMAC>)....", r"\1AAAA", f"ContentKey {KID}: ValueMAC does not fit"),
        (r"<pskc:ValueMAC>.*</pskc:ValueMAC>", "", "Secret: 0 ValueMAC; one is expected"),
        (r"(aes256-cbc\"/><enc:CipherData><enc:CipherValue>)....", r"\1AAAA", "ValueMAC does not fit"),
        (r"#aes256-cbc\"/><enc:CipherData>", '#aes128-cbc"/><enc:CipherData>', "aes256-cbc is expected"),
        (r"hmac-sha512", "hmac-sha1", "HMAC-SHA512 is expected"),
        (r"rsa-oaep-mgf1p", "rsa-1_5", "rsa-oaep-mgf1p is expected"),
        (
            r'(rsa-oaep-mgf1p")/>',
            r'\1><ds:DigestMethod Algorithm="a"/></enc:EncryptionMethod>',
            "is expected",
        ),
        (r"(rsa-oaep-mgf1p\"/><enc:CipherData><enc:CipherValue>)....", r"\1AAAA", "does not open it"),
        (r"<cpix:MACMethod.*</cpix:MACMethod>", "", "0 MACMethod; one is expected"),
        (r"<cpix:DocumentKey.*</cpix:DocumentKey>", "", "0 EncryptedValue; one is expected"),
    ],
)
def test_encrypted_keys_that_were_tampered_with(packager: Any, pattern: str, by: str, reason: str) -> None:
    data = write(DOCUMENT, recipients=[packager.certificate])
    with pytest.raises((ContentKeyError, FormatError), match=reason):
        read(replaced(data, pattern, by), recipient=packager.key)


@pytest.mark.parametrize(
    ("pattern", "by", "reason"),
    [
        ("<cpix:CPIX", '<!DOCTYPE a [<!ENTITY a "b">]><cpix:CPIX', "document type"),
        ("<cpix:CPIX", "<?a b?><cpix:CPIX", "processing instruction"),
        ("(?s)<cpix:CPIX.*", "<CPIX/>", "root element"),
        ("(?s)<cpix:CPIX.*", "<cpix:CPIX>", "CPIX: "),
        (f'ContentKey kid="{KID}"', 'ContentKey kid="1"', "ContentKey: kid is no UUID"),
        (f'ContentKey kid="{KID}"', f'ContentKey kid="{UUID(int=1)}"', f"DRMSystem: there is no ContentKey {KID}"),
        (f'Rule kid="{KID}"', f'Rule kid="{UUID(int=1)}"', "ContentKeyUsageRule: there is no ContentKey"),
        ("(<cpix:ContentKey .*</cpix:ContentKey>)", r"\1\1", "two keys have one kid"),
        ("(<cpix:ContentKeyList>.*</cpix:ContentKeyList>)", r"\1\1", "ContentKeyList: one of at most"),
        ("PlainValue>....", "PlainValue>", f"ContentKey {KID}: a key of 13 bytes"),
        ("PlainValue>....", "PlainValue>!!!!", "PlainValue: not base64"),
        ("PlainValue>.*</pskc:PlainValue>", "PlainValue/>", "a key of 0 bytes"),
        ("<cpix:Data>.*</cpix:Data>", "<cpix:Data/>", "Data: 0 Secret|ContentKey: 0 Secret"),
        ("<cpix:ContentKey ", f'<cpix:ContentKey dependsOnKey="{KID}" ', "leaf key"),
        ("<cpix:ContentKey ", '<cpix:ContentKey explicitIV="!" ', "explicitIV: not base64"),
        ('playlist="master"', 'playlist="media"', "one for each of the two playlists"),
        ('playlist="master"', 'playlist="x"', "one for each of the two playlists"),
        ('"media">[^<]*', f'"media">{b64encode(b"#A" + bytes([10]) + b"https://evil/a.m4s").decode()}', "no tag"),
        ("PSSH>[^<]*", f"PSSH>{b64encode(b'box').decode()}", f"PSSH of {KID}: file at byte 0: "),
        ("PSSH>[^<]*", f"PSSH>{b64encode(bytes([0, 0, 0, 8]) + b'free').decode()}", "other than a pssh box"),
        ("ProtectionData>[^<]*", f"ProtectionData>{b64encode(bytes([255])).decode()}", "not UTF-8"),
        ('<cpix:LabelFilter label="low"', '<cpix:AudioFilter minChannels="two"', "minChannels is no number"),
    ],
)  # fmt: skip
def test_documents_that_say_nonsense(pattern: str, by: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason) as caught:
        read(replaced(PLAIN, pattern, by))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe<", PLAIN.decode().encode("utf-16"), b"<a>" * 500, PLAIN + b" " * (1 << 20)]
)
def test_what_is_no_document(data: bytes) -> None:
    with pytest.raises(FormatError, match=r"^CPIX: "):
        read(data)


@given(st.data())
def test_a_document_with_any_bytes_in_it_is_read_or_refused(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(PLAIN)))
    junk, skip = data.draw(st.binary(max_size=4)), data.draw(st.integers(0, 4))
    with suppress(FormatError, ContentKeyError):
        assert isinstance(read(PLAIN[:at] + junk + PLAIN[at + skip :]), Document)


def test_certificates(person: Any, server: Any) -> None:
    pem = (
        b"-----BEGIN CERTIFICATE-----\n"
        + b64encode(server.certificate.der)
        + b"\n-----END CERTIFICATE-----\n"
    )
    assert Certificate.load(pem) == Certificate.load(server.certificate.der) == server.certificate
    assert server.certificate.public_key() == server.key.public_key()
    with pytest.raises(ContentKeyError, match="1024 bits; 2048"):
        Certificate.load(person("weak", 1024).certificate.der)
    with pytest.raises(ContentKeyError, match="private key"):
        Certificate.load(server.key.export_key("DER"))
    for nonsense in (b"", b"x", b"-----BEGIN CERTIFICATE-----\nnonsense", bytes(200)):
        with pytest.raises(TonearmError, match=r"^X\.509 certificate"):
            Certificate.load(nonsense)
