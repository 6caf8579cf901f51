"""A song as the API knows it: what a listener sees, and what a stream grant needs, out of its presentation."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from pydantic import TypeAdapter

from control_api.fields import View
from manifests.addresses import plain
from media import layout
from media.errors import FormatError
from media.presentation import Presentation, Rendition
from media.song import Song


class SongView(View):
    """Addresses are relative to the root of the edge; what they name needs no token."""

    song_id: str
    title: str
    artists: list[str]
    album: str
    album_artist: str
    track_number: int | None
    date: str
    genres: list[str]
    duration_ms: int
    loudness_lufs: float | None
    version: str
    cover_url: str | None
    peaks_url: str | None
    preview_url: str | None


@dataclass(frozen=True, slots=True)
class Opening:
    """What a start in one rendition begins with: where its header and its first segment lie, in bytes.

    Both are parts of one file where `init` and `segment` name the same. `kid` is that of a key of its own, None for the entry's;
    `iv` is the rendition's where there is one, in hex.
    """

    name: str
    codec: str
    kid: UUID | None
    init: str
    init_size: int
    segment: str
    offset: int
    size: int
    iv: str


@dataclass(frozen=True, slots=True)
class Entry:
    """`cover`, `peaks` and `preview` are paths in the version's folder, empty for none; `kid` is None when clear."""

    song: Song
    version: str
    samples: int
    sample_rate: int
    loudness_lufs: float | None
    cover: str
    peaks: str
    preview: str
    manifests: dict[str, str]
    scheme: str
    kid: UUID | None
    start_rendition: str
    openings: tuple[Opening, ...]

    @property
    def kids(self) -> tuple[UUID, ...]:
        """Those of all renditions, each once."""
        found = map(self.kid_of, self.openings)
        return tuple(dict.fromkeys(kid for kid in found if kid is not None))

    def kid_of(self, opening: Opening) -> UUID | None:
        """The KID of one of the entry's renditions; None when clear."""
        return opening.kid or self.kid

    @property
    def folder(self) -> str:
        return layout.folder(self.song.song_id, self.version)

    @property
    def duration_ms(self) -> int:
        return round(self.samples * 1000 / self.sample_rate)


ENTRY_JSON = TypeAdapter(Entry)


_LARGEST = 2**53  # what JSON's readers count to


def entry_of(presentation: Presentation) -> Entry:
    """Raises `FormatError` for what would not make one song of many to list, but a failure of the whole list."""
    song = presentation.song
    if not (0 < presentation.samples <= _LARGEST and 0 < presentation.sample_rate <= _LARGEST):
        raise FormatError(
            f"{song.song_id}: {presentation.samples} samples at {presentation.sample_rate} Hz are no song"
        )
    if any(abs(number or 0) > _LARGEST for number in (song.track_number, song.disc_number)):
        raise FormatError(f"{song.song_id}: no number of a track or disc")
    for path in (
        presentation.cover,
        presentation.peaks,
        presentation.preview,
        *presentation.manifests.values(),
    ):
        if path:
            plain(path)
    openings = tuple(_opening(presentation, rendition) for rendition in presentation.renditions)
    if presentation.start_rendition not in {each.name for each in openings}:
        raise FormatError(f"{song.song_id}: no rendition {presentation.start_rendition!r} to start with")
    return Entry(
        song=presentation.song,
        version=presentation.version,
        samples=presentation.samples,
        sample_rate=presentation.sample_rate,
        loudness_lufs=presentation.loudness.integrated_lufs,
        cover=presentation.cover,
        peaks=presentation.peaks,
        preview=presentation.preview,
        manifests=presentation.manifests,
        scheme=presentation.protection.scheme,
        kid=presentation.protection.kid,
        start_rendition=presentation.start_rendition,
        openings=openings,
    )


def _opening(presentation: Presentation, rendition: Rendition) -> Opening:
    if not rendition.segments:
        raise FormatError(f"{presentation.song.song_id}: rendition {rendition.name!r} has no segments")
    first = rendition.segments[0]
    if any(not 0 <= number <= _LARGEST for number in (rendition.init_size, first.offset, first.size)):
        raise FormatError(f"{presentation.song.song_id}: rendition {rendition.name!r} lies nowhere")
    return Opening(
        name=rendition.name,
        codec=rendition.codec,
        kid=UUID(rendition.kid) if rendition.kid else None,
        init=plain(rendition.init),
        init_size=rendition.init_size,
        segment=plain(first.path),
        offset=first.offset,
        size=first.size,
        iv=rendition.iv,
    )


def view_of(entry: Entry) -> SongView:
    song = entry.song

    def address(path: str) -> str | None:
        return f"/{entry.folder}{path}" if path else None

    return SongView(
        song_id=song.song_id,
        title=song.title,
        artists=list(song.artists),
        album=song.album,
        album_artist=song.album_artist,
        track_number=song.track_number,
        date=song.date,
        genres=list(song.genres),
        duration_ms=entry.duration_ms,
        loudness_lufs=entry.loudness_lufs,
        version=entry.version,
        cover_url=address(entry.cover),
        peaks_url=address(entry.peaks),
        preview_url=address(entry.preview),
    )
