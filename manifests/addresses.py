"""What a manifest points to: paths beside it, and the addresses of licences and keys.

A manifest is read under ``{edge}/t/{token}/songs/{song_id}/{version}/…`` and must name neither the edge nor the token.
So an address that is relative to the token's root climbs out of the folder the manifest lies in:

    hls.m3u8                      ../../../licence/clearkey
    audio/normal/hls.m3u8         ../../../../../licence/clearkey

An absolute address of the publisher's own stands as it is; no token is carried there.

hls.js and shaka-player resolve the addresses of a playlist against the playlist (RFC 8216bis §4.1). Of an MPD they resolve
the licence address against the page: see `manifests.dash`.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit
from uuid import UUID

from media.errors import ManifestError
from media.layout import KEYS, LICENCE, folder
from media.presentation import Presentation

# RFC 3986 §2, without the apostrophe
_CHARACTERS = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&()*+,;=%-]+", re.ASCII)
_PATH = re.compile(r"\w[\w.-]*(/\w[\w.-]*)*", re.ASCII)
_KINDS = (("http", True), ("https", True), ("", False))  # scheme, and whether there is a host


def plain(path: str) -> str:
    """`path`, relative to the version's folder, unchanged: needs no escape in any manifest. Raises `ManifestError`."""
    if not _PATH.fullmatch(path):
        raise ManifestError(f"path {path!r}: cannot stand in a manifest")
    return path


def licence(presentation: Presentation, kid: UUID, manifest: str) -> str:
    """Where to POST a ClearKey licence request for `kid`; `manifest` is the path of the manifest in the version's folder."""
    return _address(presentation, presentation.protection.license_url or LICENCE, kid, manifest)


def key(presentation: Presentation, kid: UUID, manifest: str) -> str:
    """Where to GET the 16 bytes of the content key `kid`. ``{kid}`` in the publisher's address becomes the KID."""
    return _address(presentation, presentation.protection.key_url or KEYS, kid, manifest)


def absolute(address: str) -> str:
    """An http(s) URL, unchanged. Raises `ManifestError` for anything else."""
    if not _split(address).netloc:
        raise ManifestError(f"address {address!r}: no http(s) URL")
    return address


def _address(presentation: Presentation, template: str, kid: UUID, manifest: str) -> str:
    address = template.replace("{kid}", str(kid))
    parts = _split(address)
    if parts.netloc or parts.path.startswith("/"):
        return address
    climbs = folder(presentation.song.song_id, presentation.version).count("/") + manifest.count("/")
    return "../" * climbs + address


def _split(address: str) -> SplitResult:
    try:
        parts = urlsplit(address)
    except ValueError:
        raise ManifestError(f"address {address!r}: no URL") from None
    if not _CHARACTERS.fullmatch(address) or (parts.scheme, bool(parts.netloc)) not in _KINDS:
        raise ManifestError(f"address {address!r}: neither an http(s) URL nor a path")
    return parts
