"""The XML signatures of a CPIX document (XMLDSIG 1.1; CPIX 2.3 §6.1.3).

An enveloped signature: the document without its Signature element, canonicalised, hashed, and the hash signed inside
SignedInfo. Everything that XMLDSIG leaves open is closed here: one reference a signature, and the algorithms of two short
tables. Signatures over a part (``URI="#id"``), which CPIX has too, must hold, but prove nothing about the rest, which is how
signature wrapping works: where a known signer is asked for, it takes a signature of theirs over the very root that is read.
The key is that of a certificate the caller knows, or, without such, the enclosed one: then a signature shows that what it
covers is unchanged, not who wrote it.

Canonical XML 1.1 differs from 1.0 only in what parts of a document inherit of ``xml:`` attributes; a document that has any is
refused, and one routine serves for both.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Collection
from copy import deepcopy
from dataclasses import dataclass, field
from types import ModuleType

from Crypto.Hash import SHA256, SHA512
from Crypto.PublicKey.RSA import RsaKey
from Crypto.Signature import pkcs1_15
from lxml import etree

from drm.cpix import names
from drm.cpix.certificate import Certificate
from drm.cpix.names import ds
from media.errors import ContentKeyError, FormatError

_SIGNATURES: dict[str, ModuleType] = {names.RSA_SHA256: SHA256, names.RSA_SHA512: SHA512}
_DIGESTS: dict[str, ModuleType] = {names.SHA256: SHA256, names.SHA512: SHA512}
_EXCLUSIVE = {names.C14N_10: False, names.C14N_11: False, names.C14N_EXCLUSIVE: True}
_XML = "{http://www.w3.org/XML/1998/namespace}"
MAX_SIGNATURES = 8
# Of one element. libxml2 sorts both in quadratic time to canonicalise them: half a minute for a document of 800 kB.
MAX_ATTRIBUTES = MAX_NAMESPACES = 64


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs: the certificate that goes into the document, and its private key."""

    certificate: Certificate
    private_key: RsaKey = field(repr=False)


def sign(root: etree._Element, signer: Signer) -> None:
    """Append the signature over `root` as it stands, with the algorithms that CPIX asks for."""
    digest = SHA512.new(_canonical(root, names.C14N_11)).digest()
    signature = etree.SubElement(root, ds("Signature"))
    info = etree.SubElement(signature, ds("SignedInfo"))
    etree.SubElement(info, ds("CanonicalizationMethod"), Algorithm=names.C14N_11)
    etree.SubElement(info, ds("SignatureMethod"), Algorithm=names.RSA_SHA512)
    reference = etree.SubElement(info, ds("Reference"), URI="")
    transforms = etree.SubElement(reference, ds("Transforms"))
    for algorithm in (names.ENVELOPED, names.C14N_11):
        etree.SubElement(transforms, ds("Transform"), Algorithm=algorithm)
    etree.SubElement(reference, ds("DigestMethod"), Algorithm=names.SHA512)
    etree.SubElement(reference, ds("DigestValue")).text = b64encode(digest).decode()
    signed = pkcs1_15.new(signer.private_key).sign(SHA512.new(_canonical(info, names.C14N_11)))
    etree.SubElement(signature, ds("SignatureValue")).text = b64encode(signed).decode()
    holder = etree.SubElement(etree.SubElement(signature, ds("KeyInfo")), ds("X509Data"))
    etree.SubElement(holder, ds("X509Certificate")).text = b64encode(signer.certificate.der).decode()


def verify(root: etree._Element, signers: Collection[Certificate]) -> None:
    """Check the signatures of a document.

    Each that is there must hold. With `signers` there must be one over the whole document by one of them. Raises
    `FormatError` for a signature that is none of those we know, `ContentKeyError` for one that does not hold.
    """
    found = root.findall(ds("Signature"))
    if len(found) > MAX_SIGNATURES or len(found) < sum(1 for _ in root.iter(ds("Signature"))):
        raise FormatError(f"CPIX Signature: at most {MAX_SIGNATURES} are read, directly in the root")
    if found:
        _check_attributes(root)
    covering = [_verify(root, each) for each in found]
    if not signers:
        return
    if not found:
        raise ContentKeyError("CPIX: not signed, and a signature of a known signer is required")
    whole = [certificate for certificate, covered in covering if covered is root]
    if not whole:
        raise ContentKeyError("CPIX Signature: over parts only, and over the whole document one is required")
    if not any(certificate in signers for certificate in whole):
        raise ContentKeyError("CPIX Signature: not by a signer that is known")


