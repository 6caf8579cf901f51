from __future__ import annotations

from pathlib import Path

import numpy as np
from mutagen.flac import FLAC

from demo import album, flac
from demo.compose import masters
from demo.cover import cover
from demo.sound import samples


def test_the_same_bytes_each_time(sketch: album.Recordings, tracks: list[album.Track]) -> None:
    again = list(album.album(sketch))
    assert [np.array_equal(one.pcm, two.pcm) for one, two in zip(tracks, again, strict=True)] == [True] * 3


def test_two_pieces_are_one_recording_cut_at_a_sample(
    sketch: album.Recordings, tracks: list[album.Track]
) -> None:
    first, second = tracks[0].pcm, tracks[1].pcm
    nocturne, dance = (piece.movement for piece in sketch[0])
    lead = samples(album.LEAD)
    assert first.shape[1] == lead + nocturne.length - samples(album.AHEAD)
    assert first.shape[1] + second.shape[1] == lead + nocturne.length + dance.length + samples(dance.tail)
    # It is cut in the middle of sound, and the wave goes on: the step across is like its neighbours.
    whole = np.concatenate([first, second], axis=1).astype(np.int64)
    cut = first.shape[1]
    steps = np.abs(np.diff(whole[:, cut - 400 : cut + 400], axis=1))
    assert np.abs(whole[:, cut - 400 : cut]).max() > 300
    assert (steps[:, 399] <= steps.max(axis=1)).all()
    assert (steps[:, 399] < 3 * np.percentile(steps, 90, axis=1)).all()


def test_a_recording_ends_in_silence(tracks: list[album.Track]) -> None:
    for track in (tracks[1], tracks[2]):
        assert np.abs(track.pcm[:, -200:]).max() <= 3


def test_masters_are_tagged_and_exact(
    tmp_path: Path, sketch: album.Recordings, tracks: list[album.Track]
) -> None:
    paths, composed = masters(tmp_path / "masters", sketch)
    assert composed
    assert [path.name for path in paths] == ["01 One.flac", "02 Two.flac", "03 Three.flac"]
    for path, track in zip(paths, tracks, strict=True):
        assert np.array_equal(flac.read(path), track.pcm)
        file = FLAC(path)
        assert file["TITLE"] == [track.title]
        assert file["ALBUM"] == [album.TITLE]
        assert (file["TRACKNUMBER"], file["TRACKTOTAL"], file["DATE"]) == (
            [str(track.number)],
            ["3"],
            ["2026"],
        )
        assert file.info.total_samples == track.pcm.shape[1]
        assert (file.info.sample_rate, file.info.bits_per_sample, file.info.channels) == (44_100, 16, 2)
        assert file.pictures[0].data[:3] == b"\xff\xd8\xff"
    assert sorted(path.name for path in (tmp_path / "masters").iterdir()) == [path.name for path in paths]


def test_whole_masters_are_left_alone_and_broken_ones_made_again(
    tmp_path: Path, sketch: album.Recordings
) -> None:
    paths, _ = masters(tmp_path, sketch)
    before = [path.read_bytes() for path in paths]
    assert masters(tmp_path, sketch) == (paths, False)

    paths[1].write_bytes(before[1][: len(before[1]) // 2])
    assert masters(tmp_path, sketch) == (paths, True)
    assert [path.read_bytes() for path in paths] == before

    tags = {"SCORE": album.score_digest()}
    assert flac.is_whole(paths[0], tags)
    assert not flac.is_whole(paths[0], {"SCORE": "another score"})
    data = bytearray(paths[0].read_bytes())
    data[-2000] ^= 0x10
    paths[0].write_bytes(data)
    assert not flac.is_whole(paths[0], tags)


def test_the_cover_is_drawn_from_the_music(tracks: list[album.Track]) -> None:
    pieces = [track.pcm for track in tracks]
    picture = cover(pieces)
    assert picture != cover(pieces[::-1])
    assert 30_000 < len(picture) < 400_000
