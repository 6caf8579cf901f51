"""Opus and FLAC in Ogg (RFC 7845; RFC 9639 §10.1). Where the sound ends is told by granule positions."""

from __future__ import annotations

import numpy

from media import ogg, opus
from media.access_units import Encoded, Sizes
from media.boxes import DopsBox
from media.errors import FormatError
from media.flac import STREAMINFO_SIZE, StreamInfo
from packager.inputs.flac import flac_codec
from packager.inputs.opus import opus_codec
from packager.inputs.track import encoded

_FLAC = b"\x7fFLAC\x01"
_FLAC_INFO = 17  # bytes: packet type, "FLAC", version, header count, "fLaC", the header of STREAMINFO


def read_ogg(data: bytes, name: str) -> Encoded:
    """Raises `FormatError`."""
    stream = ogg.parse(data)
    first = stream.packets[0] if stream.packets else b""
    if first.startswith(b"OpusHead"):
        return _opus(stream, opus.read_head(first), name)
    if first.startswith(_FLAC):
        return _flac(stream, first, name)
    if first[1:7] == b"vorbis":
        raise FormatError("Vorbis: no standard puts it into MP4; decode it and encode it anew")
    raise FormatError(f"Ogg: a stream that begins with {first[:8]!r} is neither Opus nor FLAC")


def _opus(stream: ogg.OggStream, head: DopsBox, name: str) -> Encoded:
    """Behind the header a packet of tags; then sound, of which the last granule position cuts off the end."""
    headers = 2
    payload, sizes = _joined(stream.packets[headers:])
    codec, held = opus_codec(head, payload, sizes)
    pages = [end for end in stream.ends if end.packets > headers]
    # §4.5: a stream that was cut out of a longer one does not begin at 0; one shorter than its first page may seem to
    # begin before it, as its end is cut off already.
    first, last = pages[0], pages[-1]
    began = first.granule - sum(map(opus.packet_samples, stream.packets[headers : first.packets]))
    if began < 0 and not (first is last and stream.closed):
        raise FormatError(f"Ogg Opus: the first granule position is {first.granule}, the page holds more")
    samples = last.granule - max(0, began) - head.pre_skip
    if samples + head.pre_skip > held:
        raise FormatError(f"Ogg Opus: granule position {last.granule}, the packets hold {held} samples")
    return encoded(name, codec, payload, sizes, priming=head.pre_skip, samples=samples)


def _flac(stream: ogg.OggStream, first: bytes, name: str) -> Encoded:
    """The first packet holds STREAMINFO; other metadata blocks follow, then frames, each of which begins with a sync code."""
    info = StreamInfo.from_bytes(first[_FLAC_INFO : _FLAC_INFO + STREAMINFO_SIZE])
    headers = next((place for place, packet in enumerate(stream.packets) if packet[:1] == b"\xff"), None)
    payload, sizes = _joined(stream.packets[headers:] if headers else [])
    codec, held = flac_codec(info, payload, sizes)
    return encoded(name, codec, payload, sizes, priming=0, samples=held)


def _joined(packets: list[bytes]) -> tuple[bytes, Sizes]:
    return b"".join(packets), numpy.array([len(packet) for packet in packets], dtype=numpy.int64)
