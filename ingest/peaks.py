"""The waveform that a player draws: lowest and highest value of each slice of the programme, as compact JSON.

The document is that of the BBC's audiowaveform, version 2, which waveform components know: ``data`` holds
``length`` pairs of minimum and maximum of one (mixed) channel as 8-bit integers.

    {"bits":8,"channels":1,"data":[-3,5,…],"length":800,"sample_rate":44100,"samples_per_pixel":4084,"version":2}
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy

from ingest.graph import CHANNELS

POINTS = 800  # at most: twice the pixels of a wide player


def peaks(pcm: Path, sample_rate: int) -> bytes:
    """The JSON for a float32 stereo programme. The extremes of both channels count, whichever is larger."""
    programme = numpy.memmap(pcm, dtype=numpy.float32, mode="r").reshape(-1, CHANNELS)
    step = -(-len(programme) // POINTS)
    starts = range(0, len(programme), step)
    # Slice by slice: the whole programme is never in memory.
    extremes = numpy.array(
        [(part.min(), part.max()) for part in (programme[start : start + step] for start in starts)]
    )
    # Outwards, so that the quietest sound still shows; minus zero is zero in integers.
    low = numpy.clip(numpy.floor(extremes[:, 0] * 127), -128, 127)
    high = numpy.clip(numpy.ceil(extremes[:, 1] * 127), -128, 127)
    document = {
        "version": 2,
        "channels": 1,
        "sample_rate": sample_rate,
        "samples_per_pixel": step,
        "bits": 8,
        "length": len(extremes),
        "data": numpy.stack([low, high], axis=1).astype(int).ravel().tolist(),
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
