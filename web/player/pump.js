/**
 * The pump keeps the deck filled ahead of the playhead.
 *
 * It asks one question over and over: from the playhead on, what is the first thing that is not buffered yet?
 * Starting, seeking, rebuffering, another quality and the way into the next song are all this question with
 * another playhead. The next song is laid at the exact end of the present one while that still plays.
 */

import { choose } from "./abr.js";
import { Deck } from "./deck.js";
import { pause } from "./http.js";
import { ahead, covered, rangesOf, segmentAt } from "./timeline.js";
import { Track } from "./track.js";
import { Waterfall } from "./waterfall.js";

const GOAL = 30; // seconds to have in hand
const CLOSE = 1; // seconds in hand below which a failure can no longer be waited out
const AGAIN_MS = 1000;

export class Pump {
  laid = []; // tracks on the deck, in order
  quality = "auto"; // or a rendition's name

  #deck;
  #stop = new AbortController();
  #job = null; // {track, index, abort}: the segment on its way
  #read = { track: null, name: null }; // whose init segment the source buffer read last
  #next = null; // the opening of the next song
  #finished = false;
  #wake = () => {};

  /**
   * @param audio the media element, which this pump takes over
   * @param queue gives the n-th song, undefined behind the last; the first of them is laid at 0
   * @param shared {starts, api, licences, throughput}
   * @param changed called whenever there is more (or less) in the buffer
   */
  constructor(audio, queue, shared, changed) {
    this.audio = audio;
    this.queue = queue;
    this.shared = shared;
    this.changed = changed;
    this.#deck = new Deck(audio);
  }

  get stopped() {
    return this.#stop.signal.aborted;
  }

  /** Whether its deck is ready: until then it is another pump's song that sounds. */
  get ready() {
    return this.#deck.ready;
  }

  stop() {
    this.#stop.abort();
  }

