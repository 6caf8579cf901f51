"""HLS playlists, read back by the m3u8 package and line by line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate
from urllib.parse import urljoin
from uuid import UUID

import m3u8
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests import KINDS, hls
from media.errors import ManifestError
from media.layout import folder
from media.presentation import Presentation
from media.signalling import Signalling

Build = Callable[..., Presentation]

KEY = "00112233-4455-4677-8899-aabbccddeeff"
IV = "IV=0x000102030405060708090a0b0c0d0e0f"
FAMILIES = [(scheme, kind) for scheme, kinds in KINDS.items() for kind in kinds if kind.startswith("hls")]
TOKEN_ROOT = "https://edge.example/t/TOKEN/"


def lines_of(text: str, tag: str) -> list[str]:
    return [line.removeprefix(tag) for line in text.splitlines() if line.startswith(tag)]


def url_of(presentation: Presentation, path: str) -> str:
    return TOKEN_ROOT + folder(presentation.song.song_id, presentation.version) + path


def test_a_media_playlist_to_the_letter(build: Build) -> None:
    presentation = build()
    assert hls.media(presentation, presentation.rendition("normal"), "hls") == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:6\n"
        "#EXT-X-TARGETDURATION:3\n"
        "#EXT-X-PLAYLIST-TYPE:VOD\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        '#EXT-X-MAP:URI="init.mp4"\n'
        "#EXTINF:1.021678,\n00001.m4s\n"
        "#EXTINF:3.018594,\n00002.m4s\n"
        "#EXTINF:2.995374,\n00003.m4s\n"
        "#EXTINF:2.964354,\n00004.m4s\n"
        "#EXT-X-ENDLIST\n"
    )


@pytest.mark.parametrize(("scheme", "kind"), FAMILIES)
def test_another_reader_finds_every_segment(build: Build, scheme: str, kind: str) -> None:
    presentation = build(scheme=scheme)
    for rendition in presentation.renditions:
        here = url_of(presentation, f"audio/{rendition.name}/{kind}.m3u8")
        playlist = m3u8.loads(hls.media(presentation, rendition, kind), uri=here)
        assert playlist.is_endlist
        assert playlist.is_independent_segments
        assert playlist.playlist_type == "vod"
        assert [segment.absolute_uri for segment in playlist.segments] == [
            url_of(presentation, segment.path) for segment in rendition.segments
        ]
        assert [segment.init_section.absolute_uri for segment in playlist.segments] == [
            url_of(presentation, rendition.init)
        ] * len(rendition.segments)


@pytest.mark.parametrize(("scheme", "kind"), FAMILIES)
def test_the_start_variant_comes_first_then_by_bandwidth(build: Build, scheme: str, kind: str) -> None:
    presentation = build(scheme=scheme, names=("high", "low", "very_high", "normal"))
    playlist = m3u8.loads(hls.multivariant(presentation, kind), uri=url_of(presentation, f"{kind}.m3u8"))
    assert [each.stream_info.bandwidth for each in playlist.playlists] == [105_600, 26_400, 176_000, 352_000]
    assert [each.stream_info.average_bandwidth for each in playlist.playlists] == [
        96_000,
        24_000,
        160_000,
        320_000,
    ]
    assert {each.stream_info.codecs for each in playlist.playlists} == {"mp4a.40.2"}
    assert [each.absolute_uri for each in playlist.playlists] == [
        url_of(presentation, f"audio/{name}/{kind}.m3u8") for name in ("normal", "low", "high", "very_high")
    ]


def test_without_a_start_rendition_bandwidth_decides(build: Build) -> None:
    presentation = build(names=("very_high", "low"))
    assert lines_of(hls.multivariant(presentation, "hls"), "audio/") == ["low/hls.m3u8", "very_high/hls.m3u8"]


CLEARKEY = 'KEYFORMAT="org.w3.clearkey",KEYFORMATVERSIONS="1"'
IDENTITY = 'KEYFORMAT="identity",KEYFORMATVERSIONS="1"'
UP = "../../../../../"


@pytest.mark.parametrize(
    ("scheme", "kind", "key", "session_key"),
    [
        ("none", "hls", [], []),
        (
            "cbcs",
            "hls",
            [f'METHOD=SAMPLE-AES,URI="{UP}licence/clearkey",{CLEARKEY}'],
            [f'METHOD=SAMPLE-AES,URI="../../../licence/clearkey",{CLEARKEY}'],
        ),
        (
            "cenc",
            "hls",
            [f'METHOD=SAMPLE-AES-CTR,URI="{UP}licence/clearkey",{CLEARKEY}'],
            [f'METHOD=SAMPLE-AES-CTR,URI="../../../licence/clearkey",{CLEARKEY}'],
        ),
        ("cbcs", "hls-identity", [f'METHOD=SAMPLE-AES,URI="{UP}keys/{KEY}",{IDENTITY},{IV}'], []),
        ("cenc", "hls-identity", [f'METHOD=SAMPLE-AES-CTR,URI="{UP}keys/{KEY}",{IDENTITY}'], []),
        (
            "aes-128",
            "hls",
            [f'METHOD=AES-128,URI="{UP}keys/{KEY}",{IV}'],
            [f'METHOD=AES-128,URI="../../../keys/{KEY}"'],
        ),
    ],
)
def test_the_key_recipes(
    build: Build, scheme: str, kind: str, key: list[str], session_key: list[str]
) -> None:
    presentation = build(scheme=scheme)
    text = hls.media(presentation, presentation.renditions[0], kind)
    assert lines_of(text, "#EXT-X-KEY:") == key
    assert lines_of(hls.multivariant(presentation, kind), "#EXT-X-SESSION-KEY:") == session_key
    if key:  # the init section is in the clear: no key is declared before it
        assert text.index("#EXT-X-MAP") < text.index("#EXT-X-KEY")


@pytest.mark.parametrize("scheme", ["cbcs", "cenc", "aes-128"])
def test_relative_keys_resolve_to_the_root_of_the_token(build: Build, scheme: str) -> None:
    presentation = build(scheme=scheme)
    for kind in ("hls", "hls-identity"):
        if kind not in KINDS[scheme]:
            continue
        where = f"keys/{KEY}" if scheme == "aes-128" or kind == "hls-identity" else "licence/clearkey"
        media = m3u8.loads(
            hls.media(presentation, presentation.renditions[0], kind),
            uri=url_of(presentation, f"audio/low/{kind}.m3u8"),
        )
        assert [key.absolute_uri for key in media.keys if key] == [TOKEN_ROOT + where]
        for line in lines_of(hls.multivariant(presentation, kind), "#EXT-X-SESSION-KEY:"):
            relative = line.split('URI="')[1].split('"')[0]
            assert urljoin(url_of(presentation, f"{kind}.m3u8"), relative) == TOKEN_ROOT + where


def test_addresses_of_the_publisher_stand_as_they_are(build: Build) -> None:
    presentation = build(
        scheme="cbcs",
        license_url="https://drm.example:8443/licence?a=1&b={kid}",
        key_url="/vault/{kid}",
    )
    assert f'URI="https://drm.example:8443/licence?a=1&b={KEY}"' in hls.multivariant(presentation, "hls")
    assert f'URI="/vault/{KEY}"' in hls.media(presentation, presentation.renditions[0], "hls-identity")


@pytest.mark.parametrize(
    "address",
    [
        'https://x/"\n#EXT-X-ENDLIST',
        "https://x/a b",
        "https://x/\n",
        "https://[x",
        "https:",
        "//elsewhere/x",
        "javascript:alert(1)",
        "data:text/plain;base64,AAAA",
        "ключ",
        "a'b",
    ],
)
def test_an_address_cannot_break_out(build: Build, address: str) -> None:
    presentation = build(scheme="cbcs", license_url=address, key_url=address)
    for kind in ("hls", "hls-identity"):
        with pytest.raises(ManifestError, match="address"):
            hls.media(presentation, presentation.renditions[0], kind)


@pytest.mark.parametrize(
    ("scheme", "kind"), [("none", "hls-identity"), ("aes-128", "dash"), ("cbcs", "dash")]
)
def test_kinds_that_do_not_exist(build: Build, scheme: str, kind: str) -> None:
    presentation = build(scheme=scheme)
    with pytest.raises(ManifestError, match=kind):
        hls.multivariant(presentation, kind)
    with pytest.raises(ManifestError, match=kind):
        hls.media(presentation, presentation.renditions[0], kind)


# No last segment is shorter than the priming: the segment plan sees to it.
timelines = st.builds(
    lambda others, last: [*others, last],
    st.lists(st.integers(1, 500_000), max_size=60),
    st.integers(1_025, 500_000),
)
rates = st.sampled_from([8_000, 11_025, 44_100, 48_000, 96_000])


@given(timelines, rates)
def test_partial_sums_never_drift_from_the_media_timeline(
    build: Build, durations: list[int], sample_rate: int
) -> None:
    """Each boundary is that of tfdt, priming included; the end is the song's."""
    presentation = build(durations=durations, sample_rate=sample_rate)
    text = hls.media(presentation, presentation.renditions[0], "hls")
    written = [Fraction(Decimal(line.rstrip(","))) for line in lines_of(text, "#EXTINF:")]
    media = [*(start + 1024 for start in accumulate(durations[:-1])), sum(durations)]
    for told, exact in zip(accumulate(written), media, strict=True):
        assert abs(told - Fraction(exact, sample_rate)) <= Fraction(1, 2_000_000)


