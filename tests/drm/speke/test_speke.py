"""The SPEKE client and server against each other over a real connection, and each against what it must refuse."""

from __future__ import annotations

import asyncio
import io
from base64 import b64decode
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from aiohttp import web
from lxml import etree

from drm.cpix import CpixKey, Document, DrmData, UsageRule, audio_filter, read, write
from drm.key_store import KeyStore
from drm.signalling import signal
from drm.speke import PATH
from drm.speke.client import KeyServer, fetch, request
from drm.speke.server import routes
from drm.systems import CLEARKEY, FAIRPLAY, PLAYREADY, SYSTEMS, WIDEVINE
from media.errors import ContentKeyError, FormatError, SettingsError, UpstreamFailed, UpstreamTimeout
from media.serving import application, listening

STEREO, SURROUND = UUID(int=1), UUID(int=2)
RULES = {
    STEREO: UsageRule(STEREO, (audio_filter(1, 2),), "STEREO_AUDIO"),
    SURROUND: UsageRule(SURROUND, (audio_filter(3),), "MULTICHANNEL_AUDIO"),
}
URLS = {system.name: f"https://licence.example/{system.name}" for system in SYSTEMS}
TOKEN = "a token of the packager"
QUESTION = request("song", RULES, scheme="cbcs", systems=SYSTEMS)
Server = Callable[[list[web.AbstractRouteDef]], Any]


@pytest.fixture
async def serve() -> AsyncIterator[Server]:
    async with AsyncExitStack() as stack:

        async def start(table: list[web.AbstractRouteDef]) -> KeyServer:
            port = await stack.enter_async_context(listening(application("speke", table), "127.0.0.1", 0))
            return KeyServer(f"http://127.0.0.1:{port}{PATH}", {"Authorization": f"Bearer {TOKEN}"})

        yield start


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "keys", bytes(32))


def ours(store: KeyStore) -> list[web.AbstractRouteDef]:
    return routes(store, token=TOKEN, license_urls=URLS)


def says(answer: Callable[[bytes], Any]) -> list[web.AbstractRouteDef]:
    """A server that answers with whatever `answer` makes of the question."""

    async def handler(request: web.Request) -> web.StreamResponse:
        made = answer(await request.read())
        return made if isinstance(made, web.StreamResponse) else web.Response(body=made)

    return [web.post(PATH, handler)]


async def test_keys_and_signalling_for_every_system(serve: Server, store: KeyStore) -> None:
    server = await serve(ours(store))
    known = store.add(STEREO, b"sixteen bytes ok", "song.a")
    first, second = [await fetch(server, QUESTION) for _ in range(2)]
    assert first == second
    keys = {key.kid: key.key for key in first.keys}
    assert keys == {STEREO: known.key, SURROUND: store.get(SURROUND).key}
    assert first.key_for(label="any", channels=6, bitrate=1).kid == SURROUND  # type: ignore[union-attr]
    made = {(each.kid, each.system_id): each for each in first.drm}
    assert len(made) == 2 * len(SYSTEMS)
    widevine = signal(WIDEVINE, SURROUND, "cbcs", license_url=URLS["widevine"])
    assert made[SURROUND, WIDEVINE.system_id] == DrmData(
        SURROUND,
        WIDEVINE.system_id,
        "",
        widevine.pssh,
        widevine.content_protection,
        widevine.media_tag,
        widevine.multivariant_tag,
    )
    fairplay = made[STEREO, FAIRPLAY.system_id]
    assert (fairplay.pssh, fairplay.content_protection) == (None, None)
    assert fairplay.hls_media is not None
    assert f'URI="skd://{STEREO}"' in fairplay.hls_media


async def test_packagers_that_race_get_one_key(serve: Server, store: KeyStore) -> None:
    server = await serve(ours(store))
    answers = await asyncio.gather(*(fetch(server, QUESTION) for _ in range(8)))
    assert len({answer.keys for answer in answers}) == 1


