"""The PlayReady ``pssh`` box: a PlayReady Object with one record, the PlayReady Header 4.3 (Microsoft's "PlayReady
Header Specification", §2 and §3.4).

    object   length (4 bytes, of all of it)  number of records (2)
    record   type (2): 1, a header           length (2)            the header: XML in UTF-16, no byte order mark

Everything is little-endian, and so is a KID: a GUID whose first three groups are turned round. The specification asks
for attributes in alphabetical order and a closing tag for every element, which no XML writer promises: the few elements
are spelled here.

A checksum lets a client reject a wrong key. It is defined for AESCTR alone: the first eight bytes of the KID, in the
header's byte order, encrypted with the content key. For AESCBC the attribute must be absent (§3.4).
"""

from __future__ import annotations

import struct
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from uuid import UUID

from Crypto.Cipher import AES

from drm.systems import PLAYREADY
from media import safe_xml
from media.boxes.pssh import PsshBox
from media.errors import FormatError

NAMESPACE = "http://schemas.microsoft.com/DRM/2007/03/PlayReadyHeader"
ALGORITHMS = {"cenc": "AESCTR", "cbcs": "AESCBC"}
MAX_OBJECT = 15 * 1024  # bytes, §2
_HEADER_RECORD = 1
_OBJECT, _RECORD = struct.Struct("<IH"), struct.Struct("<HH")


@dataclass(frozen=True, slots=True)
class PlayReadyKey:
    """One KID of a header: `algorithm` is AESCTR or AESCBC, `checksum` eight bytes or none."""

    kid: UUID
    algorithm: str
    checksum: bytes = b""


@dataclass(frozen=True, slots=True)
class PlayReadyHeader:
    """The KIDs, and where the client finds a licence; empty where the application will know."""

    keys: tuple[PlayReadyKey, ...]
    license_url: str = ""

    def to_bytes(self) -> bytes:
        """The PlayReady Object. `ValueError` when it is longer than clients take."""
        keys = "".join(_kid_element(key) for key in self.keys)
        url = f"<LA_URL>{escape(self.license_url, quote=False)}</LA_URL>" if self.license_url else ""
        header = (
            f'<WRMHEADER xmlns="{NAMESPACE}" version="4.3.0.0"><DATA><PROTECTINFO><KIDS>{keys}</KIDS></PROTECTINFO>'
            f"{url}</DATA></WRMHEADER>"
        ).encode("utf-16-le")
        size = _OBJECT.size + _RECORD.size + len(header)
        if size > MAX_OBJECT:
            raise ValueError(f"a PlayReady Object of {size} bytes; clients take {MAX_OBJECT}")
        return _OBJECT.pack(size, 1) + _RECORD.pack(_HEADER_RECORD, len(header)) + header

    @classmethod
    def read(cls, data: bytes) -> PlayReadyHeader:
        """Read the header of a PlayReady Object; version 4.2 and 4.3. Raises `FormatError`."""
        root = safe_xml.parse(_header_record(data), "PlayReady header", limit=2 * MAX_OBJECT)
        names = {"p": NAMESPACE}
        if root.tag != f"{{{NAMESPACE}}}WRMHEADER" or root.get("version") not in ("4.2.0.0", "4.3.0.0"):
            raise FormatError("PlayReady header: WRMHEADER of version 4.2 or 4.3 is expected")
        keys = []
        for element in root.iterfind("p:DATA/p:PROTECTINFO/p:KIDS/p:KID", names):
            try:
                kid = UUID(bytes_le=b64decode(element.get("VALUE", ""), validate=True))
                checksum = b64decode(element.get("CHECKSUM", ""), validate=True)
            except ValueError:
                raise FormatError(
                    "PlayReady header: a KID or CHECKSUM that is no base64 of 16 or 8 bytes"
                ) from None
            keys.append(PlayReadyKey(kid, element.get("ALGID", ""), checksum))
        return cls(tuple(keys), (root.findtext("p:DATA/p:LA_URL", "", names) or "").strip())


def checksum(kid: UUID, key: bytes) -> bytes:
    """The eight bytes by which a client knows that `key` is the one of `kid`; for AESCTR only."""
    return AES.new(key, AES.MODE_ECB).encrypt(kid.bytes_le)[:8]


def header(
    kids: Sequence[UUID], scheme: str, *, license_url: str = "", keys: Sequence[bytes] = ()
) -> PlayReadyHeader:
    """The header for `kids` under ``cenc`` or ``cbcs``. `keys`, in the order of `kids`, give ``cenc`` its checksums."""
    algorithm = ALGORITHMS[scheme]
    checksums = [checksum(kid, key) for kid, key in zip(kids, keys, strict=True)] if keys else []
    if algorithm != "AESCTR" or not checksums:
        checksums = [b""] * len(kids)
    return PlayReadyHeader(
        tuple(PlayReadyKey(kid, algorithm, each) for kid, each in zip(kids, checksums, strict=True)),
        license_url,
    )


def pssh(header: PlayReadyHeader) -> PsshBox:
    """The box around `header`: version 0, because the KIDs are inside."""
    return PsshBox(version=0, system_id=PLAYREADY.system_id.bytes, kids=(), data=header.to_bytes())


def _kid_element(key: PlayReadyKey) -> str:
    digest = f' CHECKSUM="{b64encode(key.checksum).decode()}"' if key.checksum else ""
    return f'<KID ALGID="{key.algorithm}"{digest} VALUE="{b64encode(key.kid.bytes_le).decode()}"></KID>'


def _header_record(data: bytes) -> bytes:
    """The XML of the first header record, as UTF-8."""
    if len(data) < _OBJECT.size or _OBJECT.unpack_from(data)[0] != len(data):
        raise FormatError(f"PlayReady Object: {len(data)} bytes are not what its length says")
    at = _OBJECT.size
    for _ in range(_OBJECT.unpack_from(data)[1]):
        if len(data) - at < _RECORD.size:
            break
        kind, size = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        if size > len(data) - at:
            break
        if kind == _HEADER_RECORD:
            try:
                return bytes(data[at : at + size]).decode("utf-16-le").encode()
            except UnicodeError:
                raise FormatError("PlayReady Object: the header is not UTF-16") from None
        at += size
    raise FormatError("PlayReady Object: it holds no whole header record")
