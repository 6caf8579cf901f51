"""What a box means depends on others: times on the track's timescale, runs on the defaults of their fragment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from media.boxes import (
    Box,
    MdhdBox,
    MoovBox,
    MvhdBox,
    SidxBox,
    TencBox,
    TfhdBox,
    TkhdBox,
    TrafBox,
    TrakBox,
    TrexBox,
)
from media.boxes.audio_sample_entry import AudioSampleEntry
from packager.inspect.tree import Node
from packager.inspect.values import Field

B = TypeVar("B", bound=Box)


@dataclass(frozen=True, slots=True)
class Track:
    timescale: int = 0
    unit: str = "ticks"  # "samples" where a tick is one
    default_duration: int = 0
    default_size: int = 0
    iv_size: int | None = None  # bytes in senc


@dataclass(frozen=True, slots=True)
class Scope:
    """Around a box: the movie's timescale and the track it belongs to. 0 and the defaults where it is not told."""

    movie: int = 0
    tracks: dict[int, Track] = field(default_factory=dict)
    track: Track = field(default_factory=Track)

    def inside(self, node: Node) -> Scope:
        """The scope of the boxes in `node`."""
        if isinstance(node.box, TrakBox):
            header = next(node.find(TkhdBox), None)
            return replace(self, track=self.tracks.get(header.track_id if header else 0, Track()))
        if isinstance(node.box, TrafBox) and (tfhd := next(node.find(TfhdBox), None)) is not None:
            track = self.tracks.get(tfhd.track_id, Track())
            length = track.default_duration if tfhd.sample_duration is None else tfhd.sample_duration
            size = track.default_size if tfhd.sample_size is None else tfhd.sample_size
            return replace(self, track=replace(track, default_duration=length, default_size=size))
        return self


def scope_of(tree: list[Node]) -> Scope:
    """What the movie header, or the index of a lone segment, tells about all that follows."""
    moov = next((node for node in tree if isinstance(node.box, MoovBox)), None)
    if moov is None:
        index = next((found for node in tree for found in node.find(SidxBox)), None)
        return Scope() if index is None else Scope(tracks={index.reference_id: Track(index.timescale)})
    header = next(moov.find(MvhdBox), None)
    defaults = {trex.track_id: trex for trex in moov.find(TrexBox)}
    tracks = {}
    for trak in (node for node in moov.children if isinstance(node.box, TrakBox)):
        own, times = next(trak.find(TkhdBox), None), next(trak.find(MdhdBox), None)
        if own is None:
            continue
        entry = next(trak.find(AudioSampleEntry), None)
        trex, tenc = defaults.get(own.track_id), next(trak.find(TencBox), None)
        timescale = times.timescale if times else 0
        tracks[own.track_id] = Track(
            timescale,
            "samples" if entry is not None and entry.sample_rate >> 16 == timescale else "ticks",
            trex.sample_duration if trex else 0,
            trex.sample_size if trex else 0,
            None if tenc is None else tenc.iv_size,
        )
    return Scope(header.timescale if header else 0, tracks)


Says = Callable[[Any, Scope], list[Field]]
SAYS: dict[type[Box], Says] = {}


def says(*kinds: type[Box]) -> Callable[[Says], Says]:
    """Register what people want to know of a class of boxes."""

    def register(function: Says) -> Says:
        for kind in kinds:
            SAYS[kind] = function
        return function

    return register
