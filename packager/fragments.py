"""CMAF segments of one fragment each: ``styp``, ``moof``, ``mdat`` (ISO/IEC 23000-19 §7.3.2.3), written and read.

A segment's payload is a slice of the rendition's buffer, encrypted or not, and its sample sizes are one column of
``trun``: nothing here loops over samples.

**Times.** ``tfdt`` counts from the first unit, priming included; the edit list of the header takes the priming off. Every
unit lasts as many samples as a decoder makes of it: AAC's full 1024, the last one too, because a shortened last duration
makes a hole when the next song is appended; FLAC's last block may be a short one, and told as long as the others it cost samples of
the song in a join. Where the song ends is told by the edit list and by the manifests.

**Encryption.** ``cenc`` carries one 8-byte IV a sample in ``senc``, with ``saiz`` and ``saio`` pointing there. ``cbcs``
with a constant IV and whole samples has nothing to say about single samples and carries none of the three
(ISO/IEC 23001-7 §7.1); browsers, ffmpeg and shaka-player are content with that. HLS ``AES-128`` encrypts the finished
segment: decrypt it with `drm.aes128` before reading it here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy

from drm import cbcs, cenc
from media.access_units import AccessUnits, Sizes
from media.boxes import (
    Box,
    MfhdBox,
    MoofBox,
    SaioBox,
    SaizBox,
    SbgpBox,
    SencBox,
    StypBox,
    TfdtBox,
    TfhdBox,
    TrafBox,
    TrunBox,
    parse,
    places,
)
from media.boxes.base import header
from media.boxes.locate import placing
from media.boxes.reader import Array
from media.errors import BoxError, KeyMissing
from packager.sample_entry import CENC_IV_SIZE
from packager.track import INDEPENDENT, TRACK_ID, Init, read_init

__all__ = ["Init", "Units", "read_init", "read_segment", "write_segment"]

# ISO/IEC 23000-19 §7.3.3 names segments and fragments; ISO/IEC 23009-1 §6.3.4.2 asks for msdh.
_STYP = StypBox(b"cmfs", 0, (b"cmfs", b"cmff", b"msdh")).to_bytes()
_MDAT_HEADER = 8  # bytes


@dataclass(frozen=True, slots=True)
class Units:
    """What a segment holds, in the clear; `base_media_decode_time` in ticks, priming included."""

    units: AccessUnits
    base_media_decode_time: int
    sequence_number: int


def write_segment(
    number: int,
    payload: memoryview,
    sizes: Sizes,
    *,
    base_media_decode_time: int,
    samples_per_unit: int,
    ivs: bytes = b"",
    rolls: bool = True,
    addressable: bool = True,
    last_duration: int = 0,
) -> bytes:
    """Segment `number` (from 1) of samples that lie end to end in `payload`; `ivs` are 8 bytes for each, or none.

    `rolls` where the header has a roll group, which all samples then belong to. One that is `addressable` by itself begins
    with ``styp``; as a byte range of a track file it is a fragment and no more (ISO/IEC 23000-19 §7.3.2.3, §7.3.3.1).
    `last_duration` is that of the last unit in samples, 0 when it is as long as the others.
    """
    fragment = _Fragment(number, sizes, base_media_decode_time, samples_per_unit, ivs, rolls, last_duration)
    # Where trun and saio point, both counted from the first byte of moof, is known once moof has its size.
    size = _moof_size(len(sizes), bool(ivs), rolls, bool(last_duration))
    columns = 2 if last_duration else 1
    run_size = 20 + 4 * columns * len(sizes)  # trun, with an offset, is the last box
    moof = fragment.moof(size + _MDAT_HEADER, size - run_size - len(ivs))
    styp = _STYP if addressable else b""
    return b"".join((styp, moof.to_bytes(), header(b"mdat", len(payload)), payload))


@lru_cache(maxsize=1024)
def _moof_size(count: int, ivs: bool, rolls: bool, last_duration: bool) -> int:
    """Bytes of a moof with `count` samples: whatever the numbers in it, the segments of a song have two or three sizes."""
    sizes = numpy.zeros(count, dtype=numpy.int64)
    fragment = _Fragment(1, sizes, 0, 1, bytes(CENC_IV_SIZE * count * ivs), rolls, int(last_duration))
    return len(fragment.moof(0, 0).to_bytes())


@dataclass(frozen=True, slots=True)
class _Fragment:
    number: int
    sizes: Sizes
    base_media_decode_time: int
    samples_per_unit: int
    ivs: bytes
    rolls: bool
    last_duration: int

    def moof(self, data_offset: int, ivs_offset: int) -> MoofBox:
        count = len(self.sizes)
        encryption: tuple[Box, ...] = ()
        if self.ivs:
            encryption = (
                SaizBox(CENC_IV_SIZE, count),
                SaioBox(numpy.array([ivs_offset])),
                SencBox(count, self.ivs),
            )
        tfhd = TfhdBox(
            TRACK_ID,
            sample_duration=self.samples_per_unit,
            sample_flags=INDEPENDENT,
            flags=TfhdBox.DEFAULT_BASE_IS_MOOF,
        )
        traf = TrafBox(
            (
                tfhd,
                TfdtBox(self.base_media_decode_time, version=1),
                *((SbgpBox(b"roll", numpy.array([[count, 1]])),) if self.rolls else ()),
                *encryption,
                TrunBox(count, data_offset, durations=self._durations(), sizes=self.sizes),
            )
        )
        return MoofBox((MfhdBox(self.number), traf))

    def _durations(self) -> Array | None:
        """A column only where the last sample is a shorter one."""
        if not self.last_duration:
            return None
        durations = numpy.full(len(self.sizes), self.samples_per_unit)
        durations[-1] = self.last_duration
        return durations


@placing
def read_segment(data: bytes, init: Init, key: bytes | None = None) -> Units:
    """Read one segment of one fragment and decrypt it. Raises `BoxError`, and `KeyMissing` for want of a key."""
    moofs = [
        (start, box) for start, box in zip(places(data), parse(data), strict=True) if isinstance(box, MoofBox)
    ]
    if len(moofs) != 1:
        raise BoxError("file", 0, f"one moof box expected, {len(moofs)} found")
    start, moof = moofs[0]
    traf = moof.get(TrafBox)
    sizes, payload = _samples(data, start, traf)
    units = AccessUnits(_decrypted(payload, sizes, traf, init, key), sizes, init.samples_per_unit)
    return Units(units, traf.get(TfdtBox).base_media_decode_time, moof.get(MfhdBox).sequence_number)


def _samples(data: bytes, moof: int, traf: TrafBox) -> tuple[Sizes, memoryview]:
    """Sizes and bytes of the fragment's samples; what they claim is compared with the bytes that are there."""
    tfhd, run = traf.get(TfhdBox), traf.get(TrunBox)
    if not tfhd.flags & TfhdBox.DEFAULT_BASE_IS_MOOF or tfhd.base_data_offset is not None:
        raise BoxError("moof/traf/tfhd", 0, "default-base-is-moof expected (ISO/IEC 23000-19 §7.5.16)")
    if run.sizes is None or run.data_offset is None:
        raise BoxError("moof/traf/trun", 0, "sample sizes and a data offset expected")
    sizes = run.sizes.astype(numpy.int64)
    first, total = moof + run.data_offset, int(sizes.sum())
    if first < 0 or first + total > len(data):
        raise BoxError(
            "moof/traf/trun", 0, f"samples up to byte {first + total}, the segment has {len(data)}"
        )
    return sizes, memoryview(data)[first : first + total]


def _decrypted(payload: memoryview, sizes: Sizes, traf: TrafBox, init: Init, key: bytes | None) -> bytes:
    if init.scheme == "none":
        return bytes(payload)
    if key is None:
        raise KeyMissing(f"no key for KID {init.kid}")
    if init.scheme == "cbcs":
        return cbcs.decrypt(payload, sizes, key=key, iv=init.constant_iv)
    senc = traf.get(SencBox)
    if senc.sample_count != len(sizes):
        raise BoxError("moof/traf/senc", 0, f"{senc.sample_count} IVs for {len(sizes)} samples")
    return cenc.decrypt(payload, sizes, key=key, ivs=senc.ivs(CENC_IV_SIZE))
