"""The ciphers against published vectors and against the plainest reading of the standard, one sample at a time."""

from __future__ import annotations

import numpy
import pytest
from Crypto.Cipher import AES
from hypothesis import given
from hypothesis import strategies as st

from drm import aes128, cbcs, cenc
from media.access_units import Sizes
from media.errors import FormatError

KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
IV = bytes(range(16))

# NIST SP 800-38A, F.2.1 CBC-AES128.Encrypt
PLAIN = bytes.fromhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
CBC = bytes.fromhex(
    "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
    "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7"
)

keys = st.binary(min_size=16, max_size=16)
samples = st.lists(
    st.one_of(
        st.binary(max_size=70),
        st.sampled_from([0, 1, 15, 16, 17, 31, 32, 33]).map(bytes),
    ),
    max_size=30,
)


def joined(units: list[bytes]) -> tuple[bytes, Sizes]:
    return b"".join(units), numpy.array([len(unit) for unit in units], dtype=numpy.int64)


def slow_cenc(units: list[bytes], key: bytes, first_iv: int) -> bytes:
    return b"".join(
        AES.new(key, AES.MODE_CTR, nonce=(first_iv + i).to_bytes(8, "big"), initial_value=0).encrypt(unit)
        for i, unit in enumerate(units)
    )


def slow_cbcs(units: list[bytes], key: bytes, iv: bytes) -> bytes:
    protected = []
    for unit in units:
        whole = len(unit) - len(unit) % 16
        protected += [AES.new(key, AES.MODE_CBC, iv=iv).encrypt(unit[:whole]), unit[whole:]]
    return b"".join(protected)


@given(samples, keys, st.integers(0, 2**64 - 31))
def test_cenc_is_counter_mode_of_each_sample(units: list[bytes], key: bytes, first_iv: int) -> None:
    data, sizes = joined(units)
    protected, ivs = cenc.encrypt(data, sizes, key=key, first_iv=first_iv)
    assert protected == slow_cenc(units, key, first_iv)
    assert ivs == b"".join((first_iv + i).to_bytes(8, "big") for i in range(len(units)))
    assert cenc.decrypt(protected, sizes, key=key, ivs=ivs) == data


@given(samples, keys, keys)
def test_cbcs_is_a_chain_of_the_whole_blocks_of_each_sample(
    units: list[bytes], key: bytes, iv: bytes
) -> None:
    data, sizes = joined(units)
    protected = cbcs.encrypt(data, sizes, key=key, iv=iv)
    assert protected == slow_cbcs(units, key, iv)
    assert cbcs.decrypt(protected, sizes, key=key, iv=iv) == data


def test_cbcs_published_vector() -> None:
    # The same four blocks as two samples: the second starts again from the IV, its ragged end stays clear.
    data, sizes = joined([PLAIN, PLAIN[:32] + b"clear"])
    assert cbcs.encrypt(data, sizes, key=KEY, iv=IV) == CBC + CBC[:32] + b"clear"


def test_cenc_published_vector() -> None:
    # RFC 3686 §6, test vector 1: its counter block is our IV 00000030 00000000 at block number 1.
    key = bytes.fromhex("ae6852f8121067cc4bf7a5765577f39e")
    data, sizes = joined([bytes(16) + b"Single block msg"])
    protected, _ = cenc.encrypt(data, sizes, key=key, first_iv=0x30_0000_0000)
    assert protected[16:].hex() == "e4095d4fb7a7b3792d6175a3261311b8"


def test_a_song_of_real_shape_matches_the_slow_way() -> None:
    random = numpy.random.default_rng(1)
    sizes = random.integers(20, 1200, 300)
    data = random.bytes(int(sizes.sum()))
    ends = numpy.cumsum(sizes)
    units = [data[end - size : end] for size, end in zip(sizes, ends, strict=True)]
    assert cbcs.encrypt(memoryview(data), sizes, key=KEY, iv=IV) == slow_cbcs(units, KEY, IV)
    protected, _ = cenc.encrypt(memoryview(data), sizes, key=KEY, first_iv=7)
    assert protected == slow_cenc(units, KEY, 7)


@pytest.mark.parametrize(
    ("sizes", "key", "iv"),
    [([4], KEY, IV), ([-1, 6], KEY, IV), ([5], KEY[:8], IV), ([5], KEY, IV[:8])],
)
def test_what_does_not_fit_is_refused(sizes: list[int], key: bytes, iv: bytes) -> None:
    with pytest.raises(ValueError, match=r"sizes|bytes"):
        cbcs.encrypt(b"12345", numpy.array(sizes), key=key, iv=iv)
    with pytest.raises(ValueError, match=r"sizes|bytes"):
        cbcs.decrypt(b"12345", numpy.array(sizes), key=key, iv=iv)


def test_cenc_refuses_ivs_that_do_not_fit() -> None:
    five = numpy.array([5])
    with pytest.raises(ValueError, match="64 bits"):
        cenc.encrypt(b"12345", five, key=KEY, first_iv=2**64)
    with pytest.raises(ValueError, match="8 bytes of IVs"):
        cenc.decrypt(b"12345", five, key=KEY, ivs=b"short")


@given(st.binary(max_size=100), keys, keys)
def test_aes128_is_cbc_with_padding(segment: bytes, key: bytes, iv: bytes) -> None:
    protected = aes128.encrypt(segment, key=key, iv=iv)
    padding = 16 - len(segment) % 16
    assert AES.new(key, AES.MODE_CBC, iv=iv).decrypt(protected) == segment + bytes([padding]) * padding
    assert aes128.decrypt(protected, key=key, iv=iv) == segment


def test_aes128_published_vector() -> None:
    assert aes128.encrypt(PLAIN, key=KEY, iv=IV)[:64] == CBC


@pytest.mark.parametrize("damaged", [b"", b"x" * 15, CBC])
def test_aes128_refuses_what_no_encryption_leaves(damaged: bytes) -> None:
    with pytest.raises(FormatError, match="AES-128 segment"):
        aes128.decrypt(damaged, key=KEY, iv=IV)


def test_cenc_of_thousands_of_samples_which_it_takes_some_at_a_time() -> None:
    random = numpy.random.default_rng(1)
    sizes = random.integers(0, 50, 5000)
    data = random.bytes(int(sizes.sum()))
    ends = numpy.cumsum(sizes).tolist()
    units = [data[end - size : end] for end, size in zip(ends, sizes.tolist(), strict=True)]
    protected, _ = cenc.encrypt(data, sizes, key=KEY, first_iv=9)
    assert protected == slow_cenc(units, KEY, 9)
