"""Files by another hand (libavformat): read whole, and nothing but what the standard reserves is lost."""

from __future__ import annotations

from collections.abc import Iterable

import numpy
import pytest

from media.boxes import (
    Box,
    EsdsBox,
    FtypBox,
    HdlrBox,
    MoofBox,
    MoovBox,
    MvhdBox,
    SencBox,
    StszBox,
    TrunBox,
    UnknownBox,
    parse,
)


def walk(boxes: Iterable[Box]) -> Iterable[Box]:
    for box in boxes:
        yield box
        yield from walk(getattr(box, "children", ()))


@pytest.mark.parametrize("name", ["plain", "fragmented", "encrypted"])
def test_a_foreign_file_is_written_again_as_it_was(name: str, foreign_files: dict[str, bytes]) -> None:
    raw = foreign_files[name]
    boxes = parse(raw)
    assert isinstance(boxes[0], FtypBox)
    for box in boxes:
        again = parse(box.to_bytes())
        assert again == [box]
        if not isinstance(box, MoovBox):  # its esds has lengths in four groups, ours in one
            assert box.to_bytes() in raw
    kinds = {type(box) for box in walk(boxes)}
    assert {MvhdBox, HdlrBox, EsdsBox} <= kinds
    assert {box.type for box in walk(boxes) if isinstance(box, UnknownBox)} <= {b"meta", b"free", b"mfra"}


def test_tables_are_those_of_the_file(foreign_files: dict[str, bytes]) -> None:
    plain = [box for box in walk(parse(foreign_files["plain"])) if isinstance(box, StszBox)]
    assert plain[0].sample_count == len(plain[0].sizes) > 20
    fragments = [box for box in parse(foreign_files["fragmented"]) if isinstance(box, MoofBox)]
    runs = [box for box in walk(fragments) if isinstance(box, TrunBox)]
    assert len(fragments) == len(runs) > 5
    sizes = numpy.concatenate([run.sizes for run in runs if run.sizes is not None])
    assert sizes.sum() <= len(foreign_files["fragmented"])
    (senc,) = [box for box in walk(parse(foreign_files["encrypted"])) if isinstance(box, SencBox)]
    assert len(senc.ivs(8)) == 8 * senc.sample_count
