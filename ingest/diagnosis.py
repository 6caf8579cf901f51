"""Why a decode did not give what the header promised: a second, careful decode that looks at every packet.

Runs only when something was wrong. ffmpeg says that frames were bad; a content engineer wants to know whether the
file breaks off or is damaged, and where.
"""

from __future__ import annotations

from fractions import Fraction

import av

from ingest.files import open_master, shown
from ingest.probe import Master
from media.errors import MasterRejected

# Lossy codecs prime, pad and skip; a length within this of the declared one is no loss (in seconds).
_SLACK = Fraction(1, 8)


def tolerance(master: Master) -> int:
    """By how many samples a sound decode may miss `Master.declared_samples`."""
    return 0 if master.lossless else int(master.sample_rate * _SLACK)


def diagnose(master: Master) -> None:
    """Decode `master` again. Raises `MasterRejected` (truncated, corrupt, no-samples, header-lies); returns when it is sound.

    Something undecodable *behind* all declared samples is no damage: old taggers leave ID3v1 there.
    """
    name = shown(master.path)
    decoded = 0  # samples that came out
    bad_at: int | None = None  # the sample at which the first damage was met
    good_after = False
    file, size = open_master(master.path)
    with file, av.open(file, "r", format=master.container, metadata_errors="replace") as container:
        stream = container.streams.audio[0]
        stream.codec_context.options = {"err_detect": "crccheck+explode"}
        stream.codec_context.thread_count = 1  # frame threads would report damage packets later
        # Time stamps may be rounded to a millisecond, and those of lossy codecs begin with their priming.
        hole = max(tolerance(master), master.sample_rate // 500)
        ticks = (stream.time_base or Fraction(1)) * master.sample_rate
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                break
            except (av.FFmpegError, OSError):
                # The demuxer gave up: at the end of a file that was cut off, or before.
                bad_at = decoded if bad_at is None else bad_at
                good_after = good_after or file.tell() < size
                break
            try:
                frames = packet.decode()
            except av.FFmpegError:
                bad_at = decoded if bad_at is None else bad_at
                continue
            for frame in frames:
                late = 0 if frame.pts is None else frame.pts * ticks - decoded
                if bad_at is None and late > hole:
                    bad_at = decoded  # what was there did not even become a packet, or a frame
                good_after = good_after or bad_at is not None
                decoded += frame.samples
    declared = master.declared_samples
    if declared is not None and master.lossless and decoded > declared:
        raise MasterRejected(
            "header-lies", f"{name}: the header declares {declared} samples, {decoded} are there"
        )
    missing = declared is not None and decoded < declared - tolerance(master)
    if bad_at is not None and good_after and (declared is None or missing):
        raise MasterRejected("corrupt", f"{name}: frames are damaged at {_time(bad_at, master.sample_rate)}")
    if decoded == 0 and declared is None:
        raise MasterRejected("no-samples", f"{name}: a header with no samples behind it")
    if missing or (declared is None and bad_at is not None):
        of = f" of {_time(declared, master.sample_rate)}" if declared else ""
        raise MasterRejected(
            "truncated", f"{name}: it breaks off at {_time(decoded, master.sample_rate)}{of}"
        )


def _time(samples: int, rate: int) -> str:
    """``m:ss.mmm``."""
    milliseconds = samples * 1000 // rate
    return f"{milliseconds // 60000}:{milliseconds // 1000 % 60:02d}.{milliseconds % 1000:03d}"
