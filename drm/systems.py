"""The DRM systems that a presentation can be signalled for, and what each is called where.

One system has three names: the system id of its ``pssh`` box (ISO/IEC 23001-7 §8.1), the ``schemeIdUri`` of its
``ContentProtection`` in an MPD (``urn:uuid:`` and an id, ISO/IEC 23009-1 §5.8.5.2; the ids are in DASH-IF's registry)
and the ``KEYFORMAT`` of its ``EXT-X-KEY`` (RFC 8216bis §4.4.4.4).

How to add one: a row here, and in `drm.signalling` what the packager writes for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from drm.pssh import COMMON_SYSTEM_ID
from media.errors import SettingsError


@dataclass(frozen=True, slots=True)
class DrmSystem:
    """`name` is ours and what ``--drm`` takes, `title` the maker's. `schemes` are those that its clients decrypt.

    `pssh_id` is the system id inside the box that its clients read, ``None`` where there is no box.
    """

    name: str
    title: str
    system_id: UUID
    pssh_id: UUID | None
    keyformat: str
    schemes: frozenset[str]

    @property
    def scheme_id_uri(self) -> str:
        """``schemeIdUri`` of its ContentProtection in an MPD."""
        return f"urn:uuid:{self.system_id}"


_BOTH = frozenset({"cenc", "cbcs"})

WIDEVINE = DrmSystem(
    "widevine",
    "Widevine",
    UUID("edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"),
    UUID("edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"),
    "urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed",
    _BOTH,
)
PLAYREADY = DrmSystem(
    "playready",
    "PlayReady",
    UUID("9a04f079-9840-4286-ab92-e65be0885f95"),
    UUID("9a04f079-9840-4286-ab92-e65be0885f95"),
    "com.microsoft.playready",
    _BOTH,
)
FAIRPLAY = DrmSystem(
    "fairplay",
    "FairPlay",
    UUID("94ce86fb-07ff-4f43-adb8-93d2fa968ca2"),
    None,
    "com.apple.streamingkeydelivery",
    frozenset({"cbcs"}),
)
# One id in an MPD, another in the file, where its clients read the common box.
CLEARKEY = DrmSystem(
    "clearkey",
    "ClearKey",
    UUID("e2719d58-a985-b3c9-781a-b030af78d30e"),
    COMMON_SYSTEM_ID,
    "org.w3.clearkey",
    _BOTH,
)

SYSTEMS = (WIDEVINE, PLAYREADY, FAIRPLAY, CLEARKEY)


def by_name(name: str) -> DrmSystem:
    """The system of that name. Raises `SettingsError` with the names that there are."""
    for system in SYSTEMS:
        if system.name == name:
            return system
    raise SettingsError(f"no DRM system {name!r}; there are {', '.join(each.name for each in SYSTEMS)}")


def by_id(system_id: UUID) -> DrmSystem | None:
    """The system of that id, or ``None`` for one that is not in the table."""
    return next((system for system in SYSTEMS if system.system_id == system_id), None)
