"""Documents whose signature is sound and which must be refused all the same, and documents that are made to keep us busy.

Each forgery is signed by the signer whom the reader knows, over exactly what its SignedInfo says: the arithmetic holds, and
only the rule that the test is about stands between the document and us.
"""

from __future__ import annotations

import hmac
import re
import struct
from base64 import b64encode
from collections.abc import Callable
from copy import deepcopy
from hashlib import sha1, sha512
from typing import Any
from uuid import UUID

import pytest
from Crypto.Cipher import AES
from Crypto.Hash import SHA1, SHA512
from Crypto.PublicKey import RSA
from Crypto.Signature import pkcs1_15
from Crypto.Util.Padding import pad
from lxml import etree

from drm.cpix import Certificate, CpixKey, Document, DrmData, UsageRule, label_filter, read, write
from drm.cpix.sealing import Secrets, unwrap, wrap
from drm.pssh import common_pssh
from media.errors import ContentKeyError, FormatError

KID, OTHER = UUID("00112233-4455-6677-8899-aabbccddeeff"), UUID("ffeeddcc-bbaa-4988-8766-554433221100")
DOCUMENT = Document(
    "song",
    (CpixKey(KID, b"sixteen bytes ok", "cbcs"),),
    (DrmData(KID, KID, pssh=common_pssh([KID]).to_bytes(), content_protection="<a/>"),),
    (UsageRule(KID, (label_filter("low"),)),),
)
C14N = "http://www.w3.org/2006/12/xml-c14n11"
DS = "{http://www.w3.org/2000/09/xmldsig#}"
CPIX = "{urn:dashif:org:cpix}"
Edit = Callable[[etree._Element], None]
refused = pytest.raises((ContentKeyError, FormatError), match=r"^CPIX")


def c14n(element: etree._Element) -> bytes:
    """Canonical XML of an element in its place, without our own routine."""
    return etree.tostring(etree.fromstring(etree.tostring(element, with_tail=False)), method="c14n")


def find(root: etree._Element, name: str) -> etree._Element:
    found = root.find(f".//{DS}{name}")
    assert found is not None, name
    return found


def forge(signer: Any, edit: Edit, *, document: Edit = lambda root: None, covers: str = "") -> bytes:
    """A document that `signer` signs. `document` edits what is signed, `edit` its SignedInfo, `covers` is the id of a part."""
    root = etree.fromstring(write(DOCUMENT, signer=signer.signer))
    signature = root[-1]
    document(root)
    covered = deepcopy(root)
    covered.remove(covered[-1])
    if covers:
        covered = next(element for element in root.iter() if element.get("id") == covers)
    find(signature, "DigestValue").text = b64encode(sha512(c14n(covered)).digest()).decode()
    edit(signature)
    resign(signer, signature)
    return etree.tostring(root)


def resign(signer: Any, signature: etree._Element) -> None:
    signed = pkcs1_15.new(signer.key).sign(SHA512.new(c14n(find(signature, "SignedInfo"))))
    find(signature, "SignatureValue").text = b64encode(signed).decode()


def name_keys(root: etree._Element) -> None:
    root[0].set("id", "keys")


def only_keys(signature: etree._Element) -> None:
    find(signature, "Reference").set("URI", "#keys")
    transforms = find(signature, "Transforms")
    transforms.remove(transforms[0])


def test_the_forger_forges_soundly(server: Any) -> None:
    """Otherwise every test below would pass for the wrong reason."""
    assert read(forge(server, lambda signature: None), signers=[server.certificate]) == DOCUMENT
    assert read(forge(server, only_keys, document=name_keys, covers="keys")) == DOCUMENT


def test_a_signature_over_the_keys_only_is_none_over_the_document(server: Any) -> None:
    data = forge(server, only_keys, document=name_keys, covers="keys")
    with pytest.raises(ContentKeyError, match="over parts only"):
        read(data, signers=[server.certificate])
    with pytest.raises(ContentKeyError, match="changed after it was signed"):
        read(data.replace(str(KID).encode(), str(OTHER).encode()))


