"""Asking a SPEKE key server for content keys and for what DRM systems are to be told.

    server = KeyServer("https://keys.example/speke/v2.0/copyProtection", headers={"Authorization": "Bearer …"})
    document = await fetch(server, request("song", {kid: audio}, scheme="cbcs", systems=[WIDEVINE, FAIRPLAY]))

An answer is taken only when it is the question with the blanks filled: each key asked for, no other, and the signalling
asked for, no other. A key server's mistake must not become a song that nobody can play.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

import aiohttp
from yarl import URL

from drm import systems
from drm.cpix import CpixKey, Document, DrmData, Signer, UsageRule, read, write
from drm.cpix.reader import MAX_DOCUMENT
from drm.speke import CPIX_VERSION, MEDIA_TYPE, VERSION, VERSION_HEADER
from drm.systems import DrmSystem
from media import boxes
from media.boxes.pssh import PsshBox
from media.errors import FormatError, SettingsError, UpstreamFailed, UpstreamTimeout

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
MEMBERS = ("pssh", "content_protection", "hls_media", "hls_multivariant")


@dataclass(frozen=True, slots=True)
class KeyServer:
    """`headers` carry the credentials, so they show in no repr. `tls` is for a private authority or a client certificate."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_s: float = 10.0
    tls: ssl.SSLContext | None = field(default=None, repr=False)


def request(
    content_id: str, rules: Mapping[UUID, UsageRule], *, scheme: str, systems: Collection[DrmSystem]
) -> Document:
    """The question: for each KID its rule, which SPEKE wants with an intended track type, and every system for each key."""
    everywhere = DrmData(
        UUID(int=0), UUID(int=0), pssh=b"", content_protection="", hls_media="", hls_multivariant=""
    )
    playlists_only = replace(everywhere, pssh=None, content_protection=None)
    return Document(
        content_id,
        tuple(CpixKey(kid, scheme=scheme) for kid in rules),
        tuple(
            replace(
                playlists_only if system.pssh_id is None else everywhere, kid=kid, system_id=system.system_id
            )
            for kid in rules
            for system in systems
        ),
        tuple(rules.values()),
        CPIX_VERSION,
    )


async def fetch(server: KeyServer, question: Document, *, recipient: Signer | None = None) -> Document:
    """Post `question` and return the checked answer. With `recipient` the keys come encrypted for that certificate.

    Raises `SettingsError` for an address that would send keys in the clear, `UpstreamFailed` and `UpstreamTimeout` for a
    server that does not answer well, `FormatError` and `ContentKeyError` for an answer that is not the one to the question.
    """
    url = _address(server.url)
    body = write(question, recipients=[recipient.certificate] if recipient else [])
    headers = {
        **server.headers,
        "Content-Type": MEDIA_TYPE,
        "Accept-Encoding": "identity",
        VERSION_HEADER: VERSION,
    }
    try:
        async with (
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=server.timeout_s), auto_decompress=False
            ) as session,
            session.post(
                url, data=body, headers=headers, ssl=server.tls or True, allow_redirects=False
            ) as response,
        ):
            data = await _body(response)
    except TimeoutError:
        raise UpstreamTimeout(f"key server {url.host}: no answer within {server.timeout_s:g} s") from None
    except (aiohttp.ClientError, OSError) as error:
        raise UpstreamFailed(f"key server {url.host}: {type(error).__name__}") from None
    if response.status != 200:
        raise UpstreamFailed(f"key server {url.host}: status {response.status}")
    if response.headers.get(VERSION_HEADER, VERSION) != VERSION:
        raise UpstreamFailed(f"key server {url.host}: it does not speak SPEKE {VERSION}")
    answer = await asyncio.to_thread(read, data, recipient=recipient.private_key if recipient else None)
    _check(question, answer)
    return answer


def _address(text: str) -> URL:
    try:
        url = URL(text)
    except ValueError:
        raise SettingsError("key server: its address is no URL") from None
    if url.scheme != "https" and not (url.scheme == "http" and url.host in LOOPBACK):
        raise SettingsError(f"key server {url.host}: keys travel over https only, except on this machine")
    return url


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """The body, up to the size that a document may have; one byte more is enough for the reader to refuse it."""
    data = bytearray()
    async for chunk in response.content.iter_chunked(1 << 16):
        data += chunk
        if len(data) > MAX_DOCUMENT:
            break
    return bytes(data)


def _check(question: Document, answer: Document) -> None:
    if answer.content_id != question.content_id:
        raise FormatError(
            f"SPEKE answer: it is about {answer.content_id[:80]!r}, not {question.content_id!r}"
        )
    asked, told = ({(key.kid, key.scheme) for key in each.keys} for each in (question, answer))
    if asked != told:
        kid = min(str(kid) for kid, _ in asked ^ told)
        raise FormatError(f"SPEKE answer: ContentKey {kid} is missing, unasked or of another scheme")
    for key in answer.keys:
        if key.key is None:
            raise FormatError(f"SPEKE answer: ContentKey {key.kid} has no value")
    if _rules(question) != _rules(answer):
        raise FormatError("SPEKE answer: the ContentKeyUsageRuleList is not the one asked for")
    wanted = {(each.kid, each.system_id): each for each in question.drm}
    found = {(each.kid, each.system_id): each for each in answer.drm}
    if wanted.keys() != found.keys() or len(found) != len(answer.drm):
        raise FormatError("SPEKE answer: the DRMSystemList is not the one asked for")
    for pair, data in found.items():
        _check_signalling(wanted[pair], data)


def _rules(document: Document) -> set[UsageRule]:
    return {replace(rule, filters=tuple(sorted(rule.filters, key=repr))) for rule in document.rules}


def _check_signalling(wanted: DrmData, data: DrmData) -> None:
    place = f"SPEKE answer: DRMSystem {data.system_id} of {data.kid}"
    for member in MEMBERS:
        if getattr(wanted, member) is None and getattr(data, member):
            raise FormatError(f"{place}: {member} was not asked for")
        if getattr(wanted, member) is not None and not getattr(data, member):
            raise FormatError(f"{place}: {member} is missing")
    if data.pssh:
        system = systems.by_id(data.system_id)
        expected = system.pssh_id if system is not None else data.system_id
        box, *more = boxes.parse(data.pssh)
        if more or not isinstance(box, PsshBox) or UUID(bytes=box.system_id) != expected:
            raise FormatError(f"{place}: pssh is no box of that system")
