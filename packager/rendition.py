"""One encoded rendition becomes its files: a header, and segments cut where the plan says, encrypted.

Segments are files of their own, or byte ranges of one track file, whose ``sidx`` lies between header and fragments
(ISO/IEC 23000-19 §7.3.3.3, the shape of DASH's on-demand profile). Whichever it is, one call encrypts the whole rendition, and a
segment is a slice of the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate, pairwise

import numpy

from drm import cenc
from media import layout
from media.access_units import AccessUnits, Encoded
from media.boxes import SidxBox
from media.errors import FormatError
from media.flac import LONGEST_HEADER, read_frame_header
from media.presentation import Loudness, Rendition, Segment
from packager.bandwidth import bandwidths
from packager.encryption import Seal
from packager.fragments import write_segment
from packager.plan import PlannedSegment, units_needed
from packager.sample_entry import FLAC, roll_distance
from packager.track import TRACK_ID, Init, bitrates, write_init

# ISO/IEC 14496-12 §8.16.3: starts_with_SAP, SAP_type 1
_STARTS_WITH_SAP = 0x90000000


@dataclass(frozen=True, slots=True, eq=False)
class Cutter:
    """A rendition ready to be cut: its units, no more than the song needs, its seal and its header."""

    source: Encoded
    units: AccessUnits
    seal: Seal
    header: bytes

    @classmethod
    def prepare(cls, source: Encoded, seal: Seal, loudness: Loudness) -> Cutter:
        """`loudness` is the song's. Raises `FormatError` when there are fewer units than the song needs."""
        units = _exactly(source)
        largest, mean = bitrates(units, source.sample_rate)
        init = Init(
            codec=source.codec,
            config=source.config,
            sample_rate=source.sample_rate,
            channels=source.channels,
            timescale=source.sample_rate,
            media_time=source.priming,
            samples=source.samples,
            samples_per_unit=units.samples_per_unit,
            scheme=seal.scheme if seal.common else "none",
            kid=seal.kid if seal.common else None,
            constant_iv=seal.constant_iv if seal.common else b"",
            max_bitrate=largest,
            avg_bitrate=mean,
        )
        return cls(source, units, seal, write_init(init, seal.pssh, loudness))

    def first_flight(self, end: int) -> int:
        """The bytes of header and first segment, encrypted, when that ends at sample `end` of the song."""
        stop = self._unit_at(end)
        ivs = bytes(stop * cenc.IV_SIZE if self.seal.scheme == "cenc" else 0)
        segment = self._segment(1, 0, stop, self.units.payload(0, stop), ivs)
        return len(self.header) + len(self.seal.encrypt_segment(segment))

    def cut(
        self, plan: Sequence[PlannedSegment], *, one_file: bool = False
    ) -> tuple[Rendition, dict[str, bytes]]:
        """The rendition and its files by path."""
        data, ivs = self.seal.encrypt(self.units)
        edges = [0, *(self._unit_at(piece.end) for piece in plan[:-1]), len(self.units)]
        bodies = []
        for number, (start, stop) in enumerate(pairwise(edges), start=1):
            payload = data[int(self.units.offsets[start]) : int(self.units.offsets[stop])]
            sample_ivs = ivs[start * cenc.IV_SIZE : stop * cenc.IV_SIZE]
            segment = self._segment(number, start, stop, payload, sample_ivs, addressable=not one_file)
            bodies.append(self.seal.encrypt_segment(segment))
        if one_file:
            return self._as_one_file(plan, bodies)
        init = layout.init(self.source.name)
        paths = [layout.segment(self.source.name, number) for number in range(1, len(plan) + 1)]
        segments = [
            Segment(path, piece.start, piece.duration, len(body))
            for path, piece, body in zip(paths, plan, bodies, strict=True)
        ]
        files = {init: self.header, **dict(zip(paths, bodies, strict=True))}
        return self._rendition(init, segments, files.values()), files

    def _as_one_file(
        self, plan: Sequence[PlannedSegment], bodies: list[bytes]
    ) -> tuple[Rendition, dict[str, bytes]]:
        # An index of segments that HLS alone can open would be of use to nobody.
        index = b"" if self.seal.scheme == "aes-128" else self._index(plan, bodies)
        path = layout.track(self.source.name)
        offsets = accumulate(map(len, bodies[:-1]), initial=len(self.header) + len(index))
        segments = [
            Segment(path, piece.start, piece.duration, len(body), offset)
            for piece, body, offset in zip(plan, bodies, offsets, strict=True)
        ]
        file = b"".join((self.header, index, *bodies))
        return self._rendition(path, segments, [file], len(index)), {path: file}

    def _index(self, plan: Sequence[PlannedSegment], bodies: list[bytes]) -> bytes:
        """``sidx`` (ISO/IEC 14496-12 §8.16.3), on the presentation timeline: the edit list has been applied."""
        references = numpy.array(
            [(len(body), piece.duration, _STARTS_WITH_SAP) for piece, body in zip(plan, bodies, strict=True)]
        )
        return SidxBox(TRACK_ID, self.source.sample_rate, 0, 0, references, version=1).to_bytes()

    def _unit_at(self, sample: int) -> int:
        return (sample + self.source.priming) // self.units.samples_per_unit

    def _segment(
        self, number: int, start: int, stop: int, payload: memoryview, ivs: bytes, *, addressable: bool = True
    ) -> bytes:
        return write_segment(
            number,
            payload,
            self.units.sizes[start:stop],
            base_media_decode_time=start * self.units.samples_per_unit,
            samples_per_unit=self.units.samples_per_unit,
            ivs=ivs,
            rolls=roll_distance(self.source.codec, self.units.samples_per_unit) != 0,
            addressable=addressable,
            last_duration=self._last_duration() if stop == len(self.units) else 0,
        )

    def _last_duration(self) -> int:
        """How many samples the last unit really has where its codec can make it a shorter one: FLAC; 0 for a full one."""
        if self.source.codec != FLAC:
            return 0
        last = bytes(self.units.payload(len(self.units) - 1, len(self.units))[:LONGEST_HEADER])
        header = read_frame_header(last, self.source.channels)
        if header is None or header.block_size == self.units.samples_per_unit:
            return 0
        return header.block_size

    def _rendition(
        self, init: str, segments: list[Segment], files: Iterable[bytes], index_size: int = 0
    ) -> Rendition:
        source = self.source
        peak, average = bandwidths(segments, source.sample_rate)
        digest = sha256()
        for body in files:
            digest.update(body)
        return Rendition(
            name=source.name,
            codec=source.codec,
            bitrate=source.bitrate,
            sample_rate=source.sample_rate,
            channels=source.channels,
            priming=source.priming,
            bandwidth=peak,
            average_bandwidth=average,
            init=init,
            init_size=len(self.header),
            segments=tuple(segments),
            iv=self.seal.constant_iv.hex(),
            digest=digest.hexdigest(),
            index_size=index_size,
        )


def _exactly(source: Encoded) -> AccessUnits:
    """The units that the song needs, no more; an encoder may have flushed one too many."""
    units = source.units
    needed = units_needed(source.samples, priming=source.priming, samples_per_unit=units.samples_per_unit)
    if len(units) < needed:
        raise FormatError(f"rendition {source.name}: {len(units)} access units, {needed} needed")
    if len(units) == needed:
        return units
    return AccessUnits(bytes(units.payload(0, needed)), units.sizes[:needed], units.samples_per_unit)
