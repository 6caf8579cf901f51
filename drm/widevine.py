"""The Widevine ``pssh`` box: which keys a player asks Widevine's licence server for.

Its data is one protobuf message, ``WidevinePsshData`` (once ``WidevineCencHeader``), of which these fields are used:

    1 algorithm          varint   obsolete, 1 is AES-CTR; read past, not written
    2 key_ids            bytes    a KID in the byte order of ``tenc``, once for each key
    3 provider           string   the content owner's name at the licence service
    4 content_id         bytes    the owner's name of the content
    9 protection_scheme  varint   the four-character code as a big-endian number: 'cenc', 'cbcs'

A player that is told nothing of the scheme takes ``cenc``; for ``cbcs`` field 9 is what makes the licence fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from drm import protobuf
from drm.systems import WIDEVINE
from media.boxes.pssh import PsshBox
from media.errors import FormatError

KEY_IDS, PROVIDER, CONTENT_ID, PROTECTION_SCHEME = 2, 3, 4, 9


@dataclass(frozen=True, slots=True)
class WidevineData:
    """`scheme` is a four-character code, or empty where the box names none."""

    kids: tuple[UUID, ...]
    provider: str = ""
    content_id: bytes = b""
    scheme: str = ""

    def to_bytes(self) -> bytes:
        """The message with its fields in the order of their numbers: equal values, equal bytes."""
        fields: list[protobuf.Field] = [(KEY_IDS, kid.bytes) for kid in self.kids]
        if self.provider:
            fields.append((PROVIDER, self.provider.encode()))
        if self.content_id:
            fields.append((CONTENT_ID, self.content_id))
        if self.scheme:
            code = self.scheme.encode("ascii")
            if len(code) != 4:
                raise ValueError(f"{self.scheme!r} is no four-character code")
            fields.append((PROTECTION_SCHEME, int.from_bytes(code, "big")))
        return protobuf.to_bytes(fields)

    @classmethod
    def read(cls, data: bytes) -> WidevineData:
        """Read the data of a Widevine box; fields not in the table above are passed over. Raises `FormatError`."""
        kids, provider, content_id, scheme = [], "", b"", ""
        try:
            for number, value in protobuf.read(data):
                if number == KEY_IDS and isinstance(value, bytes):
                    kids.append(UUID(bytes=value))
                elif number == PROVIDER and isinstance(value, bytes):
                    provider = value.decode()
                elif number == CONTENT_ID and isinstance(value, bytes):
                    content_id = value
                elif number == PROTECTION_SCHEME and isinstance(value, int):
                    scheme = value.to_bytes(4, "big").decode("ascii")
        except (ValueError, OverflowError) as error:  # UUID, decode, to_bytes
            raise FormatError(f"Widevine pssh: {error}") from None
        return cls(tuple(kids), provider, content_id, scheme)


def pssh(data: WidevineData) -> PsshBox:
    """The box around `data`: version 0, as Widevine's own, because the KIDs are inside the data."""
    return PsshBox(version=0, system_id=WIDEVINE.system_id.bytes, kids=(), data=data.to_bytes())