def test_an_id_that_two_elements_have(server: Any) -> None:
    """Signed is one of the two, read the other."""

    def twice(root: etree._Element) -> None:
        name_keys(root)
        root[1].set("id", "keys")

    with pytest.raises(FormatError, match="2 elements with the id 'keys'"):
        read(forge(server, only_keys, document=twice, covers="keys"))


def test_an_address_that_only_looks_like_an_id(server: Any) -> None:
    def relative(signature: etree._Element) -> None:
        only_keys(signature)
        find(signature, "Reference").set("URI", "/keys")

    with pytest.raises(FormatError, match="this document, or a part of it"):
        read(forge(server, relative, document=name_keys, covers="keys"))


def test_a_signature_below_the_root_is_not_passed_over(server: Any) -> None:
    """Passed over, it would leave a document that looks as if nobody had signed it."""
    root = etree.fromstring(write(DOCUMENT, signer=server.signer))
    root[0].append(root[-1])
    with pytest.raises(FormatError, match="directly in the root"):
        read(etree.tostring(root))


def test_a_document_of_the_signers_inside_a_strangers(server: Any) -> None:
    """The signer named their root by its id; the reference still finds it, and the root that is read is another."""
    root = etree.fromstring(write(DOCUMENT, signer=server.signer))
    root.set("id", "whole")
    signature = root[-1]
    root.remove(signature)
    find(signature, "Reference").set("URI", "#whole")
    transforms = find(signature, "Transforms")
    transforms.remove(transforms[0])
    find(signature, "DigestValue").text = b64encode(sha512(c14n(root)).digest()).decode()
    evil = etree.fromstring(write(Document("evil", DOCUMENT.keys)))
    etree.SubElement(evil, "aside").append(root)
    evil.append(signature)
    resign(server, signature)
    assert read(etree.tostring(evil)).content_id == "evil"  # nobody was asked for
    with pytest.raises(ContentKeyError, match="over parts only"):
        read(etree.tostring(evil), signers=[server.certificate])


def test_a_signature_over_the_root_by_its_id_is_as_good(server: Any) -> None:
    def by_id(signature: etree._Element) -> None:
        find(signature, "Reference").set("URI", "#whole")

    data = forge(server, by_id, document=lambda root: root.set("id", "whole"))
    assert read(data, signers=[server.certificate]) == DOCUMENT


def test_the_signature_of_another_document(server: Any) -> None:
    other = etree.fromstring(write(Document("evil", DOCUMENT.keys)))
    other.append(etree.fromstring(write(DOCUMENT, signer=server.signer))[-1])
    with pytest.raises(ContentKeyError, match="changed after it was signed"):
        read(etree.tostring(other), signers=[server.certificate])


def test_a_known_signer_over_a_part_and_a_stranger_over_the_whole(server: Any, stranger: Any) -> None:
    root = etree.fromstring(forge(server, only_keys, document=name_keys, covers="keys"))
    root.set("contentId", "evil")
    whole = c14n(root)
    signature = etree.fromstring(write(DOCUMENT, signer=stranger.signer))[-1]
    root.append(signature)
    find(root[-1], "DigestValue").text = b64encode(sha512(whole).digest()).decode()
    resign(stranger, root[-1])
    data = etree.tostring(root)
    assert read(data).content_id == "evil"
    assert read(data, signers=[stranger.certificate]).content_id == "evil"
    with pytest.raises(ContentKeyError, match="not by a signer that is known"):
        read(data, signers=[server.certificate])


def second_reference(signature: etree._Element) -> None:
    find(signature, "SignedInfo").append(deepcopy(find(signature, "Reference")))


def uri(value: str) -> Edit:
    return lambda signature: find(signature, "Reference").set("URI", value)


def no_uri(signature: etree._Element) -> None:
    del find(signature, "Reference").attrib["URI"]


def transform(algorithm: str, inside: str = "") -> Edit:
    def edit(signature: etree._Element) -> None:
        child = etree.fromstring(
            f'<Transform xmlns="{DS[1:-1]}" Algorithm="{algorithm}">{inside}</Transform>'
        )
        find(signature, "Transforms").insert(1, child)

    return edit


def turned_round(signature: etree._Element) -> None:
    transforms = find(signature, "Transforms")
    transforms.append(transforms[0])


