"""Reading a CPIX document: versions 2.3 and 2.4, as far as songs need them.

Only children of the root and theirs are looked at, by their exact place; a signer's signature covers the root. What stands twice
where the schema has it once is refused: the next reader might take the other.
What is read: keys, DRM systems, usage rules and the certificates that the document is addressed to. Key periods, key
hierarchies and the update history are not; a rule that depends on a key period makes the mapping of keys fail by name
(`Document.key_for`), and a leaf key is refused.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Collection, Iterable
from uuid import UUID

from Crypto.PublicKey.RSA import RsaKey
from lxml import etree

from drm.cpix import names, sealing
from drm.cpix.certificate import Certificate
from drm.cpix.model import CpixKey, Document, DrmData, Filter, UsageRule
from drm.cpix.names import NAMES, cpix
from drm.cpix.sealing import DOCUMENT_KEY, MAC_KEY, Secrets
from drm.cpix.signature import verify
from drm.keys import KEY_SIZE
from media import boxes, safe_xml
from media.boxes.pssh import PsshBox
from media.errors import ContentKeyError, FormatError

MAX_DOCUMENT = 1 << 20  # bytes
MAX_ITEMS = 2000  # elements of one list
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)
_INTEGER = re.compile(r"[0-9]{1,15}", re.ASCII)
# The schema's, that of Axinom's library, and that of AWS's reference key server.
_MAC_KEYS = ("pskc:MACKey", "cpix:Key[enc:CipherData]", "cpix:Key/pskc:EncryptedValue")
_PLAYLISTS = {
    "": "hls_media",
    "media": "hls_media",
    "master": "hls_multivariant",
    "multiVariant": "hls_multivariant",
}


def read(data: bytes, *, recipient: RsaKey | None = None, signers: Collection[Certificate] = ()) -> Document:
    """Read a document. `recipient` is our private key, for keys that are encrypted for us.

    `signers` are the certificates that may have signed it; when given, a document without such a signature is refused.
    Raises `FormatError` for what is no such document and `ContentKeyError` for keys or signatures that do not hold.
    Encrypted keys without a `recipient` are an error too: a document is read in full or not at all.
    """
    root = safe_xml.parse(data, "CPIX", limit=MAX_DOCUMENT)
    if root.tag != cpix("CPIX"):
        raise FormatError("CPIX: the root element is not CPIX")
    verify(root, signers)
    deliveries = _items(root, "DeliveryDataList", "DeliveryData")
    elements = _items(root, "ContentKeyList", "ContentKey")
    sealed = any(each.find(".//pskc:EncryptedValue", NAMES) is not None for each in elements)
    secrets = _secrets(deliveries, recipient) if sealed else None
    keys = tuple(_key(each, secrets) for each in elements)
    kids = {key.kid for key in keys}
    if len(kids) < len(keys):
        raise FormatError("CPIX ContentKeyList: two keys have one kid")
    drm = tuple(_drm(each) for each in _items(root, "DRMSystemList", "DRMSystem"))
    rules = tuple(_rule(each) for each in _items(root, "ContentKeyUsageRuleList", "ContentKeyUsageRule"))
    for kid, name in [(each.kid, "DRMSystem") for each in drm] + [
        (each.kid, "ContentKeyUsageRule") for each in rules
    ]:
        if kid not in kids:
            raise FormatError(f"CPIX {name}: there is no ContentKey {kid}")
    return Document(
        content_id=root.get("contentId", ""),
        keys=keys,
        drm=drm,
        rules=rules,
        version=root.get("version", ""),
        recipients=tuple(_certificate(each) for each in deliveries),
    )


def _items(root: etree._Element, holder: str, name: str) -> list[etree._Element]:
    lists = root.findall(cpix(holder))
    found = [item for each in lists for item in each.iterfind(cpix(name))]
    if len(lists) > 1 or len(found) > MAX_ITEMS:
        raise FormatError(f"CPIX {holder}: one of at most {MAX_ITEMS} elements is read")
    return found


def _secrets(deliveries: Iterable[etree._Element], recipient: RsaKey | None) -> Secrets:
    """The document's secrets from the DeliveryData whose certificate holds our public key."""
    if recipient is None:
        raise ContentKeyError("CPIX ContentKey: encrypted for a recipient, and no private key is at hand")
    for element in deliveries:
        public = Certificate(_certificate(element)).public_key()
        if (public.n, public.e) != (recipient.n, recipient.e):
            continue
        document_key = _one(element, "cpix:DocumentKey/cpix:Data/pskc:Secret/pskc:EncryptedValue")
        method = _one(element, "cpix:MACMethod")
        if method.get("Algorithm") != names.HMAC_SHA512:
            raise FormatError("CPIX MACMethod: HMAC-SHA512 is expected")
        mac_key = _one(method, *_MAC_KEYS)
        opened = []
        for holder, size in ((document_key, DOCUMENT_KEY), (mac_key, MAC_KEY)):
            try:
                opened.append(sealing.unwrap(_cipher(holder, names.RSA_OAEP), recipient, size))
            except ContentKeyError as error:
                raise ContentKeyError(
                    f"CPIX {etree.QName(holder).localname} of DeliveryData: {error}"
                ) from None
        return Secrets(*opened)
    raise ContentKeyError("CPIX DeliveryDataList: no DeliveryData for our key")


def _certificate(delivery: etree._Element) -> bytes:
    return _base64(_one(delivery, "cpix:DeliveryKey/ds:X509Data/ds:X509Certificate"))