  /** Seconds that can be played without waiting. */
  get inHand() {
    return ahead(rangesOf(this.#deck.buffered), this.audio.currentTime);
  }

  /** For each segment of `track`, whether it can be played. */
  held(track) {
    const ranges = rangesOf(this.#deck.buffered);
    return track.segments.map((_, index) => covered(ranges, ...track.span(index)));
  }

  /** Opens the first song, `at` seconds into it, and pumps until stopped. Throws when the sound would break off. */
  async run(waterfall, at) {
    const { signal } = this.#stop;
    const track = new Track(this.queue(0), this.shared, signal);
    await Promise.all([track.open(waterfall, this.#wish), this.#deck.opened]);
    signal.throwIfAborted();
    if (track.first && at === 0) await Promise.all([this.#begin(track, waterfall), track.describe()]);
    else await waterfall.time("presentation", () => track.describe());
    signal.throwIfAborted();
    this.#lay(track);
    if (at > 0) this.audio.currentTime = at;
    for (;;) {
      const want = this.#wanted();
      if (want) await this.#fill(want, track.placed.length ? null : waterfall);
      else await this.#rest();
      signal.throwIfAborted();
    }
  }

  /** The playhead moved, or something else did: ask the question again. */
  nudge() {
    this.#wake();
  }

  /** The playhead jumped: what is on its way may not be the first thing missing any more. */
  jumped() {
    const want = this.laid.length ? this.#wanted() : null;
    const job = this.#job;
    if (job && want && (want.track !== job.track || want.index !== job.index)) job.abort.abort();
    this.nudge();
  }

  /** From `time` on, what was fetched is forgotten and fetched anew. */
  async recut(time) {
    this.#job?.abort.abort();
    await this.#deck.cut(time);
    this.nudge();
  }

  /** What came with the bundle sounds before anything else is known of the song. */
  async #begin(track, waterfall) {
    const { name, type, media } = track.first;
    this.#deck.reach(track.length);
    const began = performance.now();
    await Promise.all([this.#deck.append(media, { type, origin: 0, length: track.length }), track.unlocked]);
    waterfall.span("append", began, performance.now());
    this.#read = { track, name };
    track.placed[0] = name;
  }

  #lay(track) {
    track.origin = this.laid.at(-1)?.end ?? 0;
    this.laid.push(track);
    this.#deck.reach(track.end);
    this.changed();
  }

  /** {track, index} of the first segment that is missing from the playhead on, or null when all is well. */
  #wanted() {
    const time = this.audio.currentTime;
    const ranges = rangesOf(this.#deck.buffered);
    const from = Math.max(0, this.laid.findLastIndex(({ origin }) => origin <= time));
    for (const track of this.laid.slice(from)) {
      const first = segmentAt(track.segments, (time - track.origin) * track.rate);
      for (let index = first; index < track.segments.length; index += 1) {
        const [start, end] = track.span(index);
        if (start > time + GOAL) return null;
        if (!covered(ranges, start, end)) return { track, index };
      }
    }
    return null;
  }

  /** Nothing is missing for now. Near the end of what is laid, lay the next song, or say that nothing follows. */
  #rest() {
    const song = this.queue(this.laid.length);
    if (this.laid.at(-1).end <= this.audio.currentTime + GOAL) {
      if (song && !this.#next) {
        this.#next = this.#follow(song);
        this.#next.catch(() => {}); // heard of at the next rest
      } else if (!song) this.#finish();
    }
    const woken = new Promise((resolve) => (this.#wake = resolve));
    return this.#next ? Promise.race([woken, this.#next]) : woken;
  }

  #finish() {
    if (!this.#finished) this.#deck.finish();
    this.#finished = true;
  }

  /** Opens and lays the next song; a failure matters only when the present one is about to run out. */
  async #follow(song) {
    const { signal } = this.#stop;
    const track = new Track(song, this.shared, signal);
    for (;;) {
      try {
        await track.open(new Waterfall(performance.now(), song.title), this.#wish);
        await track.describe();
        break;
      } catch (error) {
        if (signal.aborted || this.inHand < CLOSE) throw error;
        await pause(AGAIN_MS, signal);
      }
    }
    signal.throwIfAborted();
    this.#lay(track);
    this.#next = null;
  }

  /** Fetches and appends one segment, with its init segment where the rendition or the song changes; only the first is waited for. */
  async #fill({ track, index }, waterfall) {
    const { signal } = this.#stop;
    const abort = new AbortController();
    const either = AbortSignal.any([signal, abort.signal]);
    const rendition = this.#pick(track);
    this.#job = { track, index, abort };
    try {
      const bundled = track.bundled(rendition, index);
      const changes = !bundled && (this.#read.track !== track || this.#read.name !== rendition.name);
      const [init, media] = bundled ? [null, bundled] : await Promise.all([
        changes ? track.init(rendition, waterfall) : null,
        track.segment(rendition, index, waterfall, either),
      ]);
      either.throwIfAborted();
      const place = { type: track.type(rendition), origin: track.origin, length: track.length };
      const began = performance.now();
      this.#finished = false; // appending opens a finished source again
      if (init) await this.#deck.append(init, place);
      this.#read = { track, name: rendition.name };
      await this.#deck.append(media, place);
      waterfall?.span("append", began, performance.now());
      track.placed[index] = rendition.name;
      await track.unlocked;
      this.changed();
    } catch (error) {
      if (abort.signal.aborted) return; // no longer wanted: the pump asks again
      if (!error.passing || this.inHand < CLOSE) throw error;
      await pause(AGAIN_MS, signal);
    } finally {
      this.#job = null;
    }
  }

  /** The rendition for the next segment of `track`. */
  #pick(track) {
    const chosen = track.rendition(this.quality);
    if (chosen) return chosen;
    const situation = {
      estimate: this.shared.throughput.bitsPerSecond,
      ahead: this.inHand,
      current: this.#read.name,
      start: track.presentation.start_rendition,
    };
    return track.rendition(choose(track.ladder, situation));
  }

  /** The rendition to ask for before a presentation is known; "" leaves it to the server. */
  get #wish() {
    return this.quality === "auto" ? (this.#read.name ?? "") : this.quality;
  }
}
