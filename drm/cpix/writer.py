"""A CPIX 2.3 document as XML.

Equal arguments give equal bytes: there is no date and no generated id in it. What is random (document key, IVs, OAEP) comes
from `random`.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence

from Crypto.Random import get_random_bytes
from lxml import etree

from drm.cpix import names, sealing
from drm.cpix.certificate import Certificate
from drm.cpix.model import CpixKey, Document, DrmData, UsageRule
from drm.cpix.names import cpix, ds, enc, pskc
from drm.cpix.sealing import Random, Secrets
from drm.cpix.signature import Signer, sign

# What CPIX 2.4 calls multiVariant was master up to 2.3.
MULTIVARIANT = {"2.4": "multiVariant"}
# The schema's order; others' filters come last.
FILTERS = ("KeyPeriodFilter", "LabelFilter", "VideoFilter", "AudioFilter", "BitrateFilter")


def write(
    document: Document,
    *,
    recipients: Sequence[Certificate] = (),
    signer: Signer | None = None,
    random: Random = get_random_bytes,
) -> bytes:
    """The document, UTF-8. With `recipients` its keys are encrypted for each of them and readable by nobody else.

    A document without a key value is a request: its DeliveryData then names the recipients and holds no secrets, which is
    how SPEKE asks for an encrypted answer. Raises `ContentKeyError` for a certificate that cannot be used.
    """
    root = etree.Element(cpix("CPIX"), nsmap=names.NAMES)
    if document.content_id:
        root.set("contentId", document.content_id)
    root.set("version", document.version)
    has_values = any(key.key is not None for key in document.keys)
    secrets = Secrets.make(random) if recipients and has_values else None
    if recipients:
        parent = etree.SubElement(root, cpix("DeliveryDataList"))
        for recipient in recipients:
            _delivery(parent, recipient, document.version, secrets, random)
    if document.keys:
        parent = etree.SubElement(root, cpix("ContentKeyList"))
        for key in document.keys:
            _key(parent, key, secrets, random)
    if document.drm:
        parent = etree.SubElement(root, cpix("DRMSystemList"))
        for data in document.drm:
            _drm(parent, data, MULTIVARIANT.get(document.version, "master"))
    if document.rules:
        parent = etree.SubElement(root, cpix("ContentKeyUsageRuleList"))
        for rule in document.rules:
            _rule(parent, rule)
    if signer is not None:
        sign(root, signer)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _delivery(
    parent: etree._Element, recipient: Certificate, version: str, secrets: Secrets | None, random: Random
) -> None:
    public_key = recipient.public_key()
    element = etree.SubElement(parent, cpix("DeliveryData"))
    holder = etree.SubElement(etree.SubElement(element, cpix("DeliveryKey")), ds("X509Data"))
    _text(holder, ds("X509Certificate"), recipient.der)
    if secrets is None:
        return
    document_key = etree.SubElement(element, cpix("DocumentKey"))
    if version != "2.4":  # which dropped it: there is only one
        document_key.set("Algorithm", names.AES256_CBC)
    secret = etree.SubElement(etree.SubElement(document_key, cpix("Data")), pskc("Secret"))
    value = etree.SubElement(secret, pskc("EncryptedValue"))
    _encrypted(value, names.RSA_OAEP, sealing.wrap(secrets.key, public_key, random))
    method = etree.SubElement(element, cpix("MACMethod"), Algorithm=names.HMAC_SHA512)
    value = etree.SubElement(method, pskc("MACKey"))
    _encrypted(value, names.RSA_OAEP, sealing.wrap(secrets.mac_key, public_key, random))


def _key(parent: etree._Element, key: CpixKey, secrets: Secrets | None, random: Random) -> None:
    element = etree.SubElement(parent, cpix("ContentKey"), kid=str(key.kid))
    if key.explicit_iv:
        element.set("explicitIV", _base64(key.explicit_iv))
    if key.scheme:
        element.set("commonEncryptionScheme", key.scheme)
    if key.key is None:
        return
    secret = etree.SubElement(etree.SubElement(element, cpix("Data")), pskc("Secret"))
    if secrets is None:
        _text(secret, pskc("PlainValue"), key.key)
        return
    sealed, mac = secrets.seal(key.key, random)
    _encrypted(etree.SubElement(secret, pskc("EncryptedValue")), names.AES256_CBC, sealed)
    _text(secret, pskc("ValueMAC"), mac)


def _drm(parent: etree._Element, data: DrmData, multivariant: str) -> None:
    element = etree.SubElement(parent, cpix("DRMSystem"), kid=str(data.kid), systemId=str(data.system_id))
    if data.name:
        element.set("name", data.name)
    if data.pssh is not None:
        _text(element, cpix("PSSH"), data.pssh)
    if data.content_protection is not None:
        _text(element, cpix("ContentProtectionData"), data.content_protection.encode())
    for playlist, lines in (("media", data.hls_media), (multivariant, data.hls_multivariant)):
        if lines is not None:
            _text(element, cpix("HLSSignalingData"), lines.encode()).set("playlist", playlist)


def _rule(parent: etree._Element, rule: UsageRule) -> None:
    element = etree.SubElement(parent, cpix("ContentKeyUsageRule"), kid=str(rule.kid))
    if rule.intended_track_type:
        element.set("intendedTrackType", rule.intended_track_type)
    ranks = {kind: rank for rank, kind in enumerate(FILTERS)}
    for each in sorted(rule.filters, key=lambda each: ranks.get(each.kind, len(FILTERS))):
        etree.SubElement(
            element, each.kind if each.kind.startswith("{") else cpix(each.kind), dict(each.attributes)
        )


def _encrypted(parent: etree._Element, algorithm: str, value: bytes) -> None:
    """The inside of an xenc:EncryptedDataType."""
    etree.SubElement(parent, enc("EncryptionMethod"), Algorithm=algorithm)
    _text(etree.SubElement(parent, enc("CipherData")), enc("CipherValue"), value)


def _text(parent: etree._Element, tag: str, value: bytes) -> etree._Element:
    element = etree.SubElement(parent, tag)
    if value:
        element.text = _base64(value)
    return element


def _base64(value: bytes) -> str:
    return b64encode(value).decode()
