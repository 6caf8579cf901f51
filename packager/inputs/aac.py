"""AAC of every kind: the configuration as found, and SBR where nothing but the access units tells of it.

An HE-AAC stream may be announced as plain AAC-LC at half its rate (implicit signalling, ISO/IEC 14496-3 §1.6.5.3). A
manifest must know what comes out, and browsers set up their decoder by what they are told, so the question is settled
here: below 24 kHz, where SBR is possible and not told, libavcodec decodes a few units, and when it makes
more of them than the configuration says, the configuration is written anew, explicitly. One channel with SBR always becomes
two in libavcodec, as there might be PS data: only when the two differ is PS told.
"""

from __future__ import annotations

import numpy

from media.aac_format import SignalledSbr, backward_compatible, read_aac_format
from media.access_units import Sizes
from media.errors import FormatError
from packager.inputs.track import Codec, check_units

_XHE_AAC = "mp4a.40.42"
_LISTENED = 64  # units, three seconds; a song may begin with silence, which is alike on both sides


def aac_codec(config: bytes, payload: bytes, sizes: Sizes) -> Codec:
    """The codec of units that lie end to end in `payload`. Raises `FormatError`."""
    found = read_aac_format(config)
    if found.sbr is SignalledSbr.UNTOLD:
        rate, stereo = _heard(config, payload, sizes[:_LISTENED])
        if rate == 2 * found.sample_rate:
            config = backward_compatible(config, parametric=found.channels == 1 and stereo)
            found = read_aac_format(config)
    if found.codec == _XHE_AAC:
        _check_independence(payload, sizes)
    return Codec(found.codec, config, found.sample_rate, found.channels, found.samples_per_unit)


def _check_independence(payload: bytes, sizes: Sizes) -> None:
    """ISO/IEC 23003-3 §5.3.1: the first bit of a unit says that it needs no other. We cut before any unit, so all must."""
    check_units(sizes)
    starts = numpy.cumsum(sizes) - sizes
    heads = numpy.frombuffer(payload, dtype=numpy.uint8)[starts]
    (bound,) = numpy.nonzero(heads < 0x80)
    if len(bound):
        raise FormatError(
            f"xHE-AAC: unit {bound[0]} depends on the one before; only independent units can be cut"
        )


def _heard(config: bytes, payload: bytes, sizes: Sizes) -> tuple[int, bool]:
    """The sample rate of what libavcodec makes of the first units, and whether left and right differ anywhere.

    Broken units are passed over: they are no matter of the packager's, `verify` names them.
    """
    import av  # 60 ms, for the one stream in a thousand that asks for it
    from av.error import FFmpegError

    decoder = av.CodecContext.create("aac", "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.extradata = config
    rate, start, stereo = 0, 0, False
    for size in sizes.tolist():
        try:
            frames = decoder.decode(av.Packet(payload[start : start + size]))
        except FFmpegError:
            frames = []
        for frame in frames:
            rate, sound = max(rate, frame.sample_rate), frame.to_ndarray()
            stereo = stereo or bool((sound[0] != sound[-1]).any())
        start += size
    return rate, stereo
