"""Strategies for every box, by type: what the property tests and the fuzzer draw from."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy
import pytest

import media.boxes as m

u8, u16, u32, u64 = (st.integers(0, (1 << bits) - 1) for bits in (8, 16, 32, 64))
s16, s32, s64 = (st.integers(-(1 << bits - 1), (1 << bits - 1) - 1) for bits in (16, 32, 64))
u24 = st.integers(0, (1 << 24) - 1)
fourcc = st.binary(min_size=4, max_size=4)
uuid = st.binary(min_size=16, max_size=16)
blob = st.binary(max_size=40)
flags = st.integers(0, 0xFFFFFF)


def rows(columns: int = 1) -> st.SearchStrategy[Any]:
    shape = (-1, columns) if columns > 1 else (-1,)
    return st.lists(st.tuples(*[u32] * columns), max_size=6).map(
        lambda items: numpy.array(items, dtype=">u4").reshape(shape)
    )


@st.composite
def elst(draw: st.DrawFn) -> m.ElstBox:
    version = draw(st.integers(0, 1))
    edit = st.builds(m.Edit, (u32, u64)[version], (s32, s64)[version], s16, s16)
    return m.ElstBox(tuple(draw(st.lists(edit, max_size=4))), version=version, flags=draw(flags))


@st.composite
def wide(draw: st.DrawFn, kind: Any, names: str, narrow: dict[str, Any]) -> Any:
    """A box whose fields `names` are 32 bits wide in version 0 and 64 in version 1."""
    version = draw(st.integers(0, 1))
    values = {name: draw((u32, u64)[version]) for name in names.split()}
    values |= {name: draw(strategy) for name, strategy in narrow.items()}
    return kind(**values, version=version, flags=draw(flags))


@st.composite
def trun(draw: st.DrawFn) -> m.TrunBox:
    count, version = draw(st.integers(0, 5)), draw(st.integers(0, 1))
    column = st.none() | st.lists(u32, min_size=count, max_size=count).map(
        lambda items: numpy.array(items, dtype=">u4")
    )
    signed = st.lists(s32, min_size=count, max_size=count).map(lambda items: numpy.array(items, dtype=">i4"))
    return m.TrunBox(
        count,
        draw(st.none() | s32),
        draw(st.none() | u32),
        draw(column),
        draw(column),
        draw(column),
        draw(st.none() | signed if version else column),
        version=version,
    )


@st.composite
def tenc(draw: st.DrawFn) -> m.TencBox:
    protected, iv_size = draw(st.integers(0, 1)), draw(st.sampled_from((0, 8, 16)))
    constant = draw(st.binary(min_size=8, max_size=16)) if protected and not iv_size else b""
    nibble = st.integers(0, 15)
    return m.TencBox(
        draw(uuid), iv_size, constant, protected, draw(nibble), draw(nibble), version=draw(st.integers(0, 1))
    )


@st.composite
def pssh(draw: st.DrawFn) -> m.PsshBox:
    kids = tuple(draw(st.lists(uuid, max_size=3)))
    return m.PsshBox(1 if kids else draw(st.integers(0, 1)), draw(uuid), kids, draw(blob))


@st.composite
def saio(draw: st.DrawFn) -> m.SaioBox:
    version = draw(st.integers(0, 1))
    values = draw(st.lists((u32, u64)[version], max_size=3))
    typed = draw(st.booleans())
    return m.SaioBox(
        numpy.array(values, dtype=">u8"),
        draw(st.binary(min_size=8, max_size=8)) if typed else b"",
        version=version,
        flags=int(typed),
    )


@st.composite
def saiz(draw: st.DrawFn) -> m.SaizBox:
    default, typed = draw(u8), draw(st.booleans())
    sizes = b"" if default else draw(blob)
    return m.SaizBox(
        default,
        draw(u32) if default else len(sizes),
        sizes,
        draw(st.binary(min_size=8, max_size=8)) if typed else b"",
        flags=int(typed),
    )


@st.composite
def sbgp(draw: st.DrawFn) -> m.SbgpBox:
    version = draw(st.integers(0, 1))
    return m.SbgpBox(draw(fourcc), draw(rows(2)), draw(u32) if version else 0, version=version)


@st.composite
def stsz(draw: st.DrawFn) -> m.StszBox:
    sizes = draw(rows())
    if len(sizes):
        return m.StszBox(0, len(sizes), sizes)
    size = draw(u32)
    return m.StszBox(size, draw(u32) if size else 0, sizes)


@st.composite
def dops(draw: st.DrawFn) -> m.DopsBox:
    channels, family = draw(u8), draw(u8)
    mapping = draw(st.binary(min_size=2 + channels, max_size=2 + channels)) if family else b""
    return m.DopsBox(channels, draw(u16), draw(u32), draw(s16), family, mapping)


@st.composite
def loudness_base(draw: st.DrawFn, kind: Any) -> Any:
    version, nibble, peak, id_ = (
        draw(st.integers(0, 1)),
        st.integers(0, 15),
        st.integers(0, 0xFFF),
        st.integers(0, 63),
    )
    measurements = st.lists(st.builds(m.Measurement, u8, u8, nibble, nibble), max_size=3).map(tuple)
    eq_set = id_ if version else st.just(0)
    each = st.builds(
        m.MeasuredLoudness, measurements, peak, peak, nibble, nibble, st.integers(0, 127), id_, eq_set
    )
    fewest, most = (0, 3) if version else (1, 1)
    return kind(
        tuple(draw(st.lists(each, min_size=fewest, max_size=most))), version=version, flags=draw(flags)
    )


letters = st.lists(st.integers(0x60, 0x7F), min_size=3, max_size=3).map(bytes)
matrix = st.binary(min_size=36, max_size=36)
sgpd_entries = st.lists(blob, max_size=3).map(tuple)
leaves: dict[str, st.SearchStrategy[Any]] = {
    "ftyp": st.builds(m.FtypBox, fourcc, u32, st.lists(fourcc, max_size=4).map(tuple)),
    "styp": st.builds(m.StypBox, fourcc, u32, st.lists(fourcc, max_size=4).map(tuple)),
    "mvhd": wide(
        m.MvhdBox,
        "creation_time modification_time duration",
        {"timescale": u32, "rate": s32, "volume": s16, "matrix": matrix, "next_track_id": u32},
    ),
    "tkhd": wide(
        m.TkhdBox,
        "creation_time modification_time duration",
        {
            "track_id": u32,
            "layer": s16,
            "alternate_group": s16,
            "volume": s16,
            "matrix": matrix,
            "width": u32,
            "height": u32,
        },
    ),
    "elst": elst(),
    "mdhd": wide(
        m.MdhdBox, "creation_time modification_time duration", {"timescale": u32, "language": letters}
    ),
    "hdlr": st.builds(m.HdlrBox, fourcc, blob, flags=flags),
    "smhd": st.builds(m.SmhdBox, s16, flags=flags),
    "url ": st.builds(m.UrlBox, blob, flags=flags),
    "esds": st.builds(m.EsdsBox, st.binary(max_size=300), u8, st.integers(0, 63), u24, u32, u32, u16),
    "frma": st.builds(m.FrmaBox, fourcc),
    "schm": st.builds(m.SchmBox, fourcc, u32, blob, flags=flags),
    "tenc": tenc(),
    "stts": st.builds(m.SttsBox, rows(2), flags=flags),
    "stsc": st.builds(m.StscBox, rows(3), flags=flags),
    "stsz": stsz(),
    "stco": st.builds(m.StcoBox, rows(), flags=flags),
    "sgpd": st.builds(m.SgpdBox, fourcc, sgpd_entries, flags=flags),
    "sbgp": sbgp(),
    "mehd": wide(m.MehdBox, "fragment_duration", {}),
    "trex": st.builds(m.TrexBox, u32, u32, u32, u32, u32, flags=flags),
    "mfhd": st.builds(m.MfhdBox, u32, flags=flags),
    "tfhd": st.builds(
        m.TfhdBox,
        u32,
        st.none() | u64,
        st.none() | u32,
        st.none() | u32,
        st.none() | u32,
        st.none() | u32,
        flags=st.sampled_from((0, 0x10000, 0x20000)),
    ),
    "tfdt": wide(m.TfdtBox, "base_media_decode_time", {}),
    "trun": trun(),
    "senc": st.builds(m.SencBox, u32, blob, flags=flags),
    "saiz": saiz(),
    "saio": saio(),
    "mdat": st.builds(m.MdatBox, blob),
    "sidx": wide(
        m.SidxBox,
        "earliest_presentation_time first_offset",
        {"reference_id": u32, "timescale": u32, "references": rows(3)},
    ),
    "pssh": pssh(),
    "co64": st.builds(
        m.Co64Box, st.lists(u64, max_size=6).map(lambda items: numpy.array(items, dtype=">u8")), flags=flags
    ),
    "dOps": dops(),
    "dfLa": st.builds(
        m.DflaBox,
        st.lists(st.builds(m.MetadataBlock, st.integers(0, 127), blob), max_size=3).map(tuple),
        flags=flags,
    ),
    "btrt": st.builds(m.BtrtBox, u32, u32, u32),
    "tlou": loudness_base(m.TlouBox),
    "alou": loudness_base(m.AlouBox),
}
unknown = st.binary(max_size=20).map(
    lambda body: m.UnknownBox((len(body) + 8).to_bytes(4, "big") + b"zzzz" + body)
)
child = st.one_of(unknown, *leaves.values())
children = st.lists(child, max_size=3).map(tuple)
PLAIN = "moov trak edts mdia minf dinf stbl mvex moof traf sinf schi ludt"
parents: dict[str, st.SearchStrategy[Any]] = {
    name: st.builds(getattr(m, f"{name.capitalize()}Box"), children) for name in PLAIN.split()
}
parents |= {
    "udta": st.builds(
        m.UdtaBox,
        st.lists(unknown | parents["ludt"], max_size=3).map(tuple),
        st.sampled_from((b"", bytes(3), bytes(4))),
    ),
    "stsd": st.builds(m.StsdBox, children, flags=flags),
    "dref": st.builds(m.DrefBox, children, flags=flags),
    "mp4a": st.builds(m.Mp4aBox, u16, u32, children, u16, u16),
    "enca": st.builds(m.EncaBox, u16, u32, children, u16, u16),
    "Opus": st.builds(m.OpusBox, u16, u32, children, u16, u16),
    "fLaC": st.builds(m.FlacBox, u16, u32, children, u16, u16),
    "alac": st.builds(m.AlacBox, u16, u32, st.lists(unknown, max_size=2).map(tuple), u16, u16),
}


@pytest.fixture(scope="session")
def box_strategies() -> dict[str, st.SearchStrategy[Any]]:
    """A strategy for each type of box that `media.boxes` knows."""
    return leaves | parents


@pytest.fixture(scope="session")
def foreign_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Half a second of AAC as libavformat writes it: a plain MP4, a fragmented one, an encrypted one."""
    import av

    options = {
        "plain": {},
        "fragmented": {"movflags": "empty_moov+default_base_moof+dash", "frag_duration": "50000"},
        "encrypted": {
            "encryption_scheme": "cenc-aes-ctr",
            "encryption_key": "00" * 16,
            "encryption_kid": "11" * 16,
        },
    }
    folder = tmp_path_factory.mktemp("foreign")
    noise = numpy.random.default_rng(1).integers(-9000, 9000, (1, 44100), dtype=numpy.int16)
    files = {}
    for name, chosen in options.items():
        path = folder / f"{name}.mp4"
        with av.open(str(path), "w", options=chosen) as container:
            stream = container.add_stream("aac", rate=44100, layout="stereo")
            frame = av.AudioFrame.from_ndarray(noise, format="s16", layout="stereo")
            frame.sample_rate = 44100
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        files[name] = path.read_bytes()
    return files
