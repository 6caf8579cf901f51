"""Loudness in an MP4.

No reader of `ludt` by another hand could be had for the tests (neither FFmpeg nor MediaInfo 23.04 looks into it): the bytes are
worked out here by hand, from the syntax in ISO/IEC 14496-12 §12.2.7.2 and the codes of ISO/IEC 23003-4. The first of them are also
what minifmp4, a writer by another hand, makes of -23 LUFS and -1 dBTP.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import av
import pytest

from media.access_units import Encoded
from media.boxes import (
    LudtBox,
    MeasuredLoudness,
    Measurement,
    MoovBox,
    TkhdBox,
    TlouBox,
    TrakBox,
    UdtaBox,
    parse,
)
from media.presentation import Loudness
from packager.inspect.inspection import report
from packager.loudness_box import level, loudness_box, loudness_range, peak


def written(*loudness: float | None) -> str:
    box = loudness_box(Loudness(*loudness))
    return "none" if box is None else box.to_bytes().hex()


def by_hand(body: str) -> str:
    """`ludt` and, in it, `tlou` of version 0."""
    body = body.replace(" ", "")
    size = len(body) // 2 + 12
    return f"{size + 8:08x}6c756474{size:08x}746c6f7500000000{body}"


@pytest.mark.parametrize(
    ("loudness", "body"),
    [
        # 3 bits reserved, 7 downmix, 6 DRC set; 12 sample peak, 12 true peak, 4 system, 4 reliability; count
        # -1 dBTP is (20 + 1) · 32 = 672 = 0x2a0; -23 LUFS is (57.75 - 23) · 4 = 139 = 0x8b; 1 EBU R 128, 3 measured
        ((-23.0, None, -1.0), "0000 000 2a0 1 3 01  01 8b 1 3"),
        ((-14.1, 6.3, 0.3), "0000 000 276 1 3 02  01 af 1 3  06 19 1 3"),
        ((-14.1, None, None), "0000 000 000 0 0 01  01 af 1 3"),
        ((None, None, -0.02), "0000 000 281 1 3 00"),
        ((None, 40.0, None), "0000 000 000 0 0 01  06 90 1 3"),  # from 32 LU on in halves
        ((None, 100.0, None), "0000 000 000 0 0 01  06 ea 1 3"),  # from 70 LU on in whole ones
    ],
)
def test_the_bytes_are_those_of_the_standard(loudness: Any, body: str) -> None:
    assert written(*loudness) == by_hand(body)


@pytest.mark.parametrize(
    "loudness", [(None, None, None), (-70.0, None, None), (9.0, -1.0, 20.0), (None, 200.0, -150.0)]
)
def test_what_no_code_can_say_is_left_out(loudness: Any) -> None:
    assert written(*loudness) == "none"


def test_codes_go_back_and_forth() -> None:
    for code in range(256):
        box = loudness_box(Loudness(level(code), loudness_range(code), None))
        assert box is not None
        assert [each.value for each in box.get(TlouBox).loudnesses[0].measurements] == [code, code]
    for code in range(1, 4096):
        box = loudness_box(Loudness(None, None, peak(code)))
        assert box is not None
        assert box.get(TlouBox).loudnesses[0].true_peak == code
    assert peak(0) is None


def test_version_1_holds_several() -> None:
    raw = bytes.fromhex(
        "00000020 616c6f75 01000000 02 07 0142 abc def 2 1 00 00 0000 000 000 0 0 01 0801 00".replace(" ", "")
    )
    (box,) = parse(raw)
    assert box.to_bytes() == raw
    first, second = box.loudnesses  # type: ignore[attr-defined]
    assert first == MeasuredLoudness((), 0xABC, 0xDEF, 2, 1, downmix_id=5, drc_set_id=2, eq_set_id=7)
    assert second == MeasuredLoudness((Measurement(8, 1, 0, 0),))


def test_a_box_says_no_more_than_fits() -> None:
    one = MeasuredLoudness(())
    for loudnesses, version in (((), 0), ((one, one), 0), ((one,) * 64, 1)):
        with pytest.raises(ValueError, match="loudness"):
            TlouBox(loudnesses, version=version)
    with pytest.raises(ValueError, match="measurements"):
        TlouBox((MeasuredLoudness((Measurement(1, 1, 1, 1),) * 256),))


def test_players_play_on_and_inspect_shows_it(encoded: tuple[Encoded, ...], pack: Callable[..., Any]) -> None:
    packed = pack(encoded[1:2])
    rendition = packed.presentation.renditions[0]
    loudness = loudness_box(Loudness(-14.1, 6.3, -1.0))
    assert loudness is not None
    boxes: list[Any] = parse(packed.bodies[rendition.init])
    (place,) = [at for at, box in enumerate(boxes) if isinstance(box, MoovBox)]
    children = [
        TrakBox((*child.children, UdtaBox((loudness,)))) if isinstance(child, TrakBox) else child
        for child in boxes[place].children
    ]
    boxes[place] = MoovBox(tuple(children))
    init = b"".join(box.to_bytes() for box in boxes)
    (trak,) = [child for child in children if isinstance(child, TrakBox)]
    assert trak.get(UdtaBox).get(LudtBox) == loudness
    assert trak.get(TkhdBox).track_id == 1
    segments = b"".join(packed.bodies[segment.path] for segment in rendition.segments)
    sounds = []
    for head in (init, packed.bodies[rendition.init]):
        with av.open(io.BytesIO(head + segments)) as container:
            sounds.append([frame.to_ndarray().tobytes() for frame in container.decode(audio=0)])
    assert sounds[0] == sounds[1]

    def found(parts: Any, name: str) -> Any:
        return [part for each in parts for part in ([each] if each.name == name else found(each.parts, name))]

    (part,) = found(report("init.mp4", memoryview(init)).parts, "tlou")
    assert [f"{each.name} {each.text}" for each in part.fields] == [
        "program_loudness -14.00 LUFS (EBU R 128, measured)",
        "loudness_range 6.25 LU (EBU R 128, measured)",
        "true_peak -1.00 dBTP (EBU R 128, measured)",
    ]
