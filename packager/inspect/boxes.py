"""An ISO BMFF file as a report: the tree with every field said, and in front what it all amounts to."""

from __future__ import annotations

from uuid import UUID

from media.aac_format import read_aac_format
from media.boxes import (
    ElstBox,
    EsdsBox,
    FrmaBox,
    FtypBox,
    HdlrBox,
    MdatBox,
    MehdBox,
    MoofBox,
    MoovBox,
    SchmBox,
    SidxBox,
    StsdBox,
    SttsBox,
    StypBox,
    TencBox,
    TkhdBox,
    TrakBox,
    TrunBox,
)
from media.boxes.audio_sample_entry import AudioSampleEntry
from media.boxes.esds import MPEG4_AUDIO
from media.errors import FormatError
from packager.inspect import decoders, headers, loudness, tables  # each registers what it knows to say
from packager.inspect.report import Part, Report
from packager.inspect.scope import SAYS, Scope, scope_of
from packager.inspect.tags import tag_value
from packager.inspect.tree import Node, walk
from packager.inspect.values import Field, field, fourcc, peek, seconds

__all__ = ["decoders", "headers", "inspect_boxes", "loudness", "tables"]
_UNFOLDED = 2  # fragments at the front; the last one is shown, too
_SILENT = (b"free", b"skip", b"wide")
_FRAGMENT = (StypBox, SidxBox, MoofBox, MdatBox)


def inspect_boxes(name: str, data: memoryview, init: memoryview | None = None) -> Report:
    """Never raises for what is in the file: `Report.error` names the box and the offset.

    `init` is the init segment of a media segment, where it is known: with it, times are told in seconds.
    """
    tree, error = walk(data)
    scope = scope_of(tree if init is None else walk(init)[0])
    tracks = [
        _summary(trak, scope) for node in tree for trak in node.children if isinstance(trak.box, TrakBox)
    ]
    return Report(
        name,
        len(data),
        _kind(tree),
        [each for track in tracks for each in track] or _lone_fragments(tree, scope),
        _folded(tree, [_part(node, scope) for node in tree]),
        "" if error is None else str(error),
    )


def _part(node: Node, scope: Scope) -> Part:
    inside = scope.inside(node)
    if node.error is not None:
        fields = [peek(node.inside)] if node.inside else []
    elif node.box is None:
        silent = node.children or node.kind in _SILENT or not node.inside
        fields = [] if silent else tag_value(node.kind, node.inside)
    else:
        say = SAYS.get(type(node.box))
        fields = say(node.box, scope) if say is not None else []
    return Part(
        fourcc(node.kind),
        fields,
        [_part(child, inside) for child in node.children],
        node.offset,
        node.size,
        node.error.reason if node.error is not None else "",
    )


def _folded(tree: list[Node], parts: list[Part]) -> list[Part]:
    """The parts of a file, many fragments alike put into one."""
    groups: list[list[int]] = []  # the boxes of each fragment
    current: list[int] = []
    for place, node in enumerate(tree):
        if isinstance(node.box, _FRAGMENT) and node.error is None:
            current.append(place)
            if isinstance(node.box, MdatBox) and any(isinstance(tree[each].box, MoofBox) for each in current):
                groups.append(current)
                current = []
        else:
            current = []
    middle = groups[_UNFOLDED:-1]
    # Only what lies in one piece can be one line.
    if len(middle) < 2 or middle[-1][-1] - middle[0][0] + 1 != sum(map(len, middle)):
        return parts
    first, last = middle[0][0], middle[-1][-1]
    inner = parts[first : last + 1]
    samples = sum(run.sample_count for node in tree[first : last + 1] for run in node.find(TrunBox))
    fold = Part(
        f"… {len(middle):,} more fragments",
        [field("samples", samples)],
        inner,
        inner[0].offset,
        sum(part.size or 0 for part in inner),
        folded=True,
    )
    return [*parts[:first], fold, *parts[last + 1 :]]


