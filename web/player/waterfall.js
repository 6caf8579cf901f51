/**
 * The account of one start: what was waited for, from the press of "play" to the first sound.
 *
 * Spans are recorded as they happen, on the clock of performance.now, and read as milliseconds since the press.
 */

export class Waterfall {
  spans = [];
  total = null;
  ahead = false; // whether the bundle was asked for before the press: then the total is no measure of a press

  /** @param pressed when the person asked for sound; @param title of what */
  constructor(pressed, title) {
    this.pressed = pressed;
    this.title = title;
  }

  /** Records one span. After the first sound nothing more belongs to the start. */
  span(name, began, ended) {
    if (this.total !== null) return;
    const from = Math.max(0, began - this.pressed);
    this.spans.push({ name, from, to: Math.max(from, ended - this.pressed) });
  }

  /** Awaits `work` (a function) and records how long it took. */
  async time(name, work) {
    const began = performance.now();
    const result = await work();
    this.span(name, began, performance.now());
    return result;
  }

  /** The first sound was heard at `when`: from the last span's end on the browser was at work. */
  sounded(when) {
    if (this.total !== null) return;
    const ready = Math.max(0, ...this.spans.map(({ to }) => to));
    const total = Math.max(when - this.pressed, 0);
    this.span("first sound", this.pressed + Math.min(ready, total), when);
    this.total = total;
  }

  /** The spans as shares of the whole, in order of their beginning: [{name, ms, offset, width}], shares 0…1. */
  bars() {
    const whole = Math.max(this.total ?? 0, ...this.spans.map(({ to }) => to), 1);
    return [...this.spans]
      .sort((a, b) => a.from - b.from || a.to - b.to)
      .map(({ name, from, to }) => ({ name, ms: to - from, offset: from / whole, width: (to - from) / whole }));
  }
}
