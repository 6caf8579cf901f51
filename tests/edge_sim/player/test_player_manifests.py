"""Manifests of other shapes than our own packager writes today."""

from __future__ import annotations

from uuid import UUID

import pytest

from edge_sim.player.connection import ByteRange
from edge_sim.player.dash import dash
from edge_sim.player.entrance import Entrance, KeyAddress
from edge_sim.player.hls import hls
from media.errors import ManifestError

BASE = "http://edge/t/tok/songs/a/v/"


class Said:
    """A connection that answers from a table; the readers need no other part of one."""

    def __init__(self, **bodies: str) -> None:
        self.bodies = {name.replace("_", "."): body for name, body in bodies.items()}

    async def get(self, name: str, url: str) -> bytes:
        return self.bodies[url.rpartition("/")[2]].encode()


def mpd(inner: str, period: str = "") -> Said:
    return Said(
        dash_mpd=f"""<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" xmlns:cenc="urn:mpeg:cenc:2013"
        xmlns:dashif="https://dashif.org/CPS">{period}<Period><AdaptationSet>{inner}</AdaptationSet></Period></MPD>"""
    )


async def entrance(said: Said, rendition: str = "normal") -> Entrance:
    return await dash(said, f"{BASE}dash.mpd", rendition)


async def test_dash_template_on_the_representation_with_time_and_bandwidth():
    said = mpd(
        """<Representation id="a" bandwidth="96000"><SegmentTemplate media="$Bandwidth$/$Time%08d$-$$.m4s"
        initialization="$RepresentationID$.mp4"><SegmentTimeline><S t="1024" d="9"/></SegmentTimeline>
        </SegmentTemplate></Representation>"""
    )
    assert await entrance(said) == Entrance(f"{BASE}a.mp4", f"{BASE}96000/00001024-$.m4s")


async def test_dash_base_urls_and_start_number():
    said = mpd(
        """<BaseURL>set/</BaseURL><SegmentTemplate media="$Number$.m4s" initialization="i" startNumber="7"/>
        <Representation id="x" bandwidth="1"><BaseURL>rep/</BaseURL></Representation>""",
        period="<BaseURL>/cdn/</BaseURL>",
    )
    assert await entrance(said) == Entrance("http://edge/cdn/set/rep/i", "http://edge/cdn/set/rep/7.m4s")


async def test_dash_takes_the_lowest_bandwidth_where_none_is_so_named():
    said = mpd(
        """<SegmentTemplate media="$RepresentationID$" initialization="i"/>
        <Representation id="big" bandwidth="2"/><Representation id="small" bandwidth="1"/>"""
    )
    assert (await entrance(said)).segment == f"{BASE}small"
    assert (await entrance(said, "big")).segment == f"{BASE}big"


async def test_dash_licence():
    said = mpd(
        """<ContentProtection cenc:default_KID="00112233-4455-6677-8899-aabbccddeeff"/>
        <ContentProtection><dashif:Laurl> http://keys/l </dashif:Laurl></ContentProtection>
        <SegmentTemplate media="m" initialization="i"/><Representation id="x" bandwidth="1"/>"""
    )
    kid = UUID("00112233-4455-6677-8899-aabbccddeeff")
    assert (await entrance(said)).key == KeyAddress("licence", "http://keys/l", kid)


@pytest.mark.parametrize(
    "inner",
    [
        '<Representation id="x" bandwidth="1"/>',
        '<ContentProtection/><SegmentTemplate media="m" initialization="i"/><Representation id="x" bandwidth="1"/>',
        '<SegmentTemplate media="m" initialization="i"/><Representation id="x" bandwidth="many"/>',
        '<ContentProtection cenc:default_KID="none"><dashif:Laurl>l</dashif:Laurl></ContentProtection>'
        '<SegmentTemplate media="m" initialization="i"/><Representation id="x" bandwidth="1"/>',
        '<SegmentBase/><Representation id="x" bandwidth="1"/>',
        '<SegmentBase indexRange="9-8"/><Representation id="x" bandwidth="1"/>',
        '<SegmentBase indexRange="9-10"><Initialization range="x"/></SegmentBase><Representation id="x" bandwidth="1"/>',
    ],
)
async def test_dash_that_cannot_be_played(inner):
    with pytest.raises(ManifestError):
        await entrance(mpd(inner))


