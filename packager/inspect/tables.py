"""The fields of sample tables and fragments (ISO/IEC 14496-12 §8.6 to §8.9, §8.16; ISO/IEC 23001-7 §7)."""

from __future__ import annotations

from media.boxes import (
    Co64Box,
    MdatBox,
    MfhdBox,
    SaioBox,
    SaizBox,
    SbgpBox,
    SencBox,
    SgpdBox,
    SidxBox,
    StcoBox,
    StscBox,
    StszBox,
    SttsBox,
    TfdtBox,
    TfhdBox,
    TrunBox,
)
from media.boxes.reader import Array
from packager.inspect.scope import Scope, says
from packager.inspect.values import Field, duration, field, fourcc, peek, rows, seconds

_NO_GROUP, _OF_THE_FRAGMENT = 0, 0x10000


@says(SttsBox)
def _durations(box: SttsBox, scope: Scope) -> list[Field]:
    entries = box.entries.tolist()
    if not entries:
        return [rows("entries", entries)]
    total = sum(count * ticks for count, ticks in entries)
    return [
        field("samples", sum(count for count, _ in entries)),
        duration("total_duration", total, scope.track.timescale, unit=scope.track.unit),
        rows("entries", entries, [f"{count:,} × {ticks:,}" for count, ticks in entries]),
    ]


@says(StscBox)
def _chunks(box: StscBox, scope: Scope) -> list[Field]:
    entries = box.entries.tolist()
    return [
        rows("entries", entries, [f"from chunk {first:,}: {count:,} each" for first, count, _ in entries])
    ]


@says(StszBox)
def _sizes(box: StszBox, scope: Scope) -> list[Field]:
    count = field("sample_count", box.sample_count)
    if box.sample_size:
        return [count, field("sample_size", box.sample_size), _total(box.sample_size * box.sample_count)]
    return [count, *_size_fields(box.sizes)]


def _size_fields(sizes: Array) -> list[Field]:
    """Sizes of samples: their sum and range, and all of them for machines."""
    if not len(sizes):
        return []
    text = f"{int(sizes.min()):,} to {int(sizes.max()):,} bytes"
    return [_total(int(sizes.sum())), field("sizes", sizes.tolist(), text)]


def _total(size: int) -> Field:
    return field("total_size", size, f"{size:,} bytes")


@says(StcoBox, Co64Box)
def _offsets(box: StcoBox | Co64Box, scope: Scope) -> list[Field]:
    return [rows("chunk_offsets", box.offsets.tolist(), [f"{offset:,}" for offset in box.offsets.tolist()])]


@says(SgpdBox)
def _groups(box: SgpdBox, scope: Scope) -> list[Field]:
    if box.grouping_type in (b"roll", b"prol") and all(len(entry) == 2 for entry in box.entries):
        distances = [int.from_bytes(entry, "big", signed=True) for entry in box.entries]
        entries = rows("roll_distance", distances)
    else:
        entries = rows("entries", [entry.hex() for entry in box.entries])
    return [field("grouping_type", fourcc(box.grouping_type)), entries]


@says(SbgpBox)
def _members(box: SbgpBox, scope: Scope) -> list[Field]:
    texts = []
    for count, index in box.entries.tolist():
        if index == _NO_GROUP:
            group = "no group"
        elif index > _OF_THE_FRAGMENT:
            group = f"group {index - _OF_THE_FRAGMENT} of this fragment"
        else:
            group = f"group {index}"
        texts.append(f"{count:,} samples: {group}")
    return [field("grouping_type", fourcc(box.grouping_type)), rows("entries", box.entries.tolist(), texts)]


@says(MfhdBox)
def _fragment(box: MfhdBox, scope: Scope) -> list[Field]:
    return [field("sequence_number", box.sequence_number)]


