/**
 * The deck: one MediaSource with one SourceBuffer, as promises, one operation after another.
 *
 * Songs lie on it end to end. Each has its `origin`, the second at which its first audible sample sounds; the edit
 * list in the init segment puts the encoder's priming before that, and the append window cuts priming and padding
 * off. So the last sample of a song is followed by the first of the next, whatever the encoder added.
 */

import { rangesOf } from "./timeline.js";

const FRAME = 0.025; // seconds; a coded frame is a little less
const KEPT_BEHIND = 10; // seconds behind the playhead that survive when the browser's buffer is full

export class Deck {
  #media = new MediaSource();
  #buffer = null;
  #type = "";
  #last = Promise.resolve();
  #url = URL.createObjectURL(this.#media);

  constructor(audio) {
    this.audio = audio;
    this.opened = new Promise((resolve) => this.#media.addEventListener("sourceopen", resolve, { once: true }));
    audio.src = this.#url;
    this.opened.then(() => URL.revokeObjectURL(this.#url));
  }

  /** What can be played: a TimeRanges. */
  get buffered() {
    return this.#buffer ? this.#buffer.buffered : this.audio.buffered;
  }

  get ended() {
    return this.#media.readyState === "ended";
  }

  /** Appends one part (an init segment, a media segment) of the song that lies at origin … origin + length. */
  append(part, { type, origin, length }) {
    return this.#next(async () => {
      this.#adopt(type);
      this.#aim(origin, origin + length);
      try {
        await this.#operate(() => this.#buffer.appendBuffer(part));
      } catch (error) {
        if (error.name !== "QuotaExceededError") throw error;
        await this.#operate(() => this.#buffer.remove(0, Math.max(this.audio.currentTime - KEPT_BEHIND, 0.001)));
        await this.#operate(() => this.#buffer.appendBuffer(part));
      }
    });
  }

  /** Forgets everything from `start` on. */
  cut(start) {
    return this.#next(async () => {
      const end = rangesOf(this.buffered).at(-1)?.[1] ?? 0;
      if (end > start + FRAME) await this.#operate(() => this.#buffer.remove(start, Infinity));
    });
  }

  /** How long the queue is as far as it is known; 0 is where the first song began. */
  reach(end) {
    return this.#next(() => {
      if (this.#media.readyState === "open" && !(this.#media.duration >= end)) this.#media.duration = end;
    });
  }

  /** Nothing follows: the element will end where the buffer does. */
  finish() {
    return this.#next(() => {
      if (this.#media.readyState === "open") this.#media.endOfStream();
    });
  }

  #next(operation) {
    const done = this.#last.then(async () => {
      await this.opened;
      return operation();
    });
    this.#last = done.catch(() => {});
    return done;
  }

  #adopt(type) {
    if (type === this.#type) return;
    if (this.#buffer) this.#buffer.changeType(type);
    else this.#buffer = this.#media.addSourceBuffer(type);
    this.#type = type;
  }

  /** Places what is appended next. The window must never be empty on the way, hence the order. */
  #aim(start, end) {
    const buffer = this.#buffer;
    if (buffer.timestampOffset !== start) buffer.timestampOffset = start;
    if (buffer.appendWindowStart === start && buffer.appendWindowEnd === end) return;
    buffer.appendWindowStart = 0;
    buffer.appendWindowEnd = end;
    buffer.appendWindowStart = start;
  }

  #operate(begin) {
    return new Promise((resolve, reject) => {
      const buffer = this.#buffer;
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