@given(timelines, rates)
def test_the_target_duration_is_the_longest_rounded_to_the_nearest(
    build: Build, durations: list[int], sample_rate: int
) -> None:
    presentation = build(durations=durations, sample_rate=sample_rate)
    text = hls.media(presentation, presentation.renditions[0], "hls")
    (target,) = lines_of(text, "#EXT-X-TARGETDURATION:")
    longest = max(Decimal(line.rstrip(",")) for line in lines_of(text, "#EXTINF:"))
    assert int(target) == max(1, int(longest + Decimal("0.5")))


def test_channels_are_told_by_audio_groups_whose_media_are_the_variants(build: Build) -> None:
    playlist = m3u8.loads(hls.multivariant(build(), "hls"))
    groups = {each.group_id: (each.type, each.channels, each.uri, each.name) for each in playlist.media}
    assert groups == {"mono": ("AUDIO", "1", None, "Audio"), "stereo": ("AUDIO", "2", None, "Audio")}
    told = {each.uri.split("/")[1]: each.stream_info.audio for each in playlist.playlists}
    assert told == {"low": "mono", "normal": "stereo", "high": "stereo", "very_high": "stereo"}


def test_a_rendition_of_one_file_is_told_in_byte_ranges(
    build: Build, one_file: Callable[[Presentation], Presentation]
) -> None:
    presentation = one_file(build())
    text = hls.media(presentation, presentation.renditions[0], "hls")
    playlist = m3u8.loads(text)
    assert {segment.uri for segment in playlist.segments} == {"track.mp4"}
    assert [segment.byterange for segment in playlist.segments] == [
        "1000@792",
        "1000@1792",
        "1000@2792",
        "1000@3792",
    ]
    assert lines_of(text, "#EXT-X-MAP:") == ['URI="track.mp4",BYTERANGE="700@0"']


