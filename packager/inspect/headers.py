"""The fields of the boxes that describe a movie and its tracks (ISO/IEC 14496-12 §4.3, §8.2 to §8.6)."""

from __future__ import annotations

from media.boxes import (
    ElstBox,
    FrmaBox,
    FtypBox,
    HdlrBox,
    MdhdBox,
    MehdBox,
    MvhdBox,
    PsshBox,
    SchmBox,
    SmhdBox,
    StypBox,
    TencBox,
    TkhdBox,
    TrexBox,
    UrlBox,
)
from packager.inspect.scope import Scope, says
from packager.inspect.values import Field, clock, duration, field, fourcc, kid, peek, rows, seconds

# DASH-IF content protection identifiers
SYSTEMS = {
    "1077efec-c0b2-4d02-ace3-3c1e52e2fb4b": "common",
    "e2719d58-a985-b3c9-781a-b030af78d30e": "ClearKey",
    "edef8ba9-79d6-4ace-a3c8-27dcd51d21ed": "Widevine",
    "9a04f079-9840-4286-ab92-e65be0885f95": "PlayReady",
    "94ce86fb-07ff-4f43-adb8-93d2fa968ca2": "FairPlay",
    "5e629af5-38da-4063-8977-97ffbd9902d4": "Marlin",
}
_BRANDS = 32  # shown; a file has about ten, unless its first size is wrong and all of it is brands
_TRACK_FLAGS = ((1, "enabled"), (2, "in movie"), (4, "in preview"))


@says(FtypBox, StypBox)
def _brands(box: FtypBox, scope: Scope) -> list[Field]:
    brands = [fourcc(brand) for brand in box.compatible_brands]
    return [
        field("major_brand", fourcc(box.major_brand)),
        field("minor_version", box.minor_version),
        field(
            "compatible_brands",
            brands,
            " ".join(brands[:_BRANDS]) + (f" … {len(brands) - _BRANDS:,} more" if brands[_BRANDS:] else "")
            or "none",
        ),
    ]


@says(MvhdBox)
def _movie(box: MvhdBox, scope: Scope) -> list[Field]:
    return [
        field("timescale", box.timescale),
        duration("duration", box.duration, box.timescale),
        field("next_track_ID", box.next_track_id),
        *clock("creation_time", box.creation_time),
        *clock("modification_time", box.modification_time),
    ]


@says(TkhdBox)
def _track(box: TkhdBox, scope: Scope) -> list[Field]:
    flags = [name for bit, name in _TRACK_FLAGS if box.flags & bit]
    size = [
        field(name, value / 65536, f"{value / 65536:g}")
        for name, value in (("width", box.width), ("height", box.height))
        if value
    ]
    return [
        field("track_ID", box.track_id),
        duration("duration", box.duration, scope.movie),
        field("flags", flags, ", ".join(flags) or "disabled"),
        *([field("alternate_group", box.alternate_group)] if box.alternate_group else []),
        *size,
        *clock("creation_time", box.creation_time),
    ]


@says(MdhdBox)
def _media(box: MdhdBox, scope: Scope) -> list[Field]:
    return [
        field("timescale", box.timescale),
        duration("duration", box.duration, box.timescale, unit=scope.track.unit),
        field("language", fourcc(box.language)),
        *clock("creation_time", box.creation_time),
    ]


@says(ElstBox)
def _edits(box: ElstBox, scope: Scope) -> list[Field]:
    track, texts = scope.track, []
    for edit in box.entries:
        begins = "nothing" if edit.media_time == -1 else f"from {edit.media_time:,} {track.unit}"
        if track.timescale and edit.media_time > 0:
            begins += f" ({seconds(edit.media_time, track.timescale)})"
        length = (
            duration("", edit.segment_duration, scope.movie).text if edit.segment_duration else "the rest"
        )
        speed = "" if edit[2:] == (1, 0) else f" at rate {edit.rate}.{edit.rate_fraction}"
        texts.append(f"{begins}, {length}{speed}")
    return [rows("entries", [edit._asdict() for edit in box.entries], texts)]


@says(HdlrBox)
def _handler(box: HdlrBox, scope: Scope) -> list[Field]:
    name = box.name.decode("utf-8", "replace")
    return [field("handler_type", fourcc(box.handler_type)), field("name", name, f"“{name}”")]


@says(SmhdBox)
def _sound(box: SmhdBox, scope: Scope) -> list[Field]:
    return [field("balance", box.balance / 256, f"{box.balance / 256:g}")]


@says(UrlBox)
def _url(box: UrlBox, scope: Scope) -> list[Field]:
    location = box.location.rstrip(b"\0").decode("utf-8", "replace")
    return [field("location", location, location or ("this file" if box.flags & 1 else "none"))]


@says(MehdBox)
def _extends(box: MehdBox, scope: Scope) -> list[Field]:
    return [duration("fragment_duration", box.fragment_duration, scope.movie)]


@says(TrexBox)
def _defaults(box: TrexBox, scope: Scope) -> list[Field]:
    track = scope.tracks.get(box.track_id, scope.track)
    return [
        field("track_ID", box.track_id),
        duration("default_sample_duration", box.sample_duration, track.timescale, unit=track.unit),
        field("default_sample_size", box.sample_size),
        field("default_sample_flags", box.sample_flags, f"0x{box.sample_flags:08x}"),
    ]


@says(FrmaBox)
def _format(box: FrmaBox, scope: Scope) -> list[Field]:
    return [field("data_format", fourcc(box.data_format))]


@says(SchmBox)
def _scheme(box: SchmBox, scope: Scope) -> list[Field]:
    version = f"{box.scheme_version >> 16}.{box.scheme_version & 0xFFFF}"
    return [field("scheme_type", fourcc(box.scheme_type)), field("scheme_version", version)]


@says(TencBox)
def _encryption(box: TencBox, scope: Scope) -> list[Field]:
    pattern = f"{box.crypt_blocks}:{box.skip_blocks}"
    return [
        field("default_isProtected", box.protected),
        kid("default_KID", box.kid),
        field("default_Per_Sample_IV_Size", box.iv_size, f"{box.iv_size} bytes"),
        *([field("default_constant_IV", box.constant_iv)] if box.constant_iv else []),
        *([field("pattern", pattern, f"{pattern} (crypt:skip, 16-byte blocks)")] if box.version else []),
    ]


@says(PsshBox)
def _system(box: PsshBox, scope: Scope) -> list[Field]:
    system = kid("SystemID", box.system_id)
    kids = [kid("", each).text for each in box.kids]
    return [
        field("SystemID", system.value, f"{system.text} ({SYSTEMS.get(system.text, 'not known')})"),
        *([rows("KID", kids)] if kids else []),
        field("data_size", len(box.data), f"{len(box.data):,} bytes"),
        *([peek(box.data)] if box.data else []),
    ]
