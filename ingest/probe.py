"""What a master really is, from its headers alone: no sample is decoded, no process is started.

What cannot be used is refused here with a named reason. Whether the samples keep what the headers promise is
seen by `ingest.transcode`, which decodes them anyway.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.container import InputContainer
from mutagen.mp3 import BitrateMode

from ingest.cover import Cover, cover
from ingest.files import open_master, sha256, shown
from ingest.headers import check_caf, check_mp4_is_whole, check_ogg, check_wav
from ingest.tags import Tags, open_tagged, pictures, read_tags
from media.errors import MasterRejected
from media.song import Song

# Containers of one file's own sound, by libav's names. Playlists, manifests, concat scripts, image sequences and
# whatever else opens further files are not among them, and never will be.
CONTAINERS = (
    "aac", "aiff", "ape", "asf", "caf", "flac", "matroska", "mov", "mp3", "ogg", "tta", "w64", "wav", "wv",
)  # fmt: skip
_GUESSED = frozenset(("aac", "caf"))  # libav derives their length from the bitrate
MAX_SECONDS = 4 * 3600


@dataclass(frozen=True, slots=True)
class Master:
    """One usable master.

    `container` is libav's short name and the demuxer that must be forced; `bits` are per sample, ``None`` for
    lossy codecs; `declared_samples` is the length by the header at `sample_rate`, ``None`` when it does not say;
    `lossless` means that the count is exact and `declared_samples` has to be met; `flaws` are things that were
    passed over (a broken cover).
    """

    path: Path
    sha256: str
    size: int
    container: str
    codec: str
    lossless: bool
    sample_rate: int
    channels: int
    layout: str
    bits: int | None
    declared_samples: int | None
    tags: Tags
    cover: Cover | None
    flaws: tuple[str, ...] = ()

    def song(self, song_id: str) -> Song:
        """The catalogue's song; one without a title is called by its file's name."""
        tags = asdict(self.tags)
        return Song(song_id, **tags | {"title": self.tags.title or shown(Path(self.path.stem))})

    def facts(self) -> dict[str, Any]:
        """What the master was, for `Presentation.master`."""
        return {
            "sha256": self.sha256,
            "container": self.container,
            "codec": self.codec,
            "sample_rate": self.sample_rate,
            "channels": self.channels,
            "layout": self.layout,
            "bits": self.bits,
        }


def probe(path: Path, *, max_seconds: int = MAX_SECONDS) -> Master:
    """Look at a master. Raises `MasterRejected` with its reason and a message that names the file."""
    name = shown(path)
    file, size = open_master(path)
    with file:
        try:
            for check in (check_wav, check_caf, check_ogg):
                check(file, size, name)
            with _opened(file, size, name) as container:
                return _master(path, file, size, container, name, max_seconds)
        except OSError as error:
            raise MasterRejected("unreadable", f"{name}: {error.strerror or error}") from None


def _opened(file: BufferedReader, size: int, name: str) -> InputContainer:
    file.seek(0)
    try:
        return av.open(
            file, "r", options={"format_whitelist": ",".join(CONTAINERS)}, metadata_errors="replace"
        )
    except av.FFmpegError:
        check_mp4_is_whole(file, size, name)
        raise MasterRejected("not-audio", f"{name}: not audio of any kind we know") from None


def _master(
    path: Path, file: BufferedReader, size: int, container: InputContainer, name: str, max_seconds: int
) -> Master:
    demuxer = next(kind for kind in container.format.name.split(",") if kind in CONTAINERS)
    if not container.streams.audio:
        kinds = sorted({stream.type for stream in container.streams})
        raise MasterRejected(
            "no-audio-stream", f"{name}: no audio in it, only {' and '.join(kinds) or 'a header'}"
        )
    stream = container.streams.audio[0]
    decoder = stream.codec_context
    if decoder is None or not decoder.sample_rate or not decoder.channels:
        raise MasterRejected("not-audio", f"{name}: its audio stream is of no kind that can be decoded")
    metadata = {**stream.metadata, **container.metadata}
    tagged = open_tagged(file, demuxer)
    declared = _declared(stream, demuxer, tagged)
    if declared == 0:
        raise MasterRejected("no-samples", f"{name}: a header that declares no samples")
    if declared is not None and declared > max_seconds * decoder.sample_rate:
        seconds = declared // decoder.sample_rate
        raise MasterRejected("too-large", f"{name}: {seconds} s long, and {max_seconds} s are allowed")
    picture, flaws = _cover(pictures(tagged))
    return Master(
        path=path,
        sha256=sha256(file),
        size=size,
        container=demuxer,
        codec=decoder.codec.canonical_name,
        lossless=decoder.codec.lossless,
        sample_rate=decoder.sample_rate,
        channels=decoder.channels,
        layout=_layout(decoder),
        bits=_bits(decoder, tagged),
        declared_samples=declared,
        tags=read_tags(tagged, metadata),
        cover=picture,
        flaws=flaws,
    )


def _declared(stream: AudioStream, container: str, tagged: Any) -> int | None:
    """Samples by the header, or ``None`` when it does not count them to the sample."""
    rate = stream.codec_context.sample_rate
    if stream.duration is None or stream.time_base is None or container in _GUESSED:
        return None
    if (1 / stream.time_base) % rate:  # matroska, asf and some mov count in coarser ticks
        return None
    # An MP3 counts its frames in a Xing or VBRI header; where it has none, libav guesses.
    if container == "mp3" and _info(tagged, "bitrate_mode", BitrateMode.UNKNOWN) == BitrateMode.UNKNOWN:
        return None
    return int(stream.duration * stream.time_base * rate)


def _info(tagged: Any, name: str, default: int) -> int:
    """An attribute of mutagen's stream information, which not every format has."""
    return getattr(getattr(tagged, "info", None), name, default)


def _layout(decoder: AudioCodecContext) -> str:
    """libav's name of the channel layout. One or two channels without one are mono and stereo."""
    return {"1 channels": "mono", "2 channels": "stereo"}.get(decoder.layout.name, decoder.layout.name)


def _bits(decoder: AudioCodecContext, tagged: Any) -> int | None:
    """Bits of a sample as the header says; libav's own answer is the size of the box it puts them in."""
    if not decoder.codec.lossless:
        return None
    return _info(tagged, "bits_per_sample", 0) or decoder.format.bits


def _cover(candidates: Iterable[bytes]) -> tuple[Cover | None, tuple[str, ...]]:
    """The first picture that is one, and what was wrong with those before it."""
    flaws: list[str] = []
    for picture in candidates:
        try:
            return cover(picture), tuple(flaws)
        except ValueError as error:
            flaws.append(f"cover: {error}")
    return None, tuple(flaws)
