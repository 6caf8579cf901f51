"""A small SPEKE 2.0 key server over our key store: for those who have no vendor, and for tests.

    app = application("speke", routes(key_store, token=secret, license_urls={"widevine": "https://…"}))

The packager names the keys: a KID that the store has is answered with its key, another gets a new one, which is the same
ever after. Whoever holds the token gets every key of the store: it belongs to packagers, and the server behind TLS.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from aiohttp import web

from drm import systems
from drm.cpix import Certificate, CpixKey, Document, DrmData, read, write
from drm.key_store import KeyStore
from drm.keys import KEY_SIZE
from drm.signalling import signal
from drm.speke import AGENT_HEADER, CPIX_VERSION, MEDIA_TYPE, PATH, VERSION, VERSION_HEADER
from media.errors import ApiError, ContentKeyError, FormatError, KeyMissing, SettingsError

AGENT = "tonearm"


def routes(
    key_store: KeyStore, *, token: str, license_urls: Mapping[str, str] | None = None
) -> list[web.AbstractRouteDef]:
    """``POST /speke/v2.0/copyProtection`` for bearers of `token`. `license_urls` are by name of the DRM system."""
    if not token:
        raise SettingsError("SPEKE: a key server without a token would give its keys to anybody")
    addresses = license_urls or {}

    async def copy_protection(request: web.Request) -> web.Response:
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            raise ApiError(
                401, "unauthorized", "a SPEKE token is required", headers={"WWW-Authenticate": "Bearer"}
            )
        if request.headers.get(VERSION_HEADER) != VERSION:
            raise FormatError(f"SPEKE: {VERSION_HEADER} {VERSION} is expected")
        body = await asyncio.to_thread(answer, await request.read(), key_store, addresses)
        return web.Response(
            body=body,
            content_type=MEDIA_TYPE,
            headers={VERSION_HEADER: VERSION, AGENT_HEADER: AGENT, "Cache-Control": "no-store"},
        )

    return [web.post(PATH, copy_protection)]


def answer(data: bytes, key_store: KeyStore, license_urls: Mapping[str, str]) -> bytes:
    """The document asked for. Raises `FormatError` for what is no SPEKE question."""
    question = read(data)
    _check(question)
    keys = {key.kid: _find_or_make(key_store, key, question.content_id) for key in question.keys}
    document = replace(
        question,
        keys=tuple(keys.values()),
        drm=tuple(_fill(each, keys[each.kid], license_urls) for each in question.drm),
    )
    return write(document, recipients=[Certificate.load(der) for der in question.recipients])


def _check(question: Document) -> None:
    """SPEKE 2.0, "Standard payload components" and "Encryption contract"."""
    if not question.content_id:
        raise FormatError("SPEKE: CPIX has no contentId")
    if question.version != CPIX_VERSION:
        raise FormatError(f"SPEKE: CPIX version {CPIX_VERSION} is expected")
    if not question.keys or not question.drm or not question.rules:
        raise FormatError("SPEKE: keys, DRM systems and usage rules are expected")
    if any(key.key is not None for key in question.keys):
        raise FormatError("SPEKE: a question brings no keys")
    schemes = {key.scheme for key in question.keys}
    if len(schemes) > 1 or not schemes <= {"cenc", "cbcs"}:
        raise FormatError("SPEKE: one commonEncryptionScheme for all keys is expected, cenc or cbcs")
    if {rule.kid for rule in question.rules} != {key.kid for key in question.keys}:
        raise FormatError("SPEKE: a ContentKeyUsageRule is expected for every key")
    tracks = [rule.intended_track_type for rule in question.rules]
    if "" in tracks or len(set(tracks)) < len(tracks) or ("ALL" in tracks and len(tracks) > 1):
        raise FormatError("SPEKE: intendedTrackType is expected, another for each rule, and ALL alone")
    if any(not rule.filters for rule in question.rules):
        raise FormatError("SPEKE: a ContentKeyUsageRule without filters")
    # The answer would come back without the ContentKeyPeriodList that these point at.
    if any(each.kind == "KeyPeriodFilter" for rule in question.rules for each in rule.filters):
        raise FormatError("SPEKE: keys that change with time (KeyPeriodFilter) are not made here")


def _find_or_make(key_store: KeyStore, wanted: CpixKey, content_id: str) -> CpixKey:
    return replace(wanted, key=_key(key_store, wanted.kid, f"speke:{content_id}:{wanted.kid}"))


def _key(key_store: KeyStore, kid: UUID, scope: str) -> bytes:
    try:
        return key_store.get(kid).key
    except KeyMissing:
        pass
    try:
        return key_store.add(kid, secrets.token_bytes(KEY_SIZE), scope).key
    except ContentKeyError:  # another request was faster
        return key_store.get(kid).key


def _fill(wanted: DrmData, key: CpixKey, license_urls: Mapping[str, str]) -> DrmData:
    system = systems.by_id(wanted.system_id)
    if system is None:
        raise FormatError(f"SPEKE: DRMSystem {wanted.system_id} is not known here")
    url = license_urls.get(system.name, "")
    try:
        made = signal(system, key.kid, key.scheme, license_url=url, key=key.key or b"")
    except SettingsError as error:
        raise FormatError(f"SPEKE: {error}") from None
    return replace(
        wanted,
        pssh=None if wanted.pssh is None else made.pssh,
        content_protection=None if wanted.content_protection is None else made.content_protection,
        hls_media=None if wanted.hls_media is None else made.media_tag,
        hls_multivariant=None if wanted.hls_multivariant is None else made.multivariant_tag,
    )