def test_drm_systems_stand_before_clearkey_and_never_beside_identity(
    build: Build, signalling: tuple[Signalling, ...]
) -> None:
    presentation = build(scheme="cbcs")
    rendition = presentation.renditions[0]
    keys = m3u8.loads(hls.media(presentation, rendition, "hls", signalling)).keys
    assert [key.keyformat for key in keys] == ["first.format", "second.format", "org.w3.clearkey"]
    session = m3u8.loads(hls.multivariant(presentation, "hls", signalling)).session_keys
    assert [key.keyformat for key in session] == ["first.format", "second.format", "org.w3.clearkey"]
    identity = hls.media(presentation, rendition, "hls-identity", signalling)
    assert [key.keyformat for key in m3u8.loads(identity).keys] == ["identity"]
    assert lines_of(hls.multivariant(presentation, "hls-identity", signalling), "#EXT-X-SESSION-KEY:") == []


@pytest.mark.parametrize("hostile", ["X", 'URI="a"\n#EXT-X-ENDLIST', 'METHOD=SAMPLE-AES,URI="a"', ",", "A=1"])
def test_a_key_of_anothers_making_cannot_break_out(
    build: Build, signalling: tuple[Signalling, ...], hostile: str
) -> None:
    presentation = build(scheme="cbcs")
    told = [replace(signalling[0], key_attributes=hostile)]
    with pytest.raises(ManifestError):
        hls.media(presentation, presentation.renditions[0], "hls", told)
    with pytest.raises(ManifestError):
        hls.multivariant(presentation, "hls", told)


def test_a_rendition_with_a_key_of_its_own(build: Build, signalling: tuple[Signalling, ...]) -> None:
    """Its lines name its key and its signalling, and each session key stands once."""
    other = UUID(int=7)
    presentation = build(scheme="cbcs")
    first, *rest = presentation.renditions
    presentation = replace(presentation, renditions=(replace(first, kid=str(other)), *rest))
    own = replace(signalling[0], kid=other, key_attributes=signalling[0].key_attributes.replace("AA", "BB"))
    told = [*signalling, own]
    assert f"keys/{other}" in hls.media(presentation, presentation.renditions[0], "hls-identity", told)
    keys = m3u8.loads(hls.media(presentation, presentation.renditions[0], "hls", told)).keys
    assert [key.keyformat for key in keys] == ["first.format", "org.w3.clearkey"]
    lines = lines_of(hls.multivariant(presentation, "hls", told), "#EXT-X-SESSION-KEY:")
    assert len(lines) == len(set(lines))


def test_a_steering_server_is_told_with_the_pathway_of_every_variant(build: Build) -> None:
    presentation = replace(build(), steering_url="https://steer.example/hls?song=salt-air")
    text = hls.multivariant(presentation, "hls")
    assert lines_of(text, "#EXT-X-CONTENT-STEERING:") == [
        'SERVER-URI="https://steer.example/hls?song=salt-air",PATHWAY-ID="default"'
    ]
    assert text.count('PATHWAY-ID="default"') == 1 + len(presentation.renditions)
    for wrong in ("steer", '"', "ftp://steer.example/"):
        with pytest.raises(ManifestError, match="address"):
            hls.multivariant(replace(presentation, steering_url=wrong), "hls")


@given(st.text(max_size=200))
def test_a_title_does_not_reach_a_playlist(build: Build, title: str) -> None:
    plain, hostile = build(scheme="cbcs"), build(scheme="cbcs", title=title)
    assert hls.multivariant(hostile, "hls") == hls.multivariant(plain, "hls")
    rendition = plain.renditions[0]
    assert hls.media(hostile, rendition, "hls") == hls.media(plain, rendition, "hls")
