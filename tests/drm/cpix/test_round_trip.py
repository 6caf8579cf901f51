"""What is written is read: plain, encrypted, signed, for one recipient or two."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from html import escape
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from drm.cpix import Document, UsageRule, audio_filter, label_filter, read, write
from drm.cpix.model import CpixKey, DrmData, Filter
from drm.pssh import common_pssh
from media.errors import ContentKeyError

KID, OTHER = UUID("00112233-4455-6677-8899-aabbccddeeff"), UUID("ffeeddcc-bbaa-4988-8766-554433221100")
KEY = b"sixteen bytes ok"
DOCUMENT = Document(
    content_id="song",
    keys=(CpixKey(KID, KEY, "cbcs", bytes(16)), CpixKey(OTHER, KEY[::-1], "cbcs")),
    drm=(
        DrmData(
            KID,
            UUID("edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"),
            "Widevine",
            common_pssh([KID]).to_bytes(),
            "<a/>",
            "#EXT-X-KEY:A=B\n\n#X",
            "",
        ),
        DrmData(OTHER, UUID("94ce86fb-07ff-4f43-adb8-93d2fa968ca2"), hls_media="#EXT-X-KEY:A=B"),
    ),
    rules=(
        UsageRule(KID, (label_filter("low"), label_filter("normal"), audio_filter(1, 2)), "AUDIO"),
        UsageRule(OTHER, (label_filter("high"), Filter("{urn:x}Moon", (("phase", "full"),)))),
    ),
)

texts = st.text(
    st.characters(min_codepoint=32, exclude_categories=["Cs", "Cn", "Cc"], exclude_characters="\ufffe\uffff"),
    max_size=20,
)
tags = texts.map(lambda text: f"#{text}")
elements = texts.map(lambda text: f"<a>{escape(text)}</a>")


@st.composite
def documents(draw: st.DrawFn) -> Document:
    kids = draw(st.lists(st.uuids(), unique=True, min_size=1, max_size=4))
    keys = [
        CpixKey(
            kid,
            draw(st.none() | st.binary(min_size=16, max_size=16)),
            draw(st.sampled_from(["", "cenc", "cbcs"])),
        )
        for kid in kids
    ]
    drm = st.builds(
        DrmData,
        st.sampled_from(kids),
        st.uuids(),
        texts,
        st.none()
        | st.just(b"")
        | st.lists(st.uuids(), max_size=3).map(lambda kids: common_pssh(kids).to_bytes()),
        st.none() | st.just("") | elements,
        st.none() | tags,
        st.none() | tags,
    )
    rules = st.builds(
        UsageRule, st.sampled_from(kids), st.lists(texts.map(label_filter), max_size=3).map(tuple), texts
    )
    version = draw(st.sampled_from(["2.3", "2.4"]))
    some: Any = st.lists(drm, max_size=3), st.lists(rules, max_size=3)
    return Document(draw(texts), tuple(keys), tuple(draw(some[0])), tuple(draw(some[1])), version)


@given(documents())
def test_any_plain_document_returns(document: Document) -> None:
    assert read(write(document)) == document


def test_the_same_document_is_the_same_bytes() -> None:
    assert write(DOCUMENT) == write(DOCUMENT)


def test_a_plain_document_element_by_element() -> None:
    root = etree.fromstring(write(DOCUMENT))
    names = {"c": "urn:dashif:org:cpix", "p": "urn:ietf:params:xml:ns:keyprov:pskc"}
    assert [etree.QName(child).localname for child in root] == [
        "ContentKeyList",
        "DRMSystemList",
        "ContentKeyUsageRuleList",
    ]
    assert root.items() == [("contentId", "song"), ("version", "2.3")]
    key = root.find("c:ContentKeyList/c:ContentKey", names)
    assert key is not None
    assert dict(key.items()) == {
        "kid": str(KID),
        "explicitIV": b64encode(bytes(16)).decode(),
        "commonEncryptionScheme": "cbcs",
    }
    assert key.findtext("c:Data/p:Secret/p:PlainValue", None, names) == b64encode(KEY).decode()
    playlists = root.iterfind("c:DRMSystemList/c:DRMSystem/c:HLSSignalingData", names)
    assert [each.get("playlist") for each in playlists] == ["media", "master", "media"]


@pytest.mark.parametrize("version", ["2.3", "2.4"])
def test_the_multivariant_playlist_has_a_name_for_each_version(version: str) -> None:
    data = write(Document(keys=DOCUMENT.keys, drm=DOCUMENT.drm, version=version))
    assert (b'playlist="multiVariant"' in data) == (version == "2.4")
    assert read(data).drm == DOCUMENT.drm


def test_encrypted_for_two_and_signed(server: Any, packager: Any, stranger: Any) -> None:
    data = write(DOCUMENT, recipients=[packager.certificate, server.certificate], signer=server.signer)
    assert b64encode(KEY) not in data
    assert b"PlainValue" not in data
    for recipient in (packager, server):
        document = read(data, recipient=recipient.key, signers=[stranger.certificate, server.certificate])
        assert (document.keys, document.drm, document.rules) == (DOCUMENT.keys, DOCUMENT.drm, DOCUMENT.rules)
        assert document.recipients == (packager.certificate.der, server.certificate.der)


def test_others_read_nothing(server: Any, packager: Any, stranger: Any) -> None:
    data = write(DOCUMENT, recipients=[packager.certificate])
    with pytest.raises(ContentKeyError, match="no DeliveryData for our key"):
        read(data, recipient=stranger.key)
    with pytest.raises(ContentKeyError, match="no private key is at hand"):
        read(data)
    # The certificate exchanged, so that the stranger is addressed: their key still does not open it.
    forged = data.replace(b64encode(packager.certificate.der), b64encode(stranger.certificate.der))
    with pytest.raises(ContentKeyError, match="DeliveryData: the private key does not open it"):
        read(forged, recipient=stranger.key)


def test_a_request_names_its_recipient_and_holds_no_secret(packager: Any) -> None:
    request = Document("song", (CpixKey(KID, scheme="cbcs"),))
    data = write(request, recipients=[packager.certificate])
    assert b"DocumentKey" not in data
    assert read(data).recipients == (packager.certificate.der,)


def test_randomness_is_a_parameter(packager: Any) -> None:
    def stream() -> Any:
        state = [0]

        def random(size: int) -> bytes:
            state[0] += 1
            return hashlib.shake_128(str(state[0]).encode()).digest(size)

        return random

    made = [write(DOCUMENT, recipients=[packager.certificate], random=stream()) for _ in range(2)]
    assert made[0] == made[1]
    assert made[0] != write(DOCUMENT, recipients=[packager.certificate])


def test_no_key_shows_in_a_repr() -> None:
    assert KEY.decode() not in repr(DOCUMENT)
