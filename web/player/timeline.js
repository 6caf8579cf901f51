/**
 * Arithmetic of the timeline, without a browser: which segment holds a sample, what a set of buffered ranges
 * covers, how a time reads. Segment times are integers in samples; buffered ranges are seconds, as MSE gives them.
 */

/** Index of the segment that holds `sample`; what lies before the first or after the last is clamped. */
export function segmentAt(segments, sample) {
  let low = 0;
  let high = segments.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (segments[middle].start <= sample) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** A TimeRanges as a plain list of [start, end]. */
export function rangesOf(timeRanges) {
  return Array.from({ length: timeRanges.length }, (_, i) => [timeRanges.start(i), timeRanges.end(i)]);
}

/**
 * Whether one range holds all of start…end. Both ends may miss by a coded frame at most, and never by more than
 * a quarter of the span: browsers keep time in whole microseconds and drop partial frames at a window's edge.
 */
export function covered(ranges, start, end) {
  const slack = Math.min(0.025, (end - start) / 4);
  return ranges.some(([from, to]) => from <= start + slack && to >= end - slack);
}

/** Seconds that can be played from `time` on without waiting. */
export function ahead(ranges, time) {
  const range = ranges.find(([from, to]) => from <= time + 0.025 && time < to);
  return range ? range[1] - time : 0;
}

/** 83500 → "1:23"; hours only when there are any. Milliseconds, rounded down as a clock does. */
export function clock(milliseconds) {
  const seconds = Math.floor(Math.max(0, milliseconds) / 1000);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (number) => String(number).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Seconds of start…end that were played, out of the element's played ranges. */
export function heard(ranges, start, end) {
  return ranges.reduce((sum, [from, to]) => sum + Math.max(0, Math.min(to, end) - Math.max(from, start)), 0);
}
