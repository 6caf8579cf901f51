"""No two renditions share an IV: what counter mode's secrecy rests on."""

from __future__ import annotations

from uuid import UUID

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drm import cenc, ivs

KID = UUID("00112233-4455-4677-8899-aabbccddeeff")
NAMES = ["low", "normal", "high", "very_high"]
CONTENTS = bytes(32)


def test_four_renditions_of_a_song_use_every_iv_once() -> None:
    sizes = numpy.full(13_700, 3)
    used: list[bytes] = []
    for number, name in enumerate(NAMES):
        first = ivs.first_iv(KID, name, bytes([number]) * 32)
        _, column = cenc.encrypt(bytes(3 * 13_700), sizes, key=bytes(16), first_iv=first)
        used += [column[at : at + 8] for at in range(0, len(column), 8)]
    assert len(set(used)) == 4 * 13_700


def test_the_first_iv_follows_from_key_name_and_contents_and_nothing_else() -> None:
    kids, contents = [KID, UUID(int=KID.int ^ 1)], [CONTENTS, bytes(31) + b"\1"]
    made = {ivs.first_iv(kid, name, each) for kid in kids for name in NAMES for each in contents}
    assert len(made) == 16
    # Spelled out: a published presentation must come out the same in every later release.
    assert f"{ivs.first_iv(KID, 'normal', CONTENTS):016x}" == "3cfd2a36ba8de826"


@given(st.binary(min_size=32, max_size=32))
def test_counting_up_never_wraps(contents: bytes) -> None:
    assert ivs.first_iv(KID, "low", contents) + 2**48 <= 2**64


def test_constant_ivs_differ_by_rendition_and_key_and_stay_the_same() -> None:
    kids = [KID, UUID(int=KID.int ^ 1)]
    made = {ivs.constant_iv(kid, name) for kid in kids for name in NAMES}
    assert len(made) == 8
    assert {len(iv) for iv in made} == {16}
    # Spelled out: a published presentation must come out the same in every later release.
    assert ivs.constant_iv(KID, "normal").hex() == "da14b9e1124bd6d662b052946051a2b1"


def test_a_named_iv_is_the_first_renditions_and_the_others_count_on() -> None:
    assert ivs.counted(bytes(16), 0) == bytes(16)
    assert ivs.counted(bytes.fromhex("ff" * 16), 1) == bytes(16)
    assert ivs.counted(bytes.fromhex("0000000000000007"), 2).hex() == "0002000000000007"


def test_ranges_that_meet_are_refused() -> None:
    ivs.check_apart([(100, 10), (90, 10), (110, 1), (100, 10)])
    with pytest.raises(ValueError, match="from 000000000000006e on meet"):
        ivs.check_apart([(110, 5), (100, 11)])
