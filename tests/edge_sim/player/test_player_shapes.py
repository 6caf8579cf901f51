"""The virtual player against presentations of other shapes: byte ranges, a key for each rendition, other codecs, other DRM."""

from __future__ import annotations

import io
from dataclasses import replace

import av
import numpy
import pytest

from drm.systems import FAIRPLAY, PLAYREADY, WIDEVINE
from edge_sim.player import play
from edge_sim.player.connection import ByteRange
from edge_sim.player.index import first_subsegment
from media.aac_format import backward_compatible
from media.access_units import AccessUnits, Encoded
from media.boxes import SidxBox, StypBox
from media.errors import FormatError, ManifestError, UpstreamFailed
from packager.inputs import read

KINDS = {
    "hls": "hls.m3u8",
    "hls-identity": "hls-identity.m3u8",
    "dash": "dash.mpd",
    "presentation": "presentation.json",
}
PLAYABLE = [
    *(("none", kind) for kind in ("hls", "dash", "presentation")),
    *((scheme, kind) for scheme in ("cbcs", "cenc") for kind in KINDS),
    *(("aes-128", kind) for kind in ("hls", "presentation")),
]
TRACK = "songs/a-song/0123456789abcdef/audio/normal/track.mp4"
LEVEL = 0.3


def encoded(codec: str, container: str, rate: int) -> Encoded:
    """Three seconds of A4 in stereo, as the libraries inside PyAV encode it."""
    sound = LEVEL * numpy.sin(2 * numpy.pi * 440 / rate * numpy.arange(3 * rate))
    samples = (numpy.repeat(sound, 2) * 32767).astype("<i2")
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout="stereo")
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="stereo")
        frame.sample_rate, frame.pts = rate, 0
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return read(file.getvalue(), name="normal")


@pytest.mark.parametrize(("scheme", "kind"), PLAYABLE)
async def test_a_rendition_of_one_file_is_played_by_its_ranges(stage, tone, scheme, kind):
    stage.publish(tone, scheme, one_file=True)
    (start,) = await play(stage.url(KINDS[kind]))
    assert start.samples == 1024
    assert 0.25 < start.peak < 0.5
    assert start.segment.endswith("/audio/normal/track.mp4")
    spans = {span.name: span for span in start.spans}
    assert ("index" in spans) == (kind == "dash")
    if kind == "dash":
        assert spans["segment"].start_ns >= spans["index"].stop_ns
    assert spans["init"].size < 1500  # and not the file
    assert 2000 < spans["segment"].size < 20_000
    assert len(stage.origin.asked("audio/normal/track.mp4")) == 1  # the edge cuts them out of what it has


async def test_a_server_that_knows_no_ranges_sends_all_and_is_understood(stage, tone):
    made = stage.publish(tone, "cbcs", one_file=True)
    stage.origin.says("/plain/track.mp4", stage.origin.lines[TRACK].body)
    address = f"{stage.origin.url}/plain/track.mp4"
    media = f"""#EXTM3U
#EXT-X-TARGETDURATION:4
#EXT-X-MAP:URI="{address}",BYTERANGE="{made.renditions[0].init_size}@0"
#EXT-X-KEY:METHOD=SAMPLE-AES,KEYFORMAT="identity",URI="{stage.talk.base}/t/{stage.talk.token}/keys/{made.protection.kid}"
#EXTINF:1,
#EXT-X-BYTERANGE:{made.renditions[0].segments[0].size}@{made.renditions[0].segments[0].offset}
{address}
"""
    stage.origin.says("audio/normal/hls.m3u8", media.encode())
    (start,) = await play(stage.url("hls.m3u8"))
    assert start.samples == 1024
    assert {span.size for span in start.spans if span.name in ("init", "segment")} == {
        len(stage.origin.lines[TRACK].body)
    }


async def test_another_range_than_was_asked_for_is_refused(stage, tone):
    made = stage.publish(tone, one_file=True)
    first = made.renditions[0].segments[0]
    body = stage.origin.lines[TRACK].body[: first.offset + first.size - 1]  # a file that ends too early
    stage.origin.says("audio/normal/track.mp4", body)
    with pytest.raises(UpstreamFailed, match=r"segment: .*track.mp4: bytes \d+-\d+ asked, bytes \d+-\d+/"):
        await play(stage.url("presentation.json"))