def _key(element: etree._Element, secrets: Secrets | None) -> CpixKey:
    kid = _uuid(element, "kid")
    if element.get("dependsOnKey") is not None:
        raise FormatError(f"CPIX ContentKey {kid}: a leaf key of a hierarchy is not supported")
    value: bytes | None = None
    if element.find(cpix("Data")) is not None:
        secret = _one(element, "cpix:Data/pskc:Secret")
        holder = _one(secret, "pskc:EncryptedValue", "pskc:PlainValue")
        if holder.tag == names.pskc("PlainValue"):
            value = _base64(holder)
        elif secrets is not None:
            try:
                value = secrets.open(
                    _cipher(holder, names.AES256_CBC), _base64(_one(secret, "pskc:ValueMAC"))
                )
            except ContentKeyError as error:
                raise ContentKeyError(f"CPIX ContentKey {kid}: {error}") from None
        if value is None or len(value) != KEY_SIZE:
            raise FormatError(
                f"CPIX ContentKey {kid}: a key of {len(value or b'')} bytes; {KEY_SIZE} are expected"
            )
    iv = _decode(element.get("explicitIV", ""), "ContentKey explicitIV")
    return CpixKey(kid, value, element.get("commonEncryptionScheme", ""), iv)


def _drm(element: etree._Element) -> DrmData:
    kid = _uuid(element, "kid")
    lines: dict[str, str] = {}
    for each in element.iterfind(cpix("HLSSignalingData")):
        member = _PLAYLISTS.get(each.get("playlist", ""))
        if member is None or member in lines:
            raise FormatError(f"CPIX HLSSignalingData of {kid}: one for each of the two playlists is read")
        lines[member] = _utf8(each)
        # It goes into a playlist as it stands; a line that is no tag would be the address of a segment.
        if any(line and not line.startswith("#") for line in lines[member].splitlines()):
            raise FormatError(f"CPIX HLSSignalingData of {kid}: a line that is no tag")
    pssh, inside = (_at_most_one(element, name) for name in ("PSSH", "ContentProtectionData"))
    content_protection = None if inside is None else _utf8(inside)
    if content_protection:
        place = f"CPIX ContentProtectionData of {kid}"
        # It goes into an MPD as it stands, and must not end the element that it is put into.
        safe_xml.parse(f"<a>{content_protection}</a>".encode(), place, limit=MAX_DOCUMENT)
    return DrmData(
        kid,
        _uuid(element, "systemId"),
        element.get("name", ""),
        None if pssh is None else _pssh(pssh, kid),
        content_protection,
        **lines,
    )


def _pssh(element: etree._Element, kid: UUID) -> bytes:
    """It goes into the header of a file as it stands, where any other box would be one of the file's own."""
    data = _base64(element)
    try:
        found = boxes.parse(data)
    except FormatError as error:
        raise FormatError(f"CPIX PSSH of {kid}: {error}") from None
    if not all(isinstance(box, PsshBox) for box in found):
        raise FormatError(f"CPIX PSSH of {kid}: something other than a pssh box")
    return data


def _rule(element: etree._Element) -> UsageRule:
    filters = []
    for child in element:
        name = etree.QName(child)
        attributes = tuple((str(key), str(value)) for key, value in child.attrib.items())
        for key, value in attributes:
            if key.startswith(("min", "max")) and not _INTEGER.fullmatch(value):
                raise FormatError(f"CPIX {name.localname}: {key} is no number")
        filters.append(Filter(name.localname if name.namespace == names.CPIX else name.text, attributes))
    return UsageRule(_uuid(element, "kid"), tuple(filters), element.get("intendedTrackType", ""))


def _cipher(element: etree._Element, algorithm: str) -> bytes:
    """The CipherValue of an xenc:EncryptedDataType of that algorithm."""
    method = _one(element, "enc:EncryptionMethod")
    digest = method.find("ds:DigestMethod", NAMES)
    if method.get("Algorithm") != algorithm or (digest is not None and digest.get("Algorithm") != names.SHA1):
        raise FormatError(f"CPIX EncryptionMethod: {algorithm} is expected")
    return _base64(_one(element, "enc:CipherData/enc:CipherValue"))


def _one(element: etree._Element, *paths: str) -> etree._Element:
    """The one element at one of the paths."""
    found = [each for path in paths for each in element.findall(path, NAMES)]
    if len(found) != 1:
        raise FormatError(
            f"CPIX {etree.QName(element).localname}: {len(found)} {paths[0].rpartition(':')[2]}; one is expected"
        )
    return found[0]


def _at_most_one(element: etree._Element, name: str) -> etree._Element | None:
    return _one(element, f"cpix:{name}") if element.find(cpix(name)) is not None else None


def _uuid(element: etree._Element, name: str) -> UUID:
    value = element.get(name, "")
    if not _UUID.fullmatch(value):
        raise FormatError(f"CPIX {etree.QName(element).localname}: {name} is no UUID")
    return UUID(value)


def _base64(element: etree._Element) -> bytes:
    return _decode(element.text or "", etree.QName(element).localname)


def _decode(text: str, what: str) -> bytes:
    try:
        return b64decode("".join(text.split()), validate=True)
    except ValueError:
        raise FormatError(f"CPIX {what}: not base64") from None


def _utf8(element: etree._Element) -> str:
    try:
        return _base64(element).decode()
    except UnicodeError:
        raise FormatError(f"CPIX {etree.QName(element).localname}: not UTF-8") from None
