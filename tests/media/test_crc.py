"""The three checks: the catalogue's check values, and all at once as one by one."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.crc import CRC8, CRC16, CRC32, Crc

# "CRC-8/SMBUS", "CRC-16/UMTS" and the Ogg polynomial without inversion, as catalogues of CRC algorithms list them.
CHECKS = [(CRC8, 0xF4), (CRC16, 0xFEE8), (CRC32, 0x89A1897F)]


@pytest.mark.parametrize(("crc", "expected"), CHECKS)
def test_the_check_values(crc: Crc, expected: int) -> None:
    assert crc(b"123456789") == expected
    assert crc(b"123456789" + expected.to_bytes(crc.width // 8, "big")) == 0


@given(st.lists(st.binary(max_size=20), max_size=120), st.sampled_from(CHECKS))
def test_many_at_once_are_each_as_alone(runs: list[bytes], check: tuple[Crc, int]) -> None:
    crc = check[0]
    sizes = numpy.array([len(run) for run in runs], dtype=numpy.int64)
    data = numpy.frombuffer(b"".join(runs), dtype=numpy.uint8)
    assert crc.each(data, numpy.cumsum(sizes) - sizes, sizes).tolist() == [crc(run) for run in runs]
