"""One decode, every consumer: the filter graph that feeds the meter, the PCM file and all encoders.

    master ─ aresample ─ asplit ┬ ebur128 ─ programme.f32
                                ├ aresample mono ─ aac ─ low.aac
                                ├ aac ─ normal.aac
                                └ …

The programme is stereo float at the ladder's rate. ffmpeg-python composes the graph, which spares us the two
levels of escaping; the arguments are run by `ingest.ffmpeg`. Outputs are plain names in the working folder:
nothing of the master's name or tags gets anywhere near a filter.

**Resampling** is soxr's: its output is round(n·out/in) samples, halves up, for every length that was tried, while
ffmpeg's own resampler is off by one at some ratios and gives nothing at all for fewer than a dozen samples.

**Down-mixing** follows ITU-R BS.775: centre and surrounds at −3 dB, no LFE, and the whole scaled so that full
scale in every channel stays full scale. A mono master comes out of both speakers at full level.
"""

from __future__ import annotations

import ffmpeg

from ingest.ffmpeg import source
from ingest.ladder import Ladder
from ingest.probe import Master

PROGRAMME = "programme.f32"
CHANNELS = 2  # of the programme
# Stands for the master until the arguments are compiled: ffmpeg-python takes names to be UTF-8, which they need not be.
_MASTER = "file:master"
# Frames that a decoder finds damaged are dropped, so that the sample count tells: a checksum that does not match is
# damage, too.
STRICT = "crccheck+explode"
_BITEXACT = {"fflags": "+bitexact", "flags:a": "+bitexact", "map_metadata": "-1"}


def arguments(master: Master, ladder: Ladder, sample_rate: int, max_seconds: int) -> list[str]:
    """ffmpeg's arguments, all of them but the global options. Relative outputs: run it in the working folder."""
    decoded = ffmpeg.input(
        _MASTER,
        format=master.container,
        protocol_whitelist="file",
        t=max_seconds + 1,
        **{"err_detect:a": STRICT},  # the decoder only: a demuxer this strict stumbles over a broken cover
    )
    stream = decoded["a:0"]
    if master.channels == 1:
        # aresample would take 3 dB off. ("<" is "=" with gains that add up to 1, and survives the escaping.)
        stream = stream.filter("pan", "stereo|c0<c0|c1<c0")
    programme = stream.filter(
        "aresample",
        sample_rate,
        resampler="soxr",
        out_sample_fmt="fltp",
        out_chlayout="stereo",
        rematrix_maxval=1,
    )
    branches = programme.filter_multi_output("asplit", len(ladder.rungs) + 1)
    outputs = [
        ffmpeg.output(
            branches[0].filter("ebur128", peak="sample+true", framelog="quiet"),
            PROGRAMME,
            format="f32le",
            acodec="pcm_f32le",
            **_BITEXACT,
        )
    ]
    for number, rung in enumerate(ladder.rungs, 1):
        branch = branches[number]
        if rung.channels == 1:
            branch = branch.filter("aresample", out_chlayout="mono", rematrix_maxval=1)
        outputs.append(
            ffmpeg.output(
                branch,
                adts_name(rung.name),
                format="adts",
                acodec="aac",
                audio_bitrate=rung.bitrate,
                aac_coder=rung.coder,
                **_BITEXACT,
            )
        )
    compiled: list[str] = ffmpeg.merge_outputs(*outputs).get_args(overwrite_output=True)
    return [source(master.path) if argument == _MASTER else argument for argument in compiled]


def adts_name(rung: str) -> str:
    """The file a rung is encoded to; `rung` is made of a-z, 0-9 and _ only."""
    return f"{rung}.aac"