@says(TfhdBox)
def _track_fragment(box: TfhdBox, scope: Scope) -> list[Field]:
    track = scope.track
    fields = [field("track_ID", box.track_id)]
    if box.flags & TfhdBox.DEFAULT_BASE_IS_MOOF:
        fields.append(field("default_base_is_moof", True, "yes"))
    if box.base_data_offset is not None:
        fields.append(field("base_data_offset", box.base_data_offset))
    if box.sample_duration is not None:
        fields.append(
            duration("default_sample_duration", box.sample_duration, track.timescale, unit=track.unit)
        )
    if box.sample_size is not None:
        fields.append(field("default_sample_size", box.sample_size, f"{box.sample_size:,} bytes"))
    if box.sample_flags is not None:
        fields.append(field("default_sample_flags", box.sample_flags, f"0x{box.sample_flags:08x}"))
    return fields


@says(TfdtBox)
def _decode_time(box: TfdtBox, scope: Scope) -> list[Field]:
    track = scope.track
    return [duration("baseMediaDecodeTime", box.base_media_decode_time, track.timescale, unit=track.unit)]


@says(TrunBox)
def _run(box: TrunBox, scope: Scope) -> list[Field]:
    track = scope.track
    own = box.durations
    total = int(own.sum()) if own is not None else track.default_duration * box.sample_count
    fields = [field("sample_count", box.sample_count)]
    if total:
        fields.append(duration("total_duration", total, track.timescale, unit=track.unit))
    if own is not None and len(own):
        least, most = int(own.min()), int(own.max())
        text = f"{least:,}" if least == most else f"{least:,} to {most:,}"
        fields.append(field("sample_durations", own.tolist(), f"{text} {track.unit}"))
    if box.data_offset is not None:
        fields.append(field("data_offset", box.data_offset))
    if box.first_sample_flags is not None:
        fields.append(field("first_sample_flags", box.first_sample_flags, f"0x{box.first_sample_flags:08x}"))
    if box.sizes is not None:
        fields += _size_fields(box.sizes)
    elif track.default_size:
        fields.append(_total(track.default_size * box.sample_count))
    return fields


@says(SencBox)
def _ivs(box: SencBox, scope: Scope) -> list[Field]:
    """The size of an IV stands in `tenc`; of a lone segment without subsamples it follows from the count."""
    size = scope.track.iv_size
    if size is None and box.sample_count and not box.flags & SencBox.SUBSAMPLES:
        size = len(box.data) // box.sample_count
    fields = [field("sample_count", box.sample_count)]
    if box.flags & SencBox.SUBSAMPLES:
        return [*fields, field("subsamples", True, "yes"), peek(box.data)]
    if size and len(box.data) == size * box.sample_count:
        ivs = [box.data[start : start + size].hex() for start in range(0, len(box.data), size)]
        text = ivs[0] if len(ivs) == 1 else f"{ivs[0]} … {ivs[-1]}"
        return [*fields, field("InitializationVector", ivs, text)]
    return [*fields, peek(box.data)]


@says(SaizBox)
def _auxiliary_sizes(box: SaizBox, scope: Scope) -> list[Field]:
    text = f"{box.default_size} bytes" if box.default_size else "differ"
    return [
        field("sample_count", box.sample_count),
        field("default_sample_info_size", box.default_size, text),
    ]


@says(SaioBox)
def _auxiliary_offsets(box: SaioBox, scope: Scope) -> list[Field]:
    return [rows("offsets", box.offsets.tolist())]


@says(SidxBox)
def _index(box: SidxBox, scope: Scope) -> list[Field]:
    texts, values = [], []
    for first, length, sap in box.references.tolist():
        size, leaf = first & 0x7FFFFFFF, not first >> 31
        values.append({"referenced_size": size, "subsegment_duration": length, "starts_with_SAP": sap >> 31})
        time = seconds(length, box.timescale) if box.timescale else f"{length:,} ticks"
        texts.append(f"{size:,} bytes {time}" + ("" if leaf else " (sidx)"))
    return [
        field("reference_ID", box.reference_id),
        field("timescale", box.timescale),
        duration("earliest_presentation_time", box.earliest_presentation_time, box.timescale),
        field("first_offset", box.first_offset),
        duration("total_duration", sum(value["subsegment_duration"] for value in values), box.timescale),
        rows("references", values, texts),
    ]


@says(MdatBox)
def _data(box: MdatBox, scope: Scope) -> list[Field]:
    return [peek(box.data)] if len(box.data) else []