def not_enveloped(signature: etree._Element) -> None:
    transforms = find(signature, "Transforms")
    transforms.remove(transforms[0])


def none_at_all(signature: etree._Element) -> None:
    find(signature, "Transforms").clear()


def method(name: str, algorithm: str, inside: str = "") -> Edit:
    def edit(signature: etree._Element) -> None:
        element = find(signature, name)
        element.set("Algorithm", algorithm)
        if inside:
            element.append(etree.fromstring(inside))

    return edit


NO_KEYS = '<XPath xmlns:c="urn:dashif:org:cpix">not(ancestor-or-self::c:ContentKeyList)</XPath>'
PREFIXES = '<InclusiveNamespaces xmlns="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="x"/>'


@pytest.mark.parametrize(
    "edit",
    [
        second_reference,
        no_uri,
        uri("#"),
        uri("#xpointer(/)"),
        uri("#xpointer(id('keys'))"),
        uri("keys.xml"),
        uri("file:///etc/passwd"),
        uri("http://127.0.0.1/keys.xml"),
        transform("http://www.w3.org/TR/1999/REC-xpath-19991116", NO_KEYS),
        transform("http://www.w3.org/2002/06/xmldsig-filter2"),
        transform("http://www.w3.org/TR/1999/REC-xslt-19991116"),
        transform("http://www.w3.org/2000/09/xmldsig#base64"),
        transform(C14N),
        turned_round,
        not_enveloped,
        none_at_all,
        method("CanonicalizationMethod", f"{C14N}#WithComments"),
        method("CanonicalizationMethod", "http://www.w3.org/2001/10/xml-exc-c14n#WithComments"),
        method("CanonicalizationMethod", "http://www.w3.org/2001/10/xml-exc-c14n#", PREFIXES),
        method("CanonicalizationMethod", "http://www.w3.org/TR/1999/REC-xslt-19991116"),
        method("SignatureMethod", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384"),
        method("DigestMethod", "http://www.w3.org/2001/04/xmldsig-more#sha384"),
    ],
)
def test_what_xmldsig_leaves_open_is_closed(server: Any, edit: Edit) -> None:
    for signers in ([], [server.certificate]):
        with pytest.raises(FormatError, match=r"^CPIX (Reference|SignedInfo|Transform|\w+Method)"):
            read(forge(server, edit), signers=signers)


def test_a_mac_under_the_public_key_is_no_signature(server: Any) -> None:
    """The algorithm confusion that broke JWT: the verifier's public key taken for a secret."""
    root = etree.fromstring(write(DOCUMENT, signer=server.signer))
    find(root, "SignatureMethod").set("Algorithm", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha512")
    for secret in (server.certificate.der, server.key.public_key().export_key("DER"), b""):
        mac = hmac.digest(secret, c14n(find(root, "SignedInfo")), sha512)
        find(root, "SignatureValue").text = b64encode(mac).decode()
        with pytest.raises(FormatError, match=r"SignatureMethod: .*hmac-sha512' is not accepted"):
            read(etree.tostring(root), signers=[server.certificate])


def test_sha1_is_not_enough(server: Any) -> None:
    root = etree.fromstring(write(DOCUMENT, signer=server.signer))
    find(root, "SignatureMethod").set("Algorithm", "http://www.w3.org/2000/09/xmldsig#rsa-sha1")
    signed = pkcs1_15.new(server.key).sign(SHA1.new(c14n(find(root, "SignedInfo"))))
    find(root, "SignatureValue").text = b64encode(signed).decode()
    with pytest.raises(FormatError, match="rsa-sha1' is not accepted"):
        read(etree.tostring(root), signers=[server.certificate])

    def weak(signature: etree._Element) -> None:
        whole = deepcopy(signature.getparent())
        assert whole is not None
        whole.remove(whole[-1])
        find(signature, "DigestMethod").set("Algorithm", "http://www.w3.org/2000/09/xmldsig#sha1")
        find(signature, "DigestValue").text = b64encode(sha1(c14n(whole)).digest()).decode()

    with pytest.raises(FormatError, match="#sha1' is not accepted"):
        read(forge(server, weak), signers=[server.certificate])


def test_a_comment_inside_a_value_cuts_nothing_off(server: Any) -> None:
    """Canonicalisation drops comments, so the signature holds; who reads up to the comment only reads another key."""
    data = write(DOCUMENT, signer=server.signer)
    changed = re.sub(rb"(<pskc:PlainValue>..)", rb"\1<!-- -->", data)
    assert changed != data
    assert read(changed, signers=[server.certificate]) == DOCUMENT


def test_a_declared_encoding_does_not_hide_a_document_type(server: Any) -> None:
    hidden = '<?xml version="1.0" encoding="UTF-7"?>+ADw-!DOCTYPE a SYSTEM "file:///etc/passwd"+AD4-<CPIX/>'
    with refused:
        read(hidden.encode())
    for encoding in ("utf-16", "utf-16-be", "utf-32"):
        with refused:
            read('<!DOCTYPE a [<!ENTITY b "c">]><CPIX>&b;</CPIX>'.encode(encoding))
    with refused:  # an entity that nobody declared
        read(write(DOCUMENT).replace(b"PlainValue>", b"PlainValue>&key;", 1))


def test_two_keys_that_changed_places(server: Any, packager: Any) -> None:
    """Each MAC holds, for it does not know the KID: this is what the signature is for."""
    two = Document("song", (CpixKey(KID, bytes(16)), CpixKey(OTHER, bytes([1]) * 16)))
    data = write(two, recipients=[packager.certificate], signer=server.signer)
    swapped = data.replace(str(KID).encode(), b"x").replace(str(OTHER).encode(), str(KID).encode())
    swapped = swapped.replace(b'"x"', f'"{OTHER}"'.encode())
    unsigned = re.sub(rb"<ds:Signature>.*</ds:Signature>", b"", swapped)
    assert read(unsigned, recipient=packager.key).keys[0] == CpixKey(OTHER, bytes(16))
    with pytest.raises(ContentKeyError, match="changed after it was signed"):
        read(swapped, recipient=packager.key, signers=[server.certificate])


@pytest.mark.parametrize(
    ("pattern", "by", "reason"),
    [
        (r"(<cpix:Data>.*</cpix:Data>)", r"\1\1", "2 Secret; one is expected"),
        (r"(<pskc:PlainValue>.*</pskc:PlainValue>)", r"\1\1", "Secret: 2 EncryptedValue"),
        (r"(<pskc:PlainValue>)", r"<pskc:EncryptedValue/>\1", "no private key|no DeliveryData"),
        (r"(<cpix:PSSH>.*</cpix:PSSH>)", r"\1\1", "DRMSystem: 2 PSSH"),
        (r"(<cpix:ContentProt.*Data>)", r"\1\1", "DRMSystem: 2 ContentProtectionData"),
        (r"(ContentProtectionData>)[^<]*", r"\1" + b64encode(b"</a><b/><a>").decode(), "ContentProtectionData of"),
        (r"(ContentProtectionData>)[^<]*", r"\1" + b64encode(b"<b>&x;</b>").decode(), "ContentProtectionData of"),
    ],
)  # fmt: skip
def test_what_stands_twice_or_breaks_out(packager: Any, pattern: str, by: str, reason: str) -> None:
    changed = re.sub(pattern, by, write(DOCUMENT).decode(), count=1)
    assert changed.encode() != write(DOCUMENT)
    for recipient in (None, packager.key):
        with pytest.raises((FormatError, ContentKeyError), match=reason):
            read(changed.encode(), recipient=recipient)


def crowded(*, attributes: str = "", namespaces: str = "") -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        data = data.replace(b"<ds:SignedInfo>", f"<ds:SignedInfo {attributes}>".encode())
        return data.replace(b"<cpix:CPIX ", f"<cpix:CPIX {namespaces} ".encode())

    return change


@pytest.mark.parametrize(
    "crowd",
    [
        crowded(attributes=" ".join(f'a{number}=""' for number in range(65))),
        crowded(namespaces=" ".join(f'xmlns:a{number}="u:"' for number in range(65))),
    ],
)
def test_crowds_that_canonicalisation_would_sort_in_quadratic_time(
    server: Any, crowd: Callable[[bytes], bytes]
) -> None:
    """90,000 of them fit into a document, and cost half a minute before the signature proves wrong."""
    data = write(DOCUMENT, signer=server.signer)
    with pytest.raises(FormatError, match="at most 64 attributes and 64 namespaces"):
        read(crowd(data))


def test_a_crowd_of_signatures(server: Any) -> None:
    root = etree.fromstring(forge(server, only_keys, document=name_keys, covers="keys"))
    for _ in range(7):
        root.append(deepcopy(root[-1]))
    assert read(etree.tostring(root)) == DOCUMENT
    root.append(deepcopy(root[-1]))
    with pytest.raises(FormatError, match="at most 8"):
        read(etree.tostring(root))


def test_depth_and_length(server: Any) -> None:
    with refused:
        read(b"<a>" * 300 + b"</a>" * 300)
    keys = tuple(CpixKey(UUID(int=number)) for number in range(2001))
    with pytest.raises(FormatError, match="ContentKeyList: one of at most 2000"):
        read(write(Document("song", keys)))


def test_an_exponent_as_long_as_the_modulus(person: Any, server: Any) -> None:
    """Verifying under such a key takes as long as signing, many times over."""
    like = person("slow", 2048)
    slow = RSA.construct((like.key.n, like.key.n - 2), consistency_check=False)
    public, other = (each.export_key(format="DER") for each in (like.key.public_key(), slow))
    inside = like.certificate.der.replace(public, other)
    header = struct.pack(">H", len(inside) - 4)
    grown = len(other) - len(public)
    tbs = struct.pack(">H", struct.unpack(">H", inside[6:8])[0] + grown)
    der = inside[:2] + header + inside[4:6] + tbs + inside[8:]
    with pytest.raises(ContentKeyError, match="larger than anybody uses"):
        Certificate.load(der)
    data = write(DOCUMENT, signer=like.signer).replace(b64encode(like.certificate.der), b64encode(der))
    with pytest.raises(ContentKeyError, match="larger than anybody uses"):
        read(data)


SECRETS = Secrets(bytes(32), bytes(64))


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 31, 32, 33, 48])
def test_without_the_mac_padding_answers_nothing(size: int) -> None:
    """Of any length and padding, ciphertext without its MAC gets one and the same answer: there is nothing to ask."""
    iv = bytes(16)
    sealed = (iv + AES.new(SECRETS.key, AES.MODE_CBC, iv=iv).encrypt(pad(bytes(size), 16)))[:size]
    for mac in (b"", bytes(64), hmac.digest(b"another", sealed, sha512)):
        with pytest.raises(ContentKeyError, match=r"^ValueMAC does not fit the encrypted key$"):
            SECRETS.open(sealed, mac)


