"""Signatures carried on by manifests, as other people's readers see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin

import m3u8
import pytest
from lxml import etree

from manifests import dash, hls
from manifests.carry import QUERY_PARAM_VERSION, URL_PARAM, defined, rewritten, with_query
from manifests.mpd_reader import read
from media.errors import ManifestError
from media.presentation import Presentation

QUERY = "hdnts=exp=1790000060~acl=/songs/salt-air/0123456789abcdef/*~hmac=00ff&x=$y"
Build = Callable[..., Presentation]


@pytest.mark.parametrize("scheme", ["none", "cbcs", "aes-128"])
def test_every_relative_address_of_a_playlist_has_the_query_and_nothing_else_changes(
    build: Build, scheme: str
) -> None:
    presentation = build(scheme, license_url="https://drm.example/licence")
    media = hls.media(presentation, presentation.renditions[1], "hls")
    for text in (hls.multivariant(presentation, "hls"), media):
        carried = rewritten(text, "hls.m3u8", QUERY)
        assert carried.replace("?" + QUERY, "") == text
    read = m3u8.loads(rewritten(media, "hls.m3u8", QUERY))
    assert [segment.uri for segment in read.segments] == [f"0000{n}.m4s?{QUERY}" for n in range(1, 5)]
    assert read.segments[0].init_section.uri == f"init.mp4?{QUERY}"
    variants = m3u8.loads(rewritten(hls.multivariant(presentation, "hls"), "hls.m3u8", QUERY)).playlists
    assert {variant.uri for variant in variants} == {
        f"audio/{name}/hls.m3u8?{QUERY}" for name in ("low", "normal", "high", "very_high")
    }


def test_a_key_of_our_own_gets_it_and_a_licence_server_of_the_publishers_does_not(build: Build) -> None:
    ours = build("aes-128")
    key = m3u8.loads(rewritten(hls.media(ours, ours.renditions[0], "hls"), "hls.m3u8", QUERY)).keys[0]
    assert key.uri.startswith("../../../../../keys/")
    assert key.uri.endswith("?" + QUERY)
    theirs = build("aes-128", key_url="https://keys.example/{kid}")
    key = m3u8.loads(rewritten(hls.media(theirs, theirs.renditions[0], "hls"), "hls.m3u8", QUERY)).keys[0]
    assert "?" not in key.uri


def test_one_file_in_hls_and_dash(build: Build, one_file: Any) -> None:
    presentation = one_file(build())
    media = rewritten(hls.media(presentation, presentation.renditions[0], "hls"), "hls.m3u8", QUERY)
    assert {segment.uri for segment in m3u8.loads(media).segments} == {f"track.mp4?{QUERY}"}
    carried = rewritten(dash.mpd(presentation), "dash.mpd", QUERY)
    bases = [element.text for element in parsed(carried).iter(f"{{{dash.MPD}}}BaseURL")]
    assert f"audio/low/track.mp4?{QUERY}" in bases
    assert carried.replace("?" + QUERY.replace("&", "&amp;"), "") == dash.mpd(presentation)


@pytest.mark.parametrize("scheme", ["none", "cbcs"])
def test_the_templates_of_an_mpd_carry_it(build: Build, scheme: str) -> None:
    text = dash.mpd(build(scheme))
    carried = rewritten(text, "dash.mpd", QUERY)
    (template, *_) = parsed(carried).iter(f"{{{dash.MPD}}}SegmentTemplate")
    escaped = QUERY.replace("$", "$$")
    assert template.get("media", "").endswith(f".m4s?{escaped}")
    assert template.get("initialization", "").endswith(f"init.mp4?{escaped}")
    assert len(read(carried).representations) == 4


def test_defined_once_for_all_listeners(build: Build) -> None:
    presentation = build()
    for text in (
        hls.multivariant(presentation, "hls"),
        hls.media(presentation, presentation.renditions[0], "hls"),
    ):
        carried = defined(text, "hls.m3u8", ["Policy", "Key-Pair-Id"])
        assert carried.splitlines()[:4] == [
            "#EXTM3U",
            f"#EXT-X-VERSION:{QUERY_PARAM_VERSION}",
            '#EXT-X-DEFINE:QUERYPARAM="Policy"',
            '#EXT-X-DEFINE:QUERYPARAM="Key-Pair-Id"',
        ]
        assert carried.count("#EXT-X-VERSION") == 1
        behind = "?Policy={$Policy}&Key-Pair-Id={$Key-Pair-Id}"
        addresses = [line for line in text.splitlines() if not line.startswith("#")]
        assert [line for line in carried.splitlines() if not line.startswith("#")] == [
            a + behind for a in addresses
        ]
        assert "\n\n" not in carried


def test_an_mpd_says_that_its_query_goes_on(build: Build) -> None:
    root = parsed(defined(dash.mpd(build("cbcs")), "dash.mpd", ["hdnts"]))
    for adaptation in root.iter(f"{{{dash.MPD}}}AdaptationSet"):
        names = [etree.QName(child).localname for child in adaptation]
        at = names.index("EssentialProperty")
        assert set(names[:at]) <= {"AudioChannelConfiguration", "ContentProtection"}
        assert not set(names[at + 1 :]) & {"AudioChannelConfiguration", "ContentProtection"}
        (info,) = adaptation[at]
        assert (info.tag, dict(info.attrib)) == (
            f"{{{URL_PARAM}}}UrlQueryInfo",
            {"queryTemplate": "$querypart$", "useMPDUrlQuery": "true"},
        )


@pytest.mark.parametrize(
    ("address", "expected"),
    [("a", "a?q=1"), ("a?b=2", "a?b=2&q=1"), ("a#f", "a?q=1#f"), ("a?b#f", "a?b&q=1#f")],
)
def test_a_query_joins_what_is_there(address: str, expected: str) -> None:
    assert with_query(address, "q=1") == expected
    assert with_query(address, "") == address


@pytest.mark.parametrize("address", ["https://other.example/x", "//other.example/x", "/root", "data:,x"])
def test_no_signature_goes_elsewhere(address: str) -> None:
    text = f'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{address}"\n#EXTINF:1,\n{address}\n'
    assert rewritten(text, "hls.m3u8", QUERY) == text
    xml = f"<?xml version='1.0' encoding='UTF-8'?>\n<MPD xmlns=\"{dash.MPD}\">\n  <BaseURL>{address}</BaseURL>\n</MPD>\n"
    assert rewritten(xml, "dash.mpd", QUERY) == xml


@pytest.mark.parametrize("query", ['a="', "a=\n#EXT-X-KEY", "a=<", "a={", "ä=1"])
def test_a_query_that_could_leave_its_place_is_refused(query: str) -> None:
    with pytest.raises(ManifestError):
        rewritten("#EXTM3U\nx\n", "hls.m3u8", query)


@pytest.mark.parametrize("names", [['a"'], ["a}b"], ["a b"], [""]])
def test_a_name_that_no_variable_can_have_is_refused(names: list[str]) -> None:
    with pytest.raises(ManifestError):
        defined("#EXTM3U\nx\n", "hls.m3u8", names)


def test_lines_end_where_a_playlists_lines_end() -> None:
    """RFC 8216bis §4.1: a line feed, or carriage return and line feed; what else breaks lines elsewhere is text."""
    text = "#EXTM3U\r\n#EXTINF:1,a\u2028b\x0bc\r\nx.m4s\r\n"
    assert rewritten(text, "hls.m3u8", "q=1") == "#EXTM3U\n#EXTINF:1,a\u2028b\x0bc\nx.m4s?q=1\n"


def test_what_is_no_manifest_is_refused() -> None:
    for text, name in (
        ("<html>", "hls.m3u8"),
        ("#EXTM3U", "dash.mpd"),
        ('#EXTM3U\n#EXT-X-KEY:URI="', "hls.m3u8"),
    ):
        with pytest.raises(Exception, match=r".") as refusal:
            rewritten(text, name, QUERY)
        assert type(refusal.value).__module__ == "media.errors"


def test_addresses_resolve_as_a_player_resolves_them(build: Build) -> None:
    presentation = build()
    base = "https://edge/songs/salt-air/0123456789abcdef/"
    carried = rewritten(hls.multivariant(presentation, "hls"), "hls.m3u8", QUERY)
    line = next(line for line in carried.splitlines() if line.startswith("audio/low"))
    assert urljoin(f"{base}hls.m3u8?{QUERY}", line) == f"{base}audio/low/hls.m3u8?{QUERY}"


def parsed(text: str) -> Any:
    return etree.fromstring(text.encode())
