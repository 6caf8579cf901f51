"""Opus from any container: the configuration for ISO BMFF, and packets of one length."""

from __future__ import annotations

from media.access_units import Sizes
from media.boxes import DopsBox
from media.errors import FormatError
from media.opus import RATE, packet_samples
from packager.inputs.track import Codec


def opus_codec(head: DopsBox, payload: bytes, sizes: Sizes) -> tuple[Codec, int]:
    """The codec of packets that lie end to end in `payload`, and how many samples they hold. Raises `FormatError`.

    The last packet may be shorter than the others.
    """
    view, start, lengths = memoryview(payload), 0, []
    for count, size in enumerate(sizes.tolist()):
        lengths.append(packet_samples(view[start : start + size]))
        start += size
        if lengths[max(0, count - 1)] != lengths[0] or lengths[count] > lengths[0]:
            raise FormatError(
                f"Opus packet {count}: {lengths[count]} samples, the first has {lengths[0]}; one length is supported"
            )
    if not lengths:
        raise FormatError("Opus: no packets")
    return Codec("opus", head.body(), RATE, head.channels, lengths[0]), sum(lengths)