async def test_keys_encrypted_for_the_packager(
    serve: Server, store: KeyStore, packager: Any, stranger: Any
) -> None:
    server = await serve(ours(store))
    answer = await fetch(server, QUESTION, recipient=packager.signer)
    assert [key.key for key in answer.keys] == [store.get(kid).key for kid in RULES]
    seen: list[bytes] = []

    def record(body: bytes) -> web.Response:
        seen.append(body)
        return web.Response(status=500)

    with pytest.raises(UpstreamFailed, match="status 500"):
        await fetch(await serve(says(record)), QUESTION, recipient=packager.signer)
    status, body, _ = await post(server, seen[0].decode())
    assert status == 200
    assert "PlainValue" not in body
    with pytest.raises(ContentKeyError, match="no DeliveryData for our key"):
        read(body.encode(), recipient=stranger.key)


# The shape of the documents in AWS's "SPEKE API v2.0 - VOD workflow method call examples", with small values.
AWS_REQUEST = """<?xml version="1.0" encoding="UTF-8"?>
<cpix:CPIX contentId="abc123" version="2.3" xmlns:cpix="urn:dashif:org:cpix" xmlns:pskc="urn:ietf:params:xml:ns:keyprov:pskc">
  <cpix:ContentKeyList>
    <cpix:ContentKey kid="00000000-0000-0000-0000-000000000001" commonEncryptionScheme="cbcs"></cpix:ContentKey>
    <cpix:ContentKey kid="00000000-0000-0000-0000-000000000002" commonEncryptionScheme="cbcs"></cpix:ContentKey>
  </cpix:ContentKeyList>
  <cpix:DRMSystemList>
    <!-- FairPlay -->
    <cpix:DRMSystem kid="00000000-0000-0000-0000-000000000001" systemId="94ce86fb-07ff-4f43-adb8-93d2fa968ca2">
      <cpix:HLSSignalingData playlist="media"></cpix:HLSSignalingData>
      <cpix:HLSSignalingData playlist="master"></cpix:HLSSignalingData>
    </cpix:DRMSystem>
    <!-- Widevine -->
    <cpix:DRMSystem kid="00000000-0000-0000-0000-000000000002" systemId="EDEF8BA9-79D6-4ACE-A3C8-27DCD51D21ED">
      <cpix:PSSH />
      <cpix:ContentProtectionData />
    </cpix:DRMSystem>
  </cpix:DRMSystemList>
  <cpix:ContentKeyUsageRuleList>
    <cpix:ContentKeyUsageRule kid="00000000-0000-0000-0000-000000000001" intendedTrackType="VIDEO"><cpix:VideoFilter />
    </cpix:ContentKeyUsageRule>
    <cpix:ContentKeyUsageRule kid="00000000-0000-0000-0000-000000000002" intendedTrackType="AUDIO"><cpix:AudioFilter />
    </cpix:ContentKeyUsageRule>
  </cpix:ContentKeyUsageRuleList>
</cpix:CPIX>"""