async def test_dash_of_one_file():
    base = '<SegmentBase indexRange="800-899"><Initialization range="0-799"/></SegmentBase>'
    said = mpd(f'<Representation id="x" bandwidth="1"><BaseURL>a/x.mp4</BaseURL>{base}</Representation>')
    expected = Entrance(
        f"{BASE}a/x.mp4", f"{BASE}a/x.mp4", init_range=ByteRange(0, 800), index_range=ByteRange(800, 100)
    )
    assert await entrance(said) == expected
    # An index of the AdaptationSet's, and the header is what lies before it.
    said = mpd(
        '<SegmentBase indexRange="800-899"/><Representation id="x" bandwidth="1"><BaseURL>a/x.mp4</BaseURL></Representation>'
    )
    assert await entrance(said) == expected
    base = base.replace("<Initialization", '<Initialization sourceURL="h.mp4"')
    said = mpd(f'{base}<Representation id="x" bandwidth="1"/>')
    assert (await entrance(said)).init == f"{BASE}h.mp4"


async def test_dash_kids_of_the_representation_and_the_licence_server_that_is_for_clearkey():
    def protected(kid: str, system: str, address: str) -> str:
        laurl = f"<dashif:Laurl>{address}</dashif:Laurl>" if address else ""
        return (
            f'<ContentProtection schemeIdUri="{system}" cenc:default_KID="{kid}">{laurl}</ContentProtection>'
        )

    common, set_kid, own = "urn:mpeg:dash:mp4protection:2011", UUID(int=1), UUID(int=2)
    playready = protected(str(own), "urn:uuid:9A04F079-9840-4286-AB92-E65BE0885F95", "http://pr/")
    clearkey = protected(str(own), "urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e", "../l")
    said = mpd(
        f"""{protected(str(set_kid), common, "http://set/")}<SegmentTemplate media="m" initialization="i"/>
        <Representation id="x" bandwidth="1"><BaseURL>deep/</BaseURL>
        {protected(str(own), common, "")}{playready}{clearkey}</Representation>"""
    )
    found = await entrance(said)
    assert found.key == KeyAddress("licence", "http://edge/t/tok/songs/a/l", own)
    assert found.segment == f"{BASE}deep/m"


async def test_dash_opens_no_entity_and_no_file():
    said = Said(dash_mpd='<!DOCTYPE MPD [<!ENTITY e SYSTEM "file:///etc/hostname">]><MPD>&e;</MPD>')
    with pytest.raises(ManifestError, match="no Representation"):
        await entrance(said)


MASTER = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9\nbig_m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=1\nsmall_m3u8\n"


