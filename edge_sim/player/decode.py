"""The last phase of a start: from the first segment's bytes to the first audible sample."""

from __future__ import annotations

import struct

import av
import av.error
import numpy
import numpy.typing as npt

from drm import aes128
from edge_sim.player.entrance import Entrance
from media import flac, opus
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
    decoder = _decoder(init)
    decoded = 0
    try:
        for number in range(len(units)):
            for frame in decoder.decode(av.Packet(bytes(units.payload(number, number + 1)))):
                decoded += frame.samples
                if decoded > init.media_time:
                    audible = _samples(frame)[:, init.media_time - decoded :]
                    return audible.shape[1], float(numpy.abs(audible).max())
    except av.error.FFmpegError as error:
        raise FormatError(f"first segment: does not decode: {error.strerror}") from None
    raise FormatError(
        f"first segment: {decoded} samples, and {init.media_time} of priming before the first audible one"
    )


def _decoder(init: Init) -> av.AudioCodecContext:
    """libav's, told what it would read in front of a file."""
    if init.codec.startswith("mp4a.40."):
        name, told = "aac", init.config
    elif init.codec == "opus":
        head = opus.read_config(init.config)
        # RFC 7845 §5.1, little-endian. No pre-skip: what is skipped is said by the edit list, and once is enough.
        fields = head.channels, 0, head.input_sample_rate, head.output_gain, head.mapping_family
        name, told = "opus", b"OpusHead\x01" + struct.pack("<BHIhB", *fields) + head.mapping
    elif init.codec == "fLaC":
        name, told = "flac", flac.read_config(init.config).to_bytes()
    else:
        raise FormatError(f"first segment: no decoder for {init.codec}")
    decoder = av.CodecContext.create(name, "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.extradata = told
    return decoder


def _samples(frame: av.AudioFrame) -> npt.NDArray[numpy.float64]:
    """Shape (channels, samples), full scale 1."""
    values = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(-1, frame.layout.nb_channels).T
    scale = 1.0 if values.dtype.kind == "f" else 2.0 ** (8 * values.itemsize - 1)
    return numpy.asarray(values, numpy.float64) / scale


def every_sound(segment: bytes, init: Init, iv: bytes, key: bytes | None) -> int:
    """Decrypt and decode a whole segment, `iv` as in an `Entrance`; gives its samples. Raises `FormatError` when any part does not decode."""
    if iv and key is not None:
        segment, key = aes128.decrypt(segment, key=key, iv=iv), None
    units = read_segment(segment, init, key).units
    decoder = _decoder(init)
    try:
        return sum(
            frame.samples
            for number in range(len(units))
            for frame in decoder.decode(av.Packet(bytes(units.payload(number, number + 1))))
        )
    except av.error.FFmpegError as error:
        raise FormatError(f"decode: the first segment does not: {error.strerror}") from None