def _kind(tree: list[Node]) -> str:
    """What the file is, by its boxes and brands."""
    boxes = [type(node.box) for node in tree]
    brands: set[bytes] = set()
    for node in tree:
        if isinstance(node.box, FtypBox):
            brands |= {node.box.major_brand, *node.box.compatible_brands}
    cmaf = "CMAF " if brands & {b"cmfc", b"cmf2", b"cmfs", b"cmff"} else ""
    if MoovBox not in boxes:
        return f"{cmaf}media segment" if MoofBox in boxes else "ISO BMFF"
    fragmented = any(True for node in tree for _ in node.find(MehdBox)) or any(
        child.kind == b"mvex" for node in tree for child in node.children
    )
    if not fragmented:
        return "QuickTime" if b"qt  " in brands else "MP4"
    return f"{cmaf or 'fragmented MP4 '}track" if MoofBox in boxes else f"{cmaf}init segment"


def _summary(trak: Node, scope: Scope) -> list[Field]:
    """One track in a line: what it holds, how it is heard, how long it lasts, whether it is protected."""
    header = next(trak.find(TkhdBox), None)
    handler, entry = next(trak.find(HdlrBox), None), next(trak.find(AudioSampleEntry), None)
    number = header.track_id if header else 0
    label = f"track {number}"
    if entry is None:
        kinds = [fourcc(child.kind) for child in _entries(trak)]
        return [
            field(label, ", ".join([fourcc(handler.handler_type) if handler else "of no known kind", *kinds]))
        ]
    track = scope.tracks.get(number, scope.track)
    kind = fourcc(next((found.data_format for found in trak.find(FrmaBox)), entry.type))
    told = [_codec(trak, kind), f"{entry.channels} ch"]
    if entry.sample_rate:
        told.append(f"{entry.sample_rate >> 16:,} Hz")
    told += _length(trak, scope, track.timescale, track.unit)
    scheme, tenc = next(trak.find(SchmBox), None), next(trak.find(TencBox), None)
    if scheme is not None and tenc is not None:
        told.append(f"{fourcc(scheme.scheme_type)}, KID {UUID(bytes=tenc.kid)}")
    elif entry.type == b"enca":
        told.append("encrypted")
    return [field(label, ", ".join(told))]


def _entries(trak: Node) -> list[Node]:
    """The nodes below `stsd`, at whatever depth it is."""
    if isinstance(trak.box, StsdBox):
        return trak.children
    return [entry for child in trak.children for entry in _entries(child)]


def _codec(trak: Node, kind: str) -> str:
    """The RFC 6381 string."""
    esds = next(trak.find(EsdsBox), None)
    if esds is not None:
        try:
            return (
                read_aac_format(esds.config).codec
                if esds.object_type == MPEG4_AUDIO
                else f"{kind}.{esds.object_type:02x}"
            )
        except FormatError:
            return f"{kind}.{esds.object_type:02x}"
    return "opus" if kind == "Opus" else kind


def _length(trak: Node, scope: Scope, timescale: int, unit: str) -> list[str]:
    """The programme: the edit list's, else what the sample table holds."""
    edit = next((each for box in trak.find(ElstBox) for each in box.entries if each.media_time >= 0), None)
    told = []
    total = sum(count * ticks for box in trak.find(SttsBox) for count, ticks in box.entries.tolist())
    if edit is not None and edit.segment_duration and scope.movie:
        told.append(f"programme {seconds(edit.segment_duration, scope.movie)}")
    elif total and timescale:
        told.append(seconds(total, timescale))
    if edit is not None and edit.media_time:
        told.append(f"priming {edit.media_time:,} {unit}")
    return told


def _lone_fragments(tree: list[Node], scope: Scope) -> list[Field]:
    """What media segments alone hold."""
    samples = sum(run.sample_count for node in tree for run in node.find(TrunBox))
    return [field("samples", samples)] if samples else []