@pytest.mark.parametrize("one_file", [False, True])
@pytest.mark.parametrize(("scheme", "kind"), [each for each in PLAYABLE if each[0] != "none"])
async def test_each_rendition_opens_with_its_own_key(stage, tone, scheme, kind, one_file):
    stage.publish(tone, scheme, own_key=True, one_file=one_file)
    for rendition in ("normal", "high"):
        (start,) = await play(stage.url(KINDS[kind]), rendition=rendition)
        assert start.samples == 1024
        assert 0.25 < start.peak < 0.5


@pytest.mark.parametrize("kind", ["hls", "hls-identity", "dash", "presentation"])
async def test_other_drm_systems_are_passed_over(stage, tone, kind):
    stage.publish(tone, "cbcs", own_key=True, systems=(WIDEVINE, PLAYREADY, FAIRPLAY))
    for rendition in ("normal", "high"):
        (start,) = await play(stage.url(KINDS[kind]), rendition=rendition)
        assert start.samples == 1024
    asked = stage.origin.asked(stage.licence_name)
    assert len(asked) == (0 if kind == "hls-identity" else 2)


async def test_drm_systems_alone_are_named(stage, tone):
    stage.publish(tone, "cbcs", systems=(WIDEVINE, FAIRPLAY))
    path = "audio/normal/hls.m3u8"
    lines = stage.origin.lines[f"songs/a-song/0123456789abcdef/{path}"].body.decode().splitlines()
    stage.origin.says(path, "\n".join(line for line in lines if "clearkey" not in line).encode())
    with pytest.raises(
        ManifestError, match=r"KEYFORMAT 'urn:uuid:edef8ba9.*', 'com.apple.streamingkeydelivery'"
    ):
        await play(stage.url("hls.m3u8"))


@pytest.mark.parametrize("scheme", ["none", "cbcs", "cenc", "aes-128"])
@pytest.mark.parametrize(
    ("codec", "container", "rate", "unit"),
    [("libopus", "ogg", 48000, 960), ("flac", "flac", 44100, 4608), ("aac", "mp4", 44100, 1024)],
)
async def test_the_first_sound_of_every_codec(stage, scheme, codec, container, rate, unit):
    song = encoded(codec, container, rate)
    stage.publish(song, scheme)
    (start,) = await play(stage.url("presentation.json"))
    assert song.priming < unit or codec == "aac"
    assert start.samples == (unit if codec == "aac" else unit - song.priming)
    assert LEVEL * 0.9 < start.peak < LEVEL * 1.6
    if codec == "flac":
        assert start.peak == pytest.approx(LEVEL, abs=1e-4)  # nothing is lost


async def test_the_first_sound_of_he_aac(stage):
    """AAC-LC at half the rate, told to be HE-AAC: a decoder doubles its rate, and the upper half is silent."""
    core = encoded("aac", "mp4", 22050)
    stage.publish(
        replace(
            core,
            codec="mp4a.40.5",
            config=backward_compatible(core.config, parametric=False),
            sample_rate=44100,
            priming=2 * core.priming,
            samples=2 * core.samples,
            units=AccessUnits(core.units.data, core.units.sizes, 2 * core.units.samples_per_unit),
        ),
        "cbcs",
    )
    (start,) = await play(stage.url("hls.m3u8"))
    assert start.samples == 2048
    assert LEVEL * 0.8 < start.peak < LEVEL * 1.6


def sidx(*sizes: int, first_offset: int = 0) -> bytes:
    references = numpy.array([(size, 1, 0) for size in sizes], dtype=">u4").reshape(-1, 3)
    return SidxBox(1, 44100, 0, first_offset, references, version=1).to_bytes()


def test_distances_are_counted_from_behind_the_index():
    there = ByteRange(800, 1000)
    assert first_subsegment(sidx(500, 600), there) == ByteRange(800 + len(sidx(500, 600)), 500)
    styp = StypBox(b"cmfs", 0, ()).to_bytes()
    both = styp + sidx(500, first_offset=7) + styp
    assert first_subsegment(both, there) == ByteRange(800 + len(styp) + len(sidx(500)) + 7, 500)


@pytest.mark.parametrize("index", [b"", sidx(), sidx(0), sidx(1 << 31 | 44), sidx(1)[:-1], b"x" * 40])
def test_an_index_of_no_segment(index):
    with pytest.raises(FormatError):
        first_subsegment(index, ByteRange(0, len(index)))
