"""What is heard: every unit decodes, the length is exact, the renditions are in step with each other and with the master.

Two encodings of one song differ a great deal above a few kilohertz and hardly below: each segment is compared in the
band below 1.4 kHz, where even 24 kbit/s mono correlates with 320 kbit/s stereo by more than 0.9. Whether they are in step is
seen to the sample by cross-correlation of the loudest excerpt.
"""

from __future__ import annotations

import math

import numpy

from media.presentation import Segment
from packager.sample_entry import FLAC
from packager.verify.book import Book, Violations
from packager.verify.decoding import DECIMATION, Heard, MasterSound, Signal
from packager.verify.evidence import Evidence
from packager.verify.told_loudness import program_loudness

sound_rules = Book("SOUND")
ALIKE = 0.5  # least correlation of two encodings of one segment; unrelated sounds stay below 0.2
SILENCE = 1e-6  # mean power, −60 dBFS: below it nothing is compared
LITTLE = 0.01  # of the whole power: a band that holds less is not compared
TIE = 0.995  # a tone correlates with itself as well a few periods later; no master at hand does so after a sample
LOUDNESS_TOLERANCE = 1.0  # LU


@sound_rules.rule(1, "ISO/IEC 14496-3, RFC 6716, RFC 9639", anywhere=True)
def every_unit_decodes(evidence: Evidence) -> Violations:
    """libav decrypts and decodes every access unit."""
    for track, heard in evidence.heard:
        rendition = track.rendition
        if heard.errors and not heard.decoded:
            yield track.place, f"nothing decodes, as with a wrong key: {heard.errors[0][1]}"
            continue
        for segment in rendition.segments:
            # Errors in the priming lie before 0.
            first = segment.start if segment.start else -rendition.priming
            inside = [
                text for place, text in heard.errors if first <= place < segment.start + segment.duration
            ]
            if inside:
                yield segment.path, f"{len(inside)} access units do not decode: {inside[0]}"


@sound_rules.rule(2, "ISO/IEC 14496-12 §8.6.6, gapless playback")
def the_length_is_exact(evidence: Evidence) -> Violations:
    """Decoding gives the song and the rest of its last access unit, which FLAC does not have: not a sample less, and nothing of the priming."""
    song = evidence.presentation.samples
    for track, heard in evidence.heard:
        fragments = track.sound_fragments()
        if heard.errors or len(fragments) < len(track.fragments):
            continue
        units = sum(len(fragment.units.units) for fragment in fragments)
        due = units * track.samples_per_unit - track.rendition.priming
        # The last block of a FLAC stream is as long as what is left (RFC 9639 §8.2).
        right = {due, song} if track.rendition.codec == FLAC else {due}
        if heard.decoded not in right or not 0 <= due - song < track.samples_per_unit:
            yield (
                track.place,
                f"{heard.decoded} samples decoded, {due} due for a song of {song}",
            )


@sound_rules.rule(3, "ISO/IEC 23000-19 §7.3.4.1", anywhere=True)
def renditions_are_in_step(evidence: Evidence) -> Violations:
    """Every rendition lies exactly over the best one: lag 0."""
    best = evidence.best
    for track, heard in evidence.heard:
        if best is None or heard is best or not heard.decoded:
            continue
        if late := _lag(best.excerpts, heard.excerpts):
            yield track.place, f"{late:+d} samples late against the best rendition"


@sound_rules.rule(4, "every rendition is the same song", anywhere=True)
def renditions_sound_alike(evidence: Evidence) -> Violations:
    """Every segment sounds like the best rendition's."""
    best = evidence.best
    for track, heard in evidence.heard:
        if best is None or heard is best or not heard.decoded:
            continue
        for fragment in track.sound_fragments():
            if (alike := _likeness(best, heard, fragment.segment)) < ALIKE:
                text = f"it does not sound like the best rendition's (correlation {alike:.2f})"
                yield fragment.segment.path, text


