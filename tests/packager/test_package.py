"""A whole presentation: what is in it, in which order, and what ffmpeg and PyAV hear of it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy
import pytest

from drm import aes128
from manifests import KINDS
from media.access_units import AccessUnits, Encoded
from media.boxes import MoofBox, SencBox, TrafBox, find_all, parse
from media.errors import FormatError
from media.presentation import Presentation
from packager.fragments import read_init, read_segment
from packager.package import FIRST_FLIGHT, Package, start_rendition

Packer = Callable[..., Package]


def decoded(init: bytes, segments: list[bytes], options: dict[str, str], path: Path) -> Any:
    path.write_bytes(init + b"".join(segments))
    with av.open(str(path), options=options) as container:
        frames = [frame.to_ndarray().mean(axis=0) for frame in container.decode(audio=0)]
    return numpy.concatenate(frames)


def test_everything_is_published_in_an_order_that_is_safe(packed: Package) -> None:
    presentation = packed.presentation
    paths = [path for path, _ in packed.objects()]
    files = dict(packed.objects())
    assert len(paths) == len(files)
    for rendition in presentation.renditions:
        assert len(files[rendition.init]) == rendition.init_size
        assert [len(files[segment.path]) for segment in rendition.segments] == [
            segment.size for segment in rendition.segments
        ]
    assert {"public/cover.jpg", "public/peaks.json"} <= set(paths)
    manifests = [place for place, path in enumerate(paths) if path.endswith((".m3u8", ".mpd"))]
    media = [place for place, path in enumerate(paths) if path.endswith((".mp4", ".m4s", ".jpg"))]
    assert max(media) < min(manifests)
    assert paths[-1] == "presentation.json"
    assert Presentation.from_json(files["presentation.json"]) == presentation
    assert tuple(presentation.manifests) == KINDS[presentation.protection.scheme]
    assert set(presentation.manifests.values()) <= set(paths)
    # A manifest comes after what it names: the multivariant playlist after its media playlists.
    for kind in presentation.manifests:
        if kind != "dash":
            last = max(place for place, path in enumerate(paths) if path.endswith(f"/{kind}.m3u8"))
            assert last < paths.index(presentation.manifests[kind])


def test_all_renditions_are_cut_alike_and_add_up_to_the_song(packed: Package) -> None:
    presentation = packed.presentation
    cuts = {
        tuple((segment.start, segment.duration) for segment in rendition.segments)
        for rendition in presentation.renditions
    }
    assert len(cuts) == 1
    (cut,) = cuts
    assert len(cut) == 5
    assert cut[0][0] == 0
    assert all(after <= 2 * before for (_, before), (_, after) in pairwise(cut))
    assert sum(duration for _, duration in cut) == presentation.samples == 11 * 44100 + 777
    for rendition in presentation.renditions:
        assert rendition.average_bandwidth <= rendition.bandwidth < 2 * rendition.bitrate


def test_header_and_first_segment_leave_in_the_first_flight(packed: Package) -> None:
    """Those of the rendition that a start begins with; one access unit more would be too much."""
    presentation = packed.presentation
    assert presentation.start_rendition == "normal"
    rendition = presentation.rendition("normal")
    flight = rendition.init_size + rendition.segments[0].size
    assert flight <= FIRST_FLIGHT < flight + 450


def test_a_start_begins_with_what_is_rich_and_still_lean(encoded: tuple[Encoded, ...]) -> None:
    assert start_rendition(encoded) == "normal"
    assert start_rendition([replace(each, bitrate=each.bitrate * 9) for each in encoded]) == "low"
    quiet = replace(encoded[0], name="lossless", codec="fLaC", bitrate=120_000)
    assert start_rendition([*encoded, quiet]) == "normal"
    assert start_rendition([quiet]) == "lossless"


def test_every_rendition_decodes_in_step_with_the_master(
    packed: Package, song_pcm: Any, key: bytes, tmp_path: Path, lag: Callable[[Any, Any], int]
) -> None:
    presentation, files = packed.presentation, dict(packed.objects())
    scheme = presentation.protection.scheme
    mono = song_pcm.astype(float).mean(axis=1)
    for rendition in presentation.renditions:
        segments = [files[segment.path] for segment in rendition.segments]
        options = {"decryption_key": key.hex()} if scheme in ("cenc", "cbcs") else {}
        if scheme == "aes-128":
            iv = bytes.fromhex(rendition.iv)
            segments = [aes128.decrypt(segment, key=key, iv=iv) for segment in segments]
        signal = decoded(files[rendition.init], segments, options, tmp_path / "song.mp4")
        # The edit list tells the end; what FFmpeg's libraries return of the last unit beyond it is not the song.
        assert read_init(files[rendition.init]).samples == presentation.samples
        assert 0 <= len(signal) - presentation.samples < 1024
        assert lag(mono, signal[: presentation.samples]) == 0


@pytest.mark.parametrize("scheme", ["none", "aes-128"])
def test_ffmpeg_plays_the_hls_presentation(
    pack: Packer,
    encoded: tuple[Encoded, ...],
    scheme: str,
    song_pcm: Any,
    key: bytes,
    ffmpeg: str,
    tmp_path: Path,
    lag: Callable[[Any, Any], int],
) -> None:
    packed = pack(encoded, scheme)
    presentation = packed.presentation
    folder = tmp_path / "songs" / presentation.song.song_id / presentation.version
    for path, body in packed.objects():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(body)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / str(presentation.protection.kid)).write_bytes(key)
    command = f"{ffmpeg} -v error -xerror -allowed_extensions ALL -extension_picky 0 -i {folder}/hls.m3u8"
    done = subprocess.run(
        [*command.split(), "-map", "0:a:0", "-ac", "1", "-f", "f32le", "-"], capture_output=True, check=True
    )
    assert done.stderr == b""
    signal = numpy.frombuffer(done.stdout, dtype="<f4")
    assert lag(song_pcm.astype(float).mean(axis=1), signal[: presentation.samples]) == 0
    assert len(signal) == 476 * 1024 - 1024


def test_the_same_input_gives_the_same_bytes(packed: Package, pack: Packer, encoded: Any) -> None:
    again = pack(encoded, packed.presentation.protection.scheme)
    assert list(again.objects()) == list(packed.objects())


def test_no_two_renditions_share_an_iv(pack: Packer, encoded: tuple[Encoded, ...]) -> None:
    for scheme in ("cbcs", "aes-128"):
        renditions = pack(encoded, scheme).presentation.renditions
        assert len({rendition.iv for rendition in renditions}) == len(renditions)
        assert all(len(bytes.fromhex(rendition.iv)) == 16 for rendition in renditions)
    packed = pack(encoded, "cenc")
    ivs: list[bytes] = []
    for rendition in packed.presentation.renditions:
        for segment in rendition.segments:
            (moof,) = find_all(parse(packed.bodies[segment.path]), MoofBox)
            data = moof.get(TrafBox).get(SencBox).ivs(8)
            ivs += [data[place : place + 8] for place in range(0, len(data), 8)]
    assert len(set(ivs)) == len(ivs) == 4 * 476


def test_a_blip_of_50_ms_is_one_segment(pack: Packer, blip: tuple[Encoded, ...], key: bytes) -> None:
    packed = pack(blip, "cbcs")
    files = dict(packed.objects())
    for rendition in packed.presentation.renditions:
        (only,) = rendition.segments
        assert (only.start, only.duration) == (0, 2205)
        init = read_init(files[rendition.init])
        assert len(read_segment(files[only.path], init, key).units) == 4


def test_units_that_the_song_does_not_need_are_left_out(pack: Packer, encoded: tuple[Encoded, ...]) -> None:
    first = encoded[0]
    units = AccessUnits(
        first.units.data + b"more", numpy.append(first.units.sizes, 4), first.units.samples_per_unit
    )
    expected = pack(encoded[:1]).bodies
    assert pack([replace(first, units=units)]).bodies == expected


def test_renditions_that_do_not_fit_together_are_refused(pack: Packer, encoded: tuple[Encoded, ...]) -> None:
    first, second = encoded[:2]
    for change in ({"samples": 44100}, {"sample_rate": 48000}):
        with pytest.raises(FormatError, match=f"rendition normal: {next(iter(change))}"):
            pack([first, replace(second, **change)])
    with pytest.raises(FormatError, match="units of 1024 samples behind 1000 of priming never begin"):
        pack([first, replace(second, priming=1000)])
    fewer = AccessUnits(bytes(first.units.payload(0, 475)), first.units.sizes[:475], 1024)
    with pytest.raises(FormatError, match="rendition low: 475 access units, 476 needed"):
        pack([replace(first, units=fewer)])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": "../../../etc"}, "version"),
        ({"public": {"public/../../x": b""}}, "public file"),
        ({"public": {"audio/low/init.mp4": b""}}, "public file"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    pack: Packer, encoded: tuple[Encoded, ...], change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        pack(encoded[:1], **change)


def test_names_become_paths_and_are_checked(pack: Packer, encoded: tuple[Encoded, ...]) -> None:
    with pytest.raises(ValueError, match="rendition"):
        pack([replace(encoded[0], name="../low")])
    with pytest.raises(ValueError, match="two renditions"):
        pack([encoded[0], encoded[0]])
    with pytest.raises(ValueError, match="nothing"):
        pack([])
