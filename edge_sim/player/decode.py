"""The last phase of a start: from the first segment's bytes to the first audible sample."""

from __future__ import annotations

import av
import av.error
import numpy

from drm import aes128
from edge_sim.player.entrance import Entrance
from media.errors import FormatError
from packager.fragments import Init, read_segment


def first_sound(segment: bytes, init: Init, entrance: Entrance, key: bytes | None) -> tuple[int, float]:
    """Decrypt and decode until the encoder's priming is over.

    Gives the number of audible samples that came out with that, and the loudest of them (full scale 1). A song may
    begin with silence, so a peak of 0 is no error. Raises `FormatError` when nothing decodes.
    """
    if entrance.iv and key is not None:
        segment, key = aes128.decrypt(segment, key=key, iv=entrance.iv), None
    units = read_segment(segment, init, key).units
    if not init.codec.startswith("mp4a.40."):
        raise FormatError(f"first segment: no decoder for {init.codec}")
    decoder = av.CodecContext.create("aac", "r")
    decoder.extradata = init.config
    decoded = 0
    try:
        for number in range(len(units)):
            for frame in decoder.decode(av.Packet(bytes(units.payload(number, number + 1)))):
                decoded += frame.samples
                if decoded > init.media_time:
                    audible = frame.to_ndarray()[:, init.media_time - decoded :]
                    return audible.shape[1], float(numpy.abs(audible).max())
    except av.error.FFmpegError as error:
        raise FormatError(f"first segment: does not decode: {error.strerror}") from None
    raise FormatError(
        f"first segment: {decoded} samples, and {init.media_time} of priming before the first audible one"
    )