async def post(server: KeyServer, body: str, **headers: str) -> tuple[int, str, Mapping[str, str]]:
    given = {**server.headers, "X-Speke-Version": "2.0", "Content-Type": "application/xml"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    async with (
        aiohttp.ClientSession() as session,
        session.post(server.url, data=io.BytesIO(body.encode()), headers=given) as response,
    ):
        return response.status, await response.text(), response.headers


async def test_the_question_of_an_aws_encryptor(serve: Server, store: KeyStore) -> None:
    status, body, headers = await post(await serve(ours(store)), AWS_REQUEST)
    assert status == 200
    assert headers["Content-Type"].startswith("application/xml")
    assert headers["X-Speke-Version"] == "2.0"
    assert headers["X-Speke-User-Agent"] == "tonearm"
    names = {"c": "urn:dashif:org:cpix", "p": "urn:ietf:params:xml:ns:keyprov:pskc"}
    root = etree.fromstring(body.encode())
    asked = etree.fromstring(AWS_REQUEST.encode(), etree.XMLParser(remove_comments=True))
    # Nothing of the question is lost, and nothing is added but what fills the blanks.
    added = {f"{{{names['p']}}}PlainValue", f"{{{names['p']}}}Secret", f"{{{names['c']}}}Data"}
    assert [each.tag for each in root.iter() if each.tag not in added] == [each.tag for each in asked.iter()]
    values = root.iterfind("c:ContentKeyList/c:ContentKey/c:Data/p:Secret/p:PlainValue", names)
    assert [b64decode(value.text or "") for value in values] == [
        store.get(kid).key for kid in (STEREO, SURROUND)
    ]
    tags = root.iterfind(".//c:HLSSignalingData", names)
    assert [b64decode(tag.text or "").split(b":")[0] for tag in tags] == [
        b"#EXT-X-KEY",
        b"#EXT-X-SESSION-KEY",
    ]
    inside = etree.fromstring(
        b"<a>" + b64decode(root.findtext(".//c:ContentProtectionData", "", names)) + b"</a>"
    )
    assert inside.findtext("{urn:mpeg:cenc:2013}pssh") == root.findtext(".//c:PSSH", None, names)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (' contentId="abc123"', "", "no contentId"),
        (
            "<cpix:AudioFilter />",
            '<cpix:KeyPeriodFilter periodId="a" /><cpix:AudioFilter />',
            "KeyPeriodFilter",
        ),
        ('version="2.3"', 'version="2.0"', "version 2.3"),
        (' commonEncryptionScheme="cbcs"', "", "commonEncryptionScheme"),
        ('"cbcs"></cpix:ContentKey>\n    <', '"cenc"></cpix:ContentKey>\n    <', "commonEncryptionScheme"),
        ('"cbcs"', '"cens"', "commonEncryptionScheme"),
        ('"cbcs"', '"cenc"', "FairPlay does not decrypt"),
        ('intendedTrackType="AUDIO"', "", "intendedTrackType"),
        ('intendedTrackType="AUDIO"', 'intendedTrackType="VIDEO"', "intendedTrackType"),
        ('intendedTrackType="AUDIO"', 'intendedTrackType="ALL"', "ALL alone"),
        ("<cpix:AudioFilter />", "", "without filters"),
        ("94ce86fb", "94ce86fc", "94ce86fc-07ff-4f43-adb8-93d2fa968ca2 is not known here"),
        ('Rule kid="00000000-0000-0000-0000-000000000002"', f'Rule kid="{STEREO}"', "for every key"),
        ("cpix:ContentKeyUsageRuleList", "cpix:Other", "usage rules are expected"),
        ("cpix:DRMSystemList", "cpix:Other", "are expected"),
        (
            "></cpix:ContentKey>",
            "><cpix:Data><pskc:Secret><pskc:PlainValue>AAAAAAAAAAAAAAAAAAAAAA==</pskc:PlainValue></pskc:Secret></cpix:Data>"
            "</cpix:ContentKey>",
            "brings no keys",
        ),
        ("<cpix:CPIX", "<!DOCTYPE a><cpix:CPIX", "document type"),
    ],
)
async def test_questions_that_are_refused(
    serve: Server, store: KeyStore, old: str, new: str, reason: str
) -> None:
    assert old in AWS_REQUEST
    status, body, _ = await post(await serve(ours(store)), AWS_REQUEST.replace(old, new))
    assert (status, reason in body) == (422, True), body


async def test_who_may_ask_and_in_which_version(serve: Server, store: KeyStore) -> None:
    server = await serve(ours(store))
    assert (await post(server, AWS_REQUEST, Authorization="Bearer guess"))[0] == 401
    assert (await post(server, AWS_REQUEST, Authorization=""))[0] == 401
    assert (await post(server, AWS_REQUEST, X_Speke_Version="1.0"))[0] == 422
    assert (await post(server, "x" * (1 << 21)))[0] == 413
    assert store.list() == []
    with pytest.raises(UpstreamFailed, match="status 401") as caught:
        await fetch(replace(server, headers={}), QUESTION)
    assert TOKEN not in f"{caught.value}{server!r}"
    with pytest.raises(SettingsError, match="anybody"):
        routes(store, token="")


GOOD = replace(
    QUESTION,
    keys=tuple(replace(key, key=bytes(16)) for key in QUESTION.keys),
    drm=tuple(
        replace(
            each,
            pssh=None if each.pssh is None else made.pssh,
            content_protection=None if each.content_protection is None else made.content_protection,
            hls_media=made.media_tag,
            hls_multivariant=made.multivariant_tag,
        )
        for each in QUESTION.drm
        for made in [
            signal(
                next(s for s in SYSTEMS if s.system_id == each.system_id), each.kid, "cbcs", license_url="u"
            )
        ]
    ),
)