def playlists(media: str) -> Said:
    return Said(master_m3u8=MASTER.replace("_", "."), small_m3u8=f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n{media}")


async def test_hls_takes_the_lowest_bandwidth_where_none_is_so_named():
    said = playlists('#EXT-X-MAP:URI="i"\n#EXTINF:4,\nm\n')
    assert await hls(said, f"{BASE}master.m3u8", "normal") == Entrance(f"{BASE}i", f"{BASE}m")


async def test_hls_identity_is_the_default_key_format_and_method_none_is_no_key():
    said = playlists('#EXT-X-MAP:URI="i"\n#EXT-X-KEY:METHOD=AES-128,URI="k",IV=0xAB\n#EXTINF:4,\nm\n')
    found = await hls(said, f"{BASE}master.m3u8", "")
    assert (found.key, found.iv) == (KeyAddress("raw", f"{BASE}k"), bytes(15) + b"\xab")
    said = playlists('#EXT-X-MAP:URI="i"\n#EXT-X-KEY:METHOD=NONE\n#EXTINF:4,\nm\n')
    assert (await hls(said, f"{BASE}master.m3u8", "")).key is None


async def test_hls_without_an_iv_counts_from_the_media_sequence():
    """RFC 8216bis §5.2: the sequence number, big endian."""
    key = '#EXT-X-MAP:URI="i"\n#EXT-X-KEY:METHOD=AES-128,URI="k"\n#EXTINF:4,\nm\n'
    assert (await hls(playlists(key), f"{BASE}master.m3u8", "")).iv == bytes(16)
    said = playlists(f"#EXT-X-MEDIA-SEQUENCE:258\n{key}")
    assert (await hls(said, f"{BASE}master.m3u8", "")).iv == bytes(14) + b"\x01\x02"


async def test_hls_byte_ranges():
    said = playlists('#EXT-X-MAP:URI="f",BYTERANGE="800@0"\n#EXTINF:4,\n#EXT-X-BYTERANGE:500@900\nf\n')
    found = await hls(said, f"{BASE}master.m3u8", "")
    assert (found.init_range, found.segment_range) == (ByteRange(0, 800), ByteRange(900, 500))
    assert (found.init, found.segment) == (f"{BASE}f", f"{BASE}f")


def key(uri: str, form: str = "", method: str = "SAMPLE-AES") -> str:
    return f'#EXT-X-KEY:METHOD={method},URI="{uri}"' + (f',KEYFORMAT="{form}"' if form else "") + "\n"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            [key("w", "urn:uuid:edef8ba9"), key("c", "org.w3.clearkey"), key("f", "com.apple")],
            ("licence", "c"),
        ),
        ([key("c", "org.w3.clearkey"), key("w", "urn:uuid:edef8ba9")], ("licence", "c")),
        ([key("w", "urn:uuid:edef8ba9"), key("k")], ("raw", "k")),
        ([key("old"), key("new", "identity")], ("raw", "new")),  # the same system: the later line holds
        ([key("old"), "#EXT-X-KEY:METHOD=NONE\n", key("c", "org.w3.clearkey")], ("licence", "c")),
        ([key("old"), "#EXT-X-KEY:METHOD=NONE\n"], None),
    ],
)
async def test_hls_of_several_keys_the_one_that_opens(lines, expected):
    said = playlists(
        f'#EXT-X-MAP:URI="i"\n{"".join(lines)}#EXTINF:4,\nm\n{key("later", "org.w3.clearkey")}#EXTINF:4,\nn\n'
    )
    found = (await hls(said, f"{BASE}master.m3u8", "")).key
    assert found == (expected and KeyAddress(expected[0], f"{BASE}{expected[1]}"))


@pytest.mark.parametrize(
    "media",
    [
        "",
        "#EXTINF:4,\nm\n",
        '#EXT-X-MAP:URI="i"\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI="k",KEYFORMAT="com.apple.streamingkeydelivery"\n#EXTINF:4,\nm\n',
        '#EXT-X-MAP:URI="i"\n#EXT-X-KEY:METHOD=AES-128,URI="k",IV=0xZZ\n#EXTINF:4,\nm\n',
        '#EXT-X-MAP:URI="i"\n#EXT-X-KEY:METHOD=AES-128,URI="k",IV=0x00112233445566778899aabbccddeeff00\n#EXTINF:4,\nm\n',
        '#EXT-X-MAP:URI="i"\n#EXT-X-MEDIA-SEQUENCE:-1\n#EXT-X-KEY:METHOD=AES-128,URI="k"\n#EXTINF:4,\nm\n',
        f'#EXT-X-MAP:URI="i"\n#EXT-X-MEDIA-SEQUENCE:{"9" * 60}\n#EXT-X-KEY:METHOD=AES-128,URI="k"\n#EXTINF:4,\nm\n',
        '#EXT-X-MAP:URI="i",BYTERANGE="0@0"\n#EXTINF:4,\nm\n',
        '#EXT-X-MAP:URI="i"\n#EXTINF:4,\n#EXT-X-BYTERANGE:-1@5\nm\n',
        # What the m3u8 package itself trips over.
        "#EXT-X-MAP:x\n#EXTINF:4,\nm\n",
        '#EXT-X-MAP:BYTERANGE="1"\n#EXTINF:4,\nm\n',
        '#EXT-X-MAP:URI="i"\n#EXT-X-DATERANGE:x\n#EXTINF:4,\nm\n',
        '#EXT-X-MAP:URI="i"\n#EXT-X-RENDITION-REPORT:x\n#EXTINF:4,\nm\n',
        '#EXT-X-MAP:URI="i"\n#EXT-X-I-FRAME-STREAM-INF:x\n#EXTINF:4,\nm\n',
    ],
)
async def test_hls_that_cannot_be_played(media):
    with pytest.raises(ManifestError):
        await hls(playlists(media), f"{BASE}master.m3u8", "")
