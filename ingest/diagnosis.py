"""Why a decode did not give what the header promised: a second, careful decode that looks at every packet.

Runs only when something was wrong. ffmpeg says that frames were bad; a content engineer wants to know whether the
file breaks off or is damaged, and where.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import av

from ingest.files import open_master, shown
from ingest.graph import STRICT
from ingest.probe import Master
from media.errors import MasterRejected

# Lossy codecs prime, pad and skip; a length within this of the declared one is no loss (in seconds).
_SLACK = Fraction(1, 8)


def tolerance(master: Master) -> int:
    """By how many samples a sound decode may miss `Master.declared_samples`."""
    return 0 if master.lossless else int(master.sample_rate * _SLACK)


def diagnose(master: Master) -> None:
    """Decode `master` again and raise `MasterRejected`: truncated, corrupt, no-samples or header-lies.

    Returns when it is sound. Something undecodable *behind* all declared samples is no damage: old taggers leave
    ID3v1 there.
    """
    name, rate, declared = shown(master.path), master.sample_rate, master.declared_samples
    try:
        heard = _listen(master)
    except av.FFmpegError as error:
        raise MasterRejected("corrupt", f"{name}: it does not open any more: {error.strerror}") from None
    if declared is not None and heard.samples > declared + tolerance(master):
        raise MasterRejected(
            "header-lies", f"{name}: the header declares {declared} samples, {heard.samples} are there"
        )
    if heard.samples == 0 and declared is None:
        raise MasterRejected("no-samples", f"{name}: a header with no samples behind it")
    missing = declared is not None and heard.samples < declared - tolerance(master)
    if not missing and (declared is not None or heard.damaged_at is None):
        return
    if heard.damaged_at is not None and heard.went_on:
        raise MasterRejected("corrupt", f"{name}: frames are damaged at {_time(heard.damaged_at, rate)}")
    of = f" of {_time(declared, rate)}" if declared else ""
    raise MasterRejected("truncated", f"{name}: it breaks off at {_time(heard.samples, rate)}{of}")


@dataclass(slots=True)
class _Heard:
    """`samples` that came out, the sample at which the first damage was met, and whether anything came after it."""

    samples: int = 0
    damaged_at: int | None = None
    went_on: bool = False

    def damage(self) -> None:
        if self.damaged_at is None:
            self.damaged_at = self.samples

    def frame(self, samples: int) -> None:
        self.went_on = self.went_on or self.damaged_at is not None
        self.samples += samples


def _listen(master: Master) -> _Heard:
    heard = _Heard()
    # Time stamps may be rounded to a millisecond, and those of lossy codecs begin with their priming.
    hole = max(tolerance(master), master.sample_rate // 500)
    file, size = open_master(master.path)
    with file, av.open(file, "r", format=master.container, metadata_errors="replace") as container:
        stream = container.streams.audio[0]
        stream.codec_context.options = {"err_detect": STRICT}
        stream.codec_context.thread_count = 1  # frame threads would report damage some packets later
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.FFmpegError, OSError):
                # The demuxer gave up: at the end of a file that was cut off, or before.
                heard.damage()
                heard.went_on = heard.went_on or file.tell() < size
                return heard
            if packet is None:
                return heard
            try:
                frames = packet.decode()
            except av.FFmpegError:
                heard.damage()
                continue
            for frame in frames:
                if frame.pts is not None and frame.time_base is not None:
                    late = frame.pts * frame.time_base * master.sample_rate - heard.samples
                    if late > hole:  # what was there did not even become a packet, or a frame
                        heard.damage()
                heard.frame(frame.samples)


def _time(samples: int, rate: int) -> str:
    """``m:ss.mmm``."""
    milliseconds = samples * 1000 // rate
    return f"{milliseconds // 60000}:{milliseconds // 1000 % 60:02d}.{milliseconds % 1000:03d}"
