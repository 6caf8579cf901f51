"""``python -m demo.compose OUT_DIR``: the album as three tagged FLAC masters; no work where they are already whole."""

from __future__ import annotations

from pathlib import Path

import click

from demo import album, flac
from demo.cover import cover


def masters(folder: Path, recordings: album.Recordings = album.RECORDINGS) -> tuple[list[Path], bool]:
    """The album's files in `folder`, in order, and whether they had to be composed."""
    folder.mkdir(parents=True, exist_ok=True)
    score = album.score_digest()
    paths = [folder / name for name in album.filenames(recordings)]
    if all(flac.is_whole(path, {"SCORE": score}) for path in paths):
        return paths, False
    tracks = list(album.album(recordings))
    picture = cover([track.pcm for track in tracks])
    for path, track in zip(paths, tracks, strict=True):
        flac.write(path, track.pcm, tags(track, len(tracks), score), picture)
    return paths, True


def tags(track: album.Track, total: int, score: str) -> dict[str, str]:
    """Vorbis comments."""
    return {
        "TITLE": track.title,
        "ARTIST": album.ARTIST,
        "ALBUM": album.TITLE,
        "ALBUMARTIST": album.ARTIST,
        "COMPOSER": album.ARTIST,
        "TRACKNUMBER": str(track.number),
        "TRACKTOTAL": str(total),
        "DISCNUMBER": "1",
        "DATE": "2026",
        "GENRE": track.genre,
        "COPYRIGHT": "CC0 1.0 Universal",
        "LICENSE": "https://creativecommons.org/publicdomain/zero/1.0/",
        "SCORE": score,
    }


@click.command()
@click.argument("out_dir", type=click.Path(file_okay=False, path_type=Path))
def main(out_dir: Path) -> None:
    """Compose the demo album into OUT_DIR."""
    paths, composed = masters(out_dir)
    for path in paths:
        click.echo(f"{'composed' if composed else 'unchanged'}  {path}")


if __name__ == "__main__":
    main()