@sound_rules.rule(5, "EBU R 128")
def the_loudness_is_the_one_told(evidence: Evidence) -> Violations:
    """The best rendition is as loud as presentation.json tells, within 1 LU."""
    told, best = evidence.presentation.loudness.integrated_lufs, evidence.best
    if told is None or best is None or best.loudness is None or best.errors:
        return
    if abs(best.loudness - told) > LOUDNESS_TOLERANCE:
        yield "audio", f"{best.loudness:.1f} LUFS, presentation.json tells {told:.1f}"


@sound_rules.rule(6, "--master", anywhere=True)
def the_song_is_its_master(evidence: Evidence) -> Violations:
    """With a master given: the song is as long as it, lies exactly over it, and sounds like it in every segment."""
    master, best = evidence.master, evidence.best
    if master is None or best is None:
        return
    if abs(master.samples - evidence.presentation.samples) > master.tolerance:
        yield "audio", f"{evidence.presentation.samples} samples, the master has {master.samples}"
    if late := _lag(master.excerpts, best.excerpts):
        yield "audio", f"{late:+d} samples late against the master"
    for segment in evidence.presentation.renditions[0].segments:
        if (alike := _likeness(master, best, segment)) < ALIKE:
            yield segment.path, f"it does not sound like the master (correlation {alike:.2f})"


@sound_rules.rule(7, "EBU R 128, ISO/IEC 14496-12 §12.2.7", anywhere=True)
def headers_tell_the_loudness_that_is_heard(evidence: Evidence) -> Violations:
    """Where the header of the best rendition tells a loudness, in ludt, it is as loud, within 1 LU."""
    best = evidence.best
    for track, heard in evidence.heard:
        told = None if track.moov is None else program_loudness(track.moov)
        if heard is not best or told is None or heard.loudness is None or heard.errors:
            continue
        if abs(heard.loudness - told) > LOUDNESS_TOLERANCE:
            yield track.rendition.init, f"ludt tells {told} LUFS, {heard.loudness:.1f} are heard"


def _lag(reference: Signal, other: Signal) -> int:
    """By how many samples `other` is late in the loudest excerpt; 0 where nothing is to be heard or to be told.

    First differences are compared: music falls off towards the treble, and what is left of its spectrum after
    differencing is flat enough for a peak that is one sample wide.
    """
    loudest = int(numpy.argmax((reference.astype(numpy.float64) ** 2).sum(axis=1)))
    if reference.shape[1] < 3 or float((reference[loudest] ** 2).mean()) < SILENCE:
        return 0
    mine, theirs = (numpy.diff(signal[loudest].astype(numpy.float64)) for signal in (reference, other))
    size = 1 << (2 * len(mine) - 1).bit_length()  # room for every lag, and fast
    cross = numpy.fft.irfft(numpy.fft.rfft(theirs, size) * numpy.fft.rfft(mine, size).conj(), size)
    cross /= math.sqrt(max(1e-30, float((mine**2).sum() * (theirs**2).sum())))
    peak = int(numpy.argmax(cross))
    if cross[peak] < ALIKE or cross[0] >= TIE * cross[peak]:
        return 0
    return peak if peak < size // 2 else peak - size


def _likeness(reference: Heard | MasterSound, other: Heard, segment: Segment) -> float:
    """Pearson's correlation of the low bands over one segment; 1 where that band holds too little to tell."""
    place = slice(segment.start // DECIMATION, (segment.start + segment.duration) // DECIMATION)
    size = min(len(reference.low[place]), len(other.low[place]))
    if size < 2:
        return 1.0
    mine, theirs = (signal.low[place][:size].astype(numpy.float64) for signal in (reference, other))
    mine, theirs = mine - mine.mean(), theirs - theirs.mean()
    powers = float((mine**2).mean()), float((theirs**2).mean())
    # A mono sum that cancels out, or a sound without bass: what is left is the coder's own noise.
    if powers[0] < max(SILENCE, LITTLE * float(reference.power[place].mean())):
        return 1.0
    return float((mine * theirs).mean()) / math.sqrt(max(1e-30, powers[0] * powers[1]))
