/**
 * The deck: one MediaSource with one SourceBuffer, as promises, one operation after another.
 *
 * What is below the songs, the platter, is kept when another song is pressed: a browser takes 20 to 40 ms to take down one
 * pipeline and to build another, and most of that after the bytes are there. A new deck clears it while its first bytes
 * are on their way; from then on the deck before has no hand on it.
 *
 * Songs lie on it end to end. Each has its `origin`, the second at which its first audible sample sounds; the edit
 * list in the init segment puts the encoder's priming before that, and the append window cuts priming and padding
 * off. So the last sample of a song is followed by the first of the next, whatever the encoder added.
 */

import { rangesOf } from "./timeline.js";

const FRAME = 0.025; // seconds; a coded frame is a little less
const KEPT_BEHIND = 10; // seconds behind the playhead that survive when the browser's buffer is full

class Platter {
  media = new MediaSource();
  buffer = null;
  type = "";
  last = Promise.resolve();
  deck = null; // whose songs lie on it
  #open = false;

  constructor(audio) {
    this.audio = audio;
    const url = URL.createObjectURL(this.media);
    this.opened = new Promise((resolve) => this.media.addEventListener("sourceopen", resolve, { once: true })).then(() => {
      this.#open = true;
      URL.revokeObjectURL(url);
    });
    audio.src = url;
  }

  /** Whether nothing can be played on it any more: the browser gave it up. */
  get broken() {
    return this.audio.error !== null || (this.#open && this.media.readyState === "closed");
  }
}

const platters = new WeakMap(); // by media element

function platterOf(audio) {
  const known = platters.get(audio);
  const platter = known && !known.broken ? known : new Platter(audio);
  platters.set(audio, platter);
  return platter;
}

export class Deck {
  #platter;
  #reached = 0;

  /** Makes ready what the first deck of `audio` will need. */
  static prepare(audio) {
    platterOf(audio);
  }

  constructor(audio) {
    this.audio = audio;
    this.#platter = platterOf(audio);
    const used = this.#platter.deck !== null;
    this.#platter.deck = this;
    this.ready = false; // whether the playhead is at the beginning of this deck, and nothing of another lies on it
    this.opened = (used ? this.#clear() : this.#platter.opened).then(() => (this.ready = true));
  }

  /** What can be played: a TimeRanges. */
  get buffered() {
    return this.#platter.buffer ? this.#platter.buffer.buffered : this.audio.buffered;
  }

  /** Appends one part (an init segment, a media segment) of the song that lies at origin … origin + length. */
  append(part, { type, origin, length }) {
    return this.#next(async () => {
      this.#adopt(type);
      this.#aim(origin, origin + length);
      try {
        await this.#operate(() => this.#platter.buffer.appendBuffer(part));
      } catch (error) {
        if (error.name !== "QuotaExceededError") throw error;
        await this.#operate(() => this.#platter.buffer.remove(0, Math.max(this.audio.currentTime - KEPT_BEHIND, 0.001)));
        await this.#operate(() => this.#platter.buffer.appendBuffer(part));
      }
    });
  }

  /** Forgets everything from `start` on. */
  cut(start) {
    return this.#next(async () => {
      const end = rangesOf(this.buffered).at(-1)?.[1] ?? 0;
      if (end > start + FRAME) await this.#operate(() => this.#platter.buffer.remove(start, Infinity));
    });
  }

  /** How long the queue is as far as it is known; 0 is where the first song began. */
  reach(end) {
    return this.#next(() => {
      const { media } = this.#platter;
      const known = this.#reached > 0 && media.duration >= end; // the duration may be that of the deck before
      if (media.readyState === "open" && !known) media.duration = end;
      this.#reached = end;
    });
  }

  /** Nothing follows: the element will end where the buffer does. */
  finish() {
    return this.#next(() => {
      if (this.#platter.media.readyState === "open") this.#platter.media.endOfStream();
    });
  }

  /** What lay here before is taken off, and only then the playhead goes back: it must not play the beginning of that. */
  #clear() {
    return this.#next(async () => {
      const { buffer, media } = this.#platter;
      if (buffer && media.duration >= 0) await this.#operate(() => buffer.remove(0, Infinity));
      this.audio.currentTime = 0;
    });
  }

  #next(operation) {
    const platter = this.#platter;
    const done = platter.last.then(async () => {
      await platter.opened;
      if (platter.deck !== this) throw new DOMException("Another song was pressed.", "AbortError");
      return operation();
    });
    platter.last = done.catch(() => {});
    return done;
  }

  #adopt(type) {
    const platter = this.#platter;
    if (type === platter.type) return;
    if (platter.buffer) platter.buffer.changeType(type);
    else platter.buffer = platter.media.addSourceBuffer(type);
    platter.type = type;
  }

  /** Places what is appended next. The window must never be empty on the way, hence the order. */
  #aim(start, end) {
    const { buffer } = this.#platter;
    if (buffer.timestampOffset !== start) buffer.timestampOffset = start;
    if (buffer.appendWindowStart === start && buffer.appendWindowEnd === end) return;
    buffer.appendWindowStart = 0;
    buffer.appendWindowEnd = end;
    buffer.appendWindowStart = start;
  }

  #operate(begin) {
    return new Promise((resolve, reject) => {
      const { buffer } = this.#platter;
      const fail = () => reject(new Error("The browser refused the sound: the segment does not decode."));
      buffer.addEventListener("error", fail, { once: true });
      const done = () => {
        buffer.removeEventListener("error", fail);
        resolve();
      };
      buffer.addEventListener("updateend", done, { once: true });
      try {
        begin();
      } catch (error) {
        buffer.removeEventListener("error", fail);
        buffer.removeEventListener("updateend", done);
        reject(error);
      }
    });
  }
}
