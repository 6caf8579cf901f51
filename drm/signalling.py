"""What a player must be told about one key under one DRM system: in the file, in the MPD, in the playlists.

    >>> signal(WIDEVINE, kid, "cbcs").media_tag
    '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="data:text/plain;base64,AAAA…",KEYID=0x…,KEYFORMAT="urn:uuid:edef8ba9-…",…'

This is what the packager writes when it makes the signalling itself, what our key server answers (`drm.speke`), and what a
CPIX document carries from another's. Equal arguments give equal bytes.
"""

from __future__ import annotations

from base64 import b64encode
from html import escape
from uuid import UUID

from drm import fairplay, playready, widevine
from drm.pssh import common_pssh
from drm.systems import CLEARKEY, FAIRPLAY, PLAYREADY, WIDEVINE, DrmSystem
from drm.widevine import WidevineData
from media.errors import SettingsError
from media.signalling import Signalling

__all__ = ["Signalling", "signal"]

CENC = "urn:mpeg:cenc:2013"
DASHIF = "https://dashif.org/CPS"
MSPR = "urn:microsoft:playready"
METHODS = {"cbcs": "SAMPLE-AES", "cenc": "SAMPLE-AES-CTR"}  # RFC 8216bis §4.4.4.4


def signal(
    system: DrmSystem,
    kid: UUID,
    scheme: str,
    *,
    license_url: str = "",
    key: bytes = b"",
    provider: str = "",
    content_id: bytes = b"",
) -> Signalling:
    """The signalling of `kid` for `system` under ``cenc`` or ``cbcs``.

    `license_url` is told to the player where the system has a place for it. `key` gives PlayReady its checksum under
    ``cenc``; the key itself is nowhere in the result. `provider` and `content_id` go into Widevine's box.
    Raises `SettingsError` when clients of that system do not decrypt `scheme`.
    """
    if scheme not in system.schemes:
        raise SettingsError(
            f"{system.title} does not decrypt {scheme!r}; {' or '.join(sorted(system.schemes))}"
        )
    if any(character in license_url for character in '"\r\n'):
        raise SettingsError("a licence address contains a quotation mark or a line break")
    if system is WIDEVINE:
        box = widevine.pssh(WidevineData((kid,), provider, content_id, scheme)).to_bytes()
        uri = f"data:text/plain;base64,{_base64(box)}"
        return _make(
            system, kid, scheme, box, _cenc_pssh(box) + _laurl(license_url), uri, f"KEYID=0x{kid.hex}"
        )
    if system is PLAYREADY:
        header = playready.header([kid], scheme, license_url=license_url, keys=[key] if key else [])
        box, pro = playready.pssh(header).to_bytes(), _base64(header.to_bytes())
        inside = f'{_cenc_pssh(box)}<mspr:pro xmlns:mspr="{MSPR}">{pro}</mspr:pro>{_laurl(license_url)}'
        return _make(system, kid, scheme, box, inside, f"data:text/plain;charset=UTF-16;base64,{pro}")
    if system is FAIRPLAY:
        return _make(system, kid, scheme, b"", "", fairplay.key_uri(kid))
    assert system is CLEARKEY
    if not license_url:
        raise SettingsError("ClearKey is signalled by the address of its licence server, and there is none")
    return _make(system, kid, scheme, common_pssh([kid]).to_bytes(), _laurl(license_url), license_url)


def _make(
    system: DrmSystem, kid: UUID, scheme: str, box: bytes, inside: str, uri: str, *more: str
) -> Signalling:
    attributes = [f"METHOD={METHODS[scheme]}", f'URI="{uri}"', *more]
    attributes += [f'KEYFORMAT="{system.keyformat}"', 'KEYFORMATVERSIONS="1"']
    return Signalling(system.name, system.system_id, kid, box, inside, ",".join(attributes))


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


def _cenc_pssh(box: bytes) -> str:
    return f'<cenc:pssh xmlns:cenc="{CENC}">{_base64(box)}</cenc:pssh>'


def _laurl(url: str) -> str:
    """DASH-IF's licence address (IOP part 6)."""
    return f'<dashif:Laurl xmlns:dashif="{DASHIF}">{escape(url, quote=False)}</dashif:Laurl>' if url else ""