def with_first_drm(**changes: Any) -> Document:
    return replace(GOOD, drm=(replace(GOOD.drm[0], **changes), *GOOD.drm[1:]))


async def test_a_good_answer_of_another_server(serve: Server) -> None:
    assert await fetch(await serve(says(lambda _: write(GOOD))), QUESTION) == GOOD


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (replace(GOOD, content_id="other"), "it is about 'other'"),
        (replace(GOOD, keys=(replace(GOOD.keys[0], key=None), GOOD.keys[1])), "has no value"),
        (replace(GOOD, keys=(replace(GOOD.keys[0], scheme="cenc"), GOOD.keys[1])), "another scheme"),
        (replace(GOOD, keys=(*GOOD.keys, CpixKey(UUID(int=3), bytes(16), "cbcs"))), f"{UUID(int=3)} is missing, unasked"),
        (replace(GOOD, rules=GOOD.rules[:1]), "ContentKeyUsageRuleList"),
        (replace(GOOD, rules=(replace(GOOD.rules[0], filters=(audio_filter(),)), GOOD.rules[1])), "ContentKeyUsageRuleList"),
        (replace(GOOD, drm=GOOD.drm[1:]), "DRMSystemList"),
        (replace(GOOD, drm=(*GOOD.drm, GOOD.drm[0])), "DRMSystemList"),
        (with_first_drm(pssh=b""), "pssh is missing"),
        (with_first_drm(pssh=GOOD.drm[1].pssh), "no box of that system"),
        (with_first_drm(pssh=b"nonsense"), "byte 0"),
        (with_first_drm(content_protection="<a>"), "ContentProtectionData"),
        (with_first_drm(hls_media=None), "hls_media is missing"),
        (replace(GOOD, drm=(*GOOD.drm[:2], replace(GOOD.drm[2], pssh=GOOD.drm[0].pssh), *GOOD.drm[3:])), "was not asked for"),
    ],
)  # fmt: skip
async def test_answers_that_are_refused(serve: Server, answer: Document, reason: str) -> None:
    with pytest.raises(FormatError, match=reason) as caught:
        await fetch(await serve(says(lambda _: write(answer))), QUESTION)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("response", "error", "reason"),
    [
        (lambda: web.Response(status=404), UpstreamFailed, "127.0.0.1: status 404"),
        (lambda: web.Response(status=307, headers={"Location": "/elsewhere"}), UpstreamFailed, "status 307"),
        (lambda: web.Response(body=write(GOOD), headers={"X-Speke-Version": "1.0"}), UpstreamFailed, "SPEKE 2.0"),
        (lambda: web.Response(body=b"<a>" + bytes([32]) * (1 << 21)), FormatError, "at most 1048576"),
        (lambda: web.Response(body=b"ok"), FormatError, "^CPIX: "),
    ],
)  # fmt: skip
async def test_servers_that_do_not_answer_well(
    serve: Server, response: Callable[[], web.Response], error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        await fetch(await serve(says(lambda _: response())), QUESTION)


async def test_a_server_that_does_not_answer_at_all(serve: Server) -> None:
    never = asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        await never.wait()
        return web.Response()

    server = await serve([web.post(PATH, hang)])
    with pytest.raises(UpstreamTimeout, match=r"no answer within 0\.05 s"):
        await fetch(replace(server, timeout_s=0.05), QUESTION)
    async with listening(application("gone", []), "127.0.0.1", 0) as port:
        closed = port
    with pytest.raises(UpstreamFailed, match="ClientConnector"):
        await fetch(KeyServer(f"http://127.0.0.1:{closed}/"), QUESTION)


@pytest.mark.parametrize(
    "url", ["http://keys.example/", "ftp://localhost/", "file:///etc/passwd", "http://[", ""]
)
async def test_keys_do_not_travel_in_the_clear(url: str) -> None:
    with pytest.raises(SettingsError, match="key server"):
        await fetch(KeyServer(url), QUESTION)


def test_the_question_asks_each_system_for_what_it_has() -> None:
    question = request("song", RULES, scheme="cenc", systems=[PLAYREADY, CLEARKEY])
    assert [(each.kid, each.system_id) for each in question.drm] == [
        (kid, system.system_id) for kid in RULES for system in (PLAYREADY, CLEARKEY)
    ]
    assert read(write(question)) == question