def _check_attributes(root: etree._Element) -> None:
    for element in root.iter():
        if len(element.attrib) > MAX_ATTRIBUTES or len(element.nsmap) > MAX_NAMESPACES:
            raise FormatError(
                f"CPIX {etree.QName(element).localname}: at most {MAX_ATTRIBUTES} attributes and {MAX_NAMESPACES} "
                "namespaces are read in a signed document"
            )
        if any(str(name).startswith(_XML) for name in element.attrib):
            raise FormatError("CPIX Signature: xml: attributes are not accepted in a signed document")


def _verify(root: etree._Element, signature: etree._Element) -> tuple[Certificate, etree._Element]:
    """Whose signature it is, and the element that it covers."""
    info = _child(signature, "SignedInfo")
    if [child.tag for child in info] != [
        ds("CanonicalizationMethod"),
        ds("SignatureMethod"),
        ds("Reference"),
    ]:
        raise FormatError("CPIX SignedInfo: one method of each kind and one Reference are read")
    certificate = Certificate(_base64(signature, "KeyInfo", "X509Data", "X509Certificate"))
    signed = _canonical(info, _algorithm(info[0], _EXCLUSIVE))
    method = _SIGNATURES[_algorithm(info[1], _SIGNATURES)]
    try:
        pkcs1_15.new(certificate.public_key()).verify(
            method.new(signed), _base64(signature, "SignatureValue")
        )
    except ValueError:
        raise ContentKeyError("CPIX Signature: it does not fit SignedInfo and certificate") from None
    return certificate, _verify_reference(root, signature, info[2])


def _verify_reference(
    root: etree._Element, signature: etree._Element, reference: etree._Element
) -> etree._Element:
    covered = _covered(root, reference.get("URI"))
    transforms = list(_child(reference, "Transforms"))
    whole = covered
    if covered is root:
        whole = deepcopy(root)
        _remove(whole, whole[root.index(signature)])
        if not transforms:
            raise FormatError("CPIX Transforms: the enveloped signature is expected")
        _algorithm(transforms.pop(0), {names.ENVELOPED})
    canonical = names.C14N_10  # what XMLDSIG §4.4.3.2 falls back to
    if transforms:
        canonical = _algorithm(transforms.pop(0), _EXCLUSIVE)
    if transforms:
        raise FormatError("CPIX Transforms: enveloped signature and one canonicalisation are read")
    method = _DIGESTS[_algorithm(_child(reference, "DigestMethod"), _DIGESTS)]
    if method.new(_canonical(whole, canonical)).digest() != _base64(reference, "DigestValue"):
        raise ContentKeyError("CPIX Signature: the document was changed after it was signed")
    return covered


def _covered(root: etree._Element, uri: str | None) -> etree._Element:
    """The element that a reference means: the root, or the only one with that id."""
    if uri == "":
        return root
    if uri is None or not uri.startswith("#"):
        raise FormatError("CPIX Reference: a signature covers this document, or a part of it by its id")
    found = [element for element in root.iter() if element.get("id") == uri[1:]]
    if len(found) != 1:
        raise FormatError(f"CPIX Reference: {len(found)} elements with the id {uri[1:81]!r}; one is expected")
    return found[0]


def _canonical(element: etree._Element, algorithm: str) -> bytes:
    # Written out and read again, the element is a document of its own with all its namespaces. Asked for a part of a
    # document, lxml 6 undeclares a default namespace on the part's children, and no signature with one (Java's have one) would hold.
    alone = etree.fromstring(
        etree.tostring(element, with_tail=False), etree.XMLParser(resolve_entities=False)
    )
    return etree.tostring(alone, method="c14n", exclusive=_EXCLUSIVE[algorithm], with_comments=False)


def _remove(root: etree._Element, child: etree._Element) -> None:
    """Take `child` out and leave the white space behind it, which lxml counts as the child's own."""
    before, tail = child.getprevious(), child.tail or ""
    if before is None:
        root.text = (root.text or "") + tail
    else:
        before.tail = (before.tail or "") + tail
    root.remove(child)


def _algorithm(element: etree._Element, known: Collection[str]) -> str:
    """The Algorithm attribute. Parameters inside the element would change its meaning: there must be none."""
    algorithm = element.get("Algorithm", "")
    if algorithm not in known or len(element):
        raise FormatError(f"CPIX {etree.QName(element).localname}: {algorithm[:80]!r} is not accepted here")
    return algorithm


def _child(element: etree._Element, name: str) -> etree._Element:
    found = element.findall(ds(name))
    if len(found) != 1:
        raise FormatError(f"CPIX {etree.QName(element).localname}: {len(found)} {name}; one is expected")
    return found[0]


def _base64(element: etree._Element, *path: str) -> bytes:
    for name in path:
        element = _child(element, name)
    try:
        return b64decode("".join((element.text or "").split()), validate=True)
    except ValueError:
        raise FormatError(f"CPIX {path[-1]}: not base64") from None
