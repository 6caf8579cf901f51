"""Our readers give back what our writers were told; other people's readers judge the writers elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import accumulate

import pytest

from manifests import dash, hls, hls_reader, mpd_reader
from manifests.attributes import unquoted
from media.presentation import Presentation

Build = Callable[..., Presentation]


@pytest.mark.parametrize("license_url", ["", "https://drm.example/licence"])
def test_an_mpd(build: Build, license_url: str) -> None:
    presentation = build(scheme="cenc", license_url=license_url)
    read = mpd_reader.read(dash.mpd(presentation))
    assert read.duration == Fraction(presentation.samples, presentation.sample_rate)
    assert read.problems == ()
    for told, rendition in zip(read.representations, presentation.renditions, strict=True):
        assert (told.id, told.codecs, told.bandwidth) == (
            rendition.name,
            rendition.codec,
            rendition.bandwidth,
        )
        assert (told.sample_rate, told.timescale, told.channels) == (44_100, 44_100, str(rendition.channels))
        assert told.init == rendition.init
        assert [(each.url, each.start, each.duration) for each in told.segments] == [
            (each.path, each.start, each.duration) for each in rendition.segments
        ]
        assert (told.scheme, told.kid) == ("cenc", "00112233-4455-4677-8899-aabbccddeeff")
        assert told.license_url == (license_url or "../../../licence/clearkey")


def test_a_media_playlist(build: Build) -> None:
    presentation = build(scheme="aes-128")
    rendition = presentation.renditions[0]
    segments = hls_reader.read(hls.media(presentation, rendition, "hls").encode()).segments
    assert [segment.uri for segment in segments] == ["00001.m4s", "00002.m4s", "00003.m4s", "00004.m4s"]
    ends = [segment.start + segment.duration + rendition.priming for segment in rendition.segments]
    for told, exact in zip(
        accumulate(segment.duration or 0 for segment in segments),
        [*ends[:-1], presentation.samples],
        strict=True,
    ):
        assert abs(told - Fraction(exact, presentation.sample_rate)) <= Fraction(1, 2_000_000)
    for segment in segments:
        assert segment.init is not None
        assert unquoted(segment.init.attributes["URI"]) == "init.mp4"
        assert [key.attributes["METHOD"] for key in segment.keys] == ["AES-128"]


def test_keys_apply_until_the_next_of_their_format() -> None:
    playlist = hls_reader.read(
        "#EXTM3U\n"
        '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="a"\n'
        '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="b",KEYFORMAT="x"\n'
        "1\n"
        '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="c",KEYFORMAT="identity"\n'
        "2\n"
        "#EXT-X-KEY:METHOD=NONE\n"
        "3\n"
    )
    assert [[key.attributes["URI"] for key in segment.keys] for segment in playlist.segments] == [
        ['"a"', '"b"'],
        ['"c"', '"b"'],
        [],
    ]


def test_byte_ranges_go_on_where_the_one_before_ended() -> None:
    playlist = hls_reader.read(
        "#EXTM3U\n#EXT-X-BYTERANGE:10@5\na\n#EXT-X-BYTERANGE:3\na\n#EXT-X-BYTERANGE:3\nb\nc\n#EXT-X-BYTERANGE:3\nc\n"
    )
    assert [each.byte_range for each in playlist.segments] == [(5, 14), (15, 17), None, None, None]


def test_an_mpd_of_files(build: Build, one_file: Callable[[Presentation], Presentation]) -> None:
    presentation = one_file(build())
    read = mpd_reader.read(dash.mpd(presentation))
    assert read.problems == ()
    for told, rendition in zip(read.representations, presentation.renditions, strict=True):
        assert (told.init, told.init_range, told.index_range) == (rendition.init, (0, 699), (700, 791))
        assert told.segments == ()


@pytest.mark.parametrize(
    ("bases", "init"),
    [
        (["./"], "i.mp4"),
        (["a/", "b/"], "a/b/i.mp4"),
        (["a/b/", "../c/"], "a/c/i.mp4"),
        (["a/", "../../b/"], "../b/i.mp4"),
        (["https://cdn.example/x/", "y/"], "https://cdn.example/x/y/i.mp4"),
        (["a/", "https://cdn.example/x/"], "https://cdn.example/x/i.mp4"),
        (["https://cdn.example/x/", "/y/"], "https://cdn.example/y/i.mp4"),
        (["/y/"], "/y/i.mp4"),
    ],
)
def test_addresses_are_relative_to_the_base(bases: list[str], init: str) -> None:
    first, *more = [f"<BaseURL>{base}</BaseURL>" for base in bases]
    read = mpd_reader.read(
        f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" mediaPresentationDuration="PT5S">{first}<Period>'
        f'<AdaptationSet>{"".join(more)}<Representation id="r" bandwidth="1"><SegmentTemplate initialization="i.mp4" '
        'media="$Number$-$Time$" timescale="10" duration="20" startNumber="3" presentationTimeOffset="7"/>'
        "</Representation></AdaptationSet></Period></MPD>"
    )
    assert read.problems == ()
    (told,) = read.representations
    assert told.init == init
    # Equal durations up to the end of the presentation
    folder = init.removesuffix("i.mp4")
    assert [(each.url.removeprefix(folder), each.start, each.duration) for each in told.segments] == [
        ("3-7", 7, 20),
        ("4-27", 27, 20),
        ("5-47", 47, 10),
    ]