@pytest.mark.parametrize("sealed", [b"", bytes(15), bytes(16), bytes(17), bytes(32)])
def test_what_a_sound_mac_is_over_must_open_too(sealed: bytes) -> None:
    with pytest.raises(ContentKeyError, match="does not open the encrypted key"):
        SECRETS.open(sealed, hmac.digest(SECRETS.mac_key, sealed, sha512))


@pytest.mark.parametrize("size", [0, 16, 31, 33, 64])
def test_secrets_of_the_wrong_length(packager: Any, size: int) -> None:
    wrapped = wrap(bytes(size), packager.key.public_key(), lambda count: bytes(range(count)))
    with pytest.raises(ContentKeyError, match=f"a secret of {size} bytes; 32 are expected"):
        unwrap(wrapped, packager.key, 32)


@pytest.mark.parametrize("size", [0, 8, 15, 17, 32])
def test_content_keys_of_the_wrong_length(packager: Any, size: int) -> None:
    """Sealed soundly, by somebody who means another cipher than AES-128."""
    data = write(Document("song", (CpixKey(KID, bytes(size)),)), recipients=[packager.certificate])
    with pytest.raises(FormatError, match=f"ContentKey {KID}: a key of {size} bytes; 16 are expected"):
        read(data, recipient=packager.key)


def test_a_wrapped_secret_that_is_no_number_below_the_modulus(packager: Any) -> None:
    for wrapped in (b"", b"\xff" * 256, bytes(257), bytes(256)):
        with pytest.raises(ContentKeyError, match="the private key does not open it"):
            unwrap(wrapped, packager.key, 32)
