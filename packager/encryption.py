"""How a presentation is encrypted: which key and which IV each rendition has, and what is told of it.

    encryption = Encryption("cbcs", {"low": key, "high": key}, signalling=[signal(WIDEVINE, key.kid, "cbcs")])

A key may be shared by all renditions or be a rendition's own. IVs follow from the key and the rendition (`drm.ivs`) unless the
first is named, and two renditions never share a keystream.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID

from drm import aes128, cbcs, cenc, ivs
from drm.keys import ContentKey
from drm.pssh import common_pssh
from media.access_units import AccessUnits, Encoded
from media.boxes import Box, parse
from media.presentation import SCHEMES, Protection
from media.signalling import Signalling

COMMON = ("cenc", "cbcs")  # AES-128 is not the file format's business: HLS alone knows of it
IV_SIZES = {"none": 0, "cenc": cenc.IV_SIZE, "cbcs": 16, "aes-128": 16}


@dataclass(frozen=True, slots=True)
class Encryption:
    """`keys` are by rendition, none for the scheme ``none``, and so are `digests`, for who knows them already. `ivs` name, by KID, that of the first rendition with the key: 8 bytes
    for ``cenc``, 16 otherwise. `signalling` is for DRM systems other than ClearKey, which is told the addresses
    (`media.presentation.Protection`)."""

    scheme: str = "none"
    keys: Mapping[str, ContentKey] = field(default_factory=dict)
    ivs: Mapping[UUID, bytes] = field(default_factory=dict)
    digests: Mapping[str, bytes] = field(default_factory=dict)
    license_url: str = ""
    key_url: str = ""
    signalling: Sequence[Signalling] = ()

    def __post_init__(self) -> None:
        if self.scheme not in SCHEMES:
            raise ValueError(f"unknown protection scheme {self.scheme!r}")
        if bool(self.keys) == (self.scheme == "none"):
            raise ValueError("a key goes with a protection, and no key with none")
        for iv in self.ivs.values():
            if len(iv) != IV_SIZES[self.scheme]:
                raise ValueError(f"an IV of {len(iv)} bytes; {self.scheme} has {IV_SIZES[self.scheme]}")

    def protection(self, start_rendition: str) -> Protection:
        """What the presentation says of it; the KID is that of the rendition with which a start begins."""
        names = (each.name for each in self.signalling)
        return Protection(
            scheme=self.scheme,
            kid=self.keys[start_rendition].kid if self.keys else None,
            license_url=self.license_url,
            key_url=self.key_url,
            systems=tuple(dict.fromkeys(names)),
        )

    def seals(self, encoded: Sequence[Encoded]) -> list[Seal]:
        """The seal of each rendition. Raises `ValueError` for one without a key, and when IVs would meet."""
        if self.scheme == "none":
            return [Seal("none")] * len(encoded)
        if missing := [source.name for source in encoded if source.name not in self.keys]:
            raise ValueError(f"rendition {missing[0]}: no key, and nothing stays in the clear unasked")
        seals, used = [], Counter[UUID]()
        for source in encoded:
            key = self.keys[source.name]
            seals.append(self._seal(source, key, used[key.kid]))
            used[key.kid] += 1
        if self.scheme == "cenc":
            for kid in {seal.kid for seal in seals}:
                ivs.check_apart(
                    (int.from_bytes(seal.iv, "big"), len(source.units))
                    for source, seal in zip(encoded, seals, strict=True)
                    if seal.kid == kid
                )
        return seals

    def _seal(self, source: Encoded, key: ContentKey, index: int) -> Seal:
        """The seal of the rendition that is number `index` of those with `key`."""
        if named := self.ivs.get(key.kid):
            iv = ivs.counted(named, index)
        elif self.scheme == "cenc":
            digest = self.digests.get(source.name) or digest_of(source)
            first = ivs.first_iv(key.kid, source.name, digest)
            iv = first.to_bytes(cenc.IV_SIZE, "big")
        else:
            iv = ivs.constant_iv(key.kid, source.name)
        boxes: list[Box] = []
        if self.scheme in COMMON:
            boxes.append(common_pssh([key.kid]))
            told = [each.pssh for each in self.signalling if each.kid == key.kid and each.pssh]
            boxes += [box for pssh in dict.fromkeys(told) for box in parse(pssh) if box not in boxes]
        return Seal(self.scheme, key.kid, key.key, iv, tuple(boxes))


@dataclass(frozen=True, slots=True)
class Seal:
    """What protects one rendition. `iv` is constant for ``cbcs`` and AES-128, and of the first sample for ``cenc``; `pssh` are
    the boxes of its header."""

    scheme: str
    kid: UUID | None = None
    key: bytes = field(default=b"", repr=False)
    iv: bytes = b""
    pssh: tuple[Box, ...] = ()

    @property
    def common(self) -> bool:
        """Whether the file says of its encryption (ISO/IEC 23001-7)."""
        return self.scheme in COMMON

    @property
    def constant_iv(self) -> bytes:
        return b"" if self.scheme == "cenc" else self.iv

    def encrypt(self, units: AccessUnits) -> tuple[memoryview, bytes]:
        """A whole rendition under Common Encryption, and 8 bytes of IV for each sample where the scheme has them."""
        if self.scheme == "cbcs":
            return memoryview(cbcs.encrypt(units.data, units.sizes, key=self.key, iv=self.iv)), b""
        if self.scheme == "cenc":
            first = int.from_bytes(self.iv, "big")
            cipher, sample_ivs = cenc.encrypt(units.data, units.sizes, key=self.key, first_iv=first)
            return memoryview(cipher), sample_ivs
        return memoryview(units.data), b""

    def encrypt_segment(self, segment: bytes) -> bytes:
        """A finished segment under HLS's own AES-128."""
        return aes128.encrypt(segment, key=self.key, iv=self.iv) if self.scheme == "aes-128" else segment


def digest_of(source: Encoded) -> bytes:
    """The SHA-256 of all that a rendition's samples are made of: configuration, sizes, bytes."""
    digest = sha256(source.config)
    digest.update(source.units.sizes.astype("<i8").tobytes())
    digest.update(source.units.data)
    return digest.digest()
