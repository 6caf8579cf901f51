"""What a player must be told about one key under one DRM system: in the file, in the MPD, in the playlists.

The values only: `drm.signalling` makes them, a CPIX document brings those of another's, and the packager and the manifests
write them down.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Signalling:
    """`pssh` is a whole box, `content_protection` the XML inside ContentProtection, `key_attributes` an attribute list.

    Each is empty where the system has no use for it. `session_attributes` are those of the multivariant playlist where they
    are others.
    """

    name: str
    system_id: UUID
    kid: UUID
    pssh: bytes
    content_protection: str
    key_attributes: str
    session_attributes: str = ""

    @property
    def scheme_id_uri(self) -> str:
        """``schemeIdUri`` of the ContentProtection in an MPD (ISO/IEC 23009-1 §5.8.5.2)."""
        return f"urn:uuid:{self.system_id}"

    @property
    def media_tag(self) -> str:
        """The line of a media playlist."""
        return f"#EXT-X-KEY:{self.key_attributes}"

    @property
    def multivariant_tag(self) -> str:
        """The line of the multivariant playlist, which lets a player fetch the licence early."""
        return f"#EXT-X-SESSION-KEY:{self.session_attributes or self.key_attributes}"
