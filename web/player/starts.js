/**
 * Starts: where a pressed song's bundle comes from, and what makes the way to it short.
 *
 * - A connection is kept warm: a pointer over the songs, a finger or a focus on them is a sign that a press will follow,
 *   and one tiny request then opens the connection again that has idled away. This is always done.
 * - Where the listener allows it, the bundle itself is asked for ahead of the press: when a pointer rests on a song, or
 *   a finger or a focus comes to it. At most a few a minute, one at a time, and a start from it says so: it is no
 *   measure of a press.
 */

const WARM_MS = 10_000; // a connection that was used so lately is warm
const REST_MS = 60; // a pointer that only passes rests nowhere
const GOOD_MS = 60_000; // how long a bundle that came ahead is good for; its token is for longer
const BUDGET = 12; // bundles ahead in such a time, 11 kB each
const SWITCH = "tonearm.ahead";
const REMEMBERED = 8; // round trips, of which the shortest counts

export class Starts {
  #used = -Infinity; // when the connection was used last
  #trips = []; // ms, the latest last
  #ahead = null; // {songId, rendition, coming, asked}
  #asked = []; // when bundles were asked for ahead
  #resting = 0; // the timer of a pointer that rests

  /** @param throughput of the link, measured elsewhere */
  constructor(api, throughput) {
    this.api = api;
    this.throughput = throughput;
    this.allowed = localStorage.getItem(SWITCH) === "yes";
    // The browser's own account of a request leaves out what waited for a new connection.
    const measure = ({ name, requestStart, responseStart }) => {
      if (name.includes("/start?") && requestStart > 0) this.#trips = [...this.#trips, responseStart - requestStart].slice(-REMEMBERED);
    };
    new PerformanceObserver((list) => list.getEntries().forEach(measure)).observe({ type: "resource" });
  }

  /** Whether bundles may be asked for ahead of the press. */
  allow(on) {
    this.allowed = on;
    localStorage.setItem(SWITCH, on ? "yes" : "no");
    if (!on) this.#ahead = null;
  }

  /** Ms of a round trip, the server's own few included; null before one was measured. */
  get roundTrip() {
    return this.#trips.length ? Math.min(...this.#trips) : null;
  }

  /** {words, media, began, ended, ahead}: the bundle of a pressed song. `rendition` is the listener's choice, or "". */
  async open(songId, rendition, signal) {
    const early = this.#ahead;
    this.#ahead = null;
    clearTimeout(this.#resting);
    if (early && early.songId === songId && early.rendition === rendition && performance.now() < early.asked + GOOD_MS) {
      const came = await early.coming.catch(() => null);
      signal.throwIfAborted();
      if (came) return { ...came, ahead: true };
    }
    return { ...(await this.#fetch(songId, rendition, signal)), ahead: false };
  }

  /** A pointer, a finger or the focus is near the songs. */
  warm() {
    const now = performance.now();
    if (now < this.#used + WARM_MS) return;
    this.#used = now;
    this.api.touch().catch(() => {}); // the press will hear of it
  }

  /** It is on this one; `soon` when the press is sure to follow, as after a finger came down. */
  expect(songId, rendition, soon = false) {
    clearTimeout(this.#resting);
    if (!this.allowed || (this.#ahead?.songId === songId && this.#ahead.rendition === rendition)) return;
    this.#resting = setTimeout(() => this.#prefetch(songId, rendition), soon ? 0 : REST_MS);
  }

  /** It left. */
  forget() {
    clearTimeout(this.#resting);
  }

  #prefetch(songId, rendition) {
    const now = performance.now();
    this.#asked = this.#asked.filter((asked) => asked > now - GOOD_MS);
    if (this.#asked.length >= BUDGET || !this.api.hasSession) return;
    this.#asked.push(now);
    const coming = this.#fetch(songId, rendition, undefined);
    coming.catch(() => {});
    this.#ahead = { songId, rendition, coming, asked: now };
  }

  async #fetch(songId, rendition, signal) {
    const speed = this.throughput.bitsPerSecond;
    const query = { rendition };
    if (speed !== null) query.mtp = Math.max(1, Math.round(speed / 1000));
    if (speed !== null && this.roundTrip !== null) query.rtt = Math.min(60_000, Math.round(this.roundTrip));
    const came = await this.api.start(songId, query, signal);
    this.#used = came.ended;
    return came;
  }
}
