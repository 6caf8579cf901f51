/**
 * The engine: what a listener does (play, pause, seek, next, choose a quality) and what became of it.
 *
 * Sound goes first: a pressed song is told of when it sounds, or after a tenth of a second, because whoever listens has
 * pixels to move, and the page has one thread for them and for the answers that the sound is waiting for.
 *
 * Events (detail): "leave" (the track that sounded, or null), "song" (song), "state" (name), "start" (waterfall), "buffer", "problem" (message).
 */

import { Throughput } from "./abr.js";
import { Deck } from "./deck.js";
import { Licences } from "./drm.js";
import { Pump } from "./pump.js";
import { Starts } from "./starts.js";
import { segmentAt } from "./timeline.js";
import { Waterfall } from "./waterfall.js";

const SETTLED = 1; // seconds after the playhead that a change of quality leaves alone
const RESTART = 3; // seconds into a song after which "previous" means its beginning
const SILENCE_MS = 100; // how long pixels wait for the sound
const LAST = 0.05; // a seek stays this many seconds before the end

export class Engine extends EventTarget {
  queue = [];
  state = "idle"; // idle, loading, playing, paused, buffering, ended, problem
  quality = "auto";
  throughput = new Throughput();

  #index = -1; // of the song that sounds, in the queue
  #base = 0; // of the first song on the deck
  #pump = null;
  #starting = null; // {waterfall, from}: pressed, and no sound yet
  #unsaid = 0; // the timer that will tell of a pressed song

  /** @param audio the media element @param api the control API */
  constructor(audio, api) {
    super();
    this.audio = audio;
    this.starts = new Starts(api, this.throughput);
    this.shared = { api, starts: this.starts, licences: new Licences(audio), throughput: this.throughput };
    this.#listen();
  }

  /**
   * What the first press would otherwise wait for: the decryptor, something to play on, and the browser's audio service, which takes its
   * 150 ms to start and is started by any audio context. Failures are heard of when a song needs it.
   */
  prepare() {
    this.shared.licences.prepare().catch(() => {});
    if (window.MediaSource) Deck.prepare(this.audio);
    if (window.AudioContext) new AudioContext().close();
  }

  get song() {
    return this.queue[this.#index] ?? null;
  }

  get hasNext() {
    return this.#index + 1 < this.queue.length;
  }

  /** The track that sounds, or null while it is not known yet. */
  get track() {
    return this.#pump?.laid[this.#index - this.#base] ?? null;
  }

  /** The track after it, once it lies on the deck. */
  get following() {
    return this.#pump?.laid[this.#index - this.#base + 1] ?? null;
  }

  /** Seconds into the present song. */
  get position() {
    const track = this.track;
    return track ? Math.min(Math.max(this.audio.currentTime - track.origin, 0), track.length) : 0;
  }

  /** Seconds that can be played without waiting. */
  get inHand() {
    return this.#pump?.inHand ?? 0;
  }

  /** The rendition under the playhead, or null. */
  get rendition() {
    const track = this.track;
    const name = track?.placed[segmentAt(track.segments, this.position * track.rate)];
    return (name && track.rendition(name)) || null;
  }

  /** For each segment of `track`, whether it can be played. */
  held(track) {
    return this.#pump.held(track);
  }

  /**
   * Plays `queue` from `index` on, `at` seconds into that song. Call it from the press itself. The queue may grow at its
   * end while it plays.
   */
  play(queue, index, at = 0) {
    const waterfall = new Waterfall(performance.now(), queue[index].title);
    const there = queue === this.queue && at === 0 && this.#pump?.stopped === false;
    const track = there ? this.#pump.laid[index - this.#base] : null;
    clearTimeout(this.#unsaid);
    this.#emit("leave", this.track);
    this.queue = queue;
    this.#index = index;
    this.#starting = { waterfall, from: track ? track.origin : at };
    if (track) this.audio.currentTime = track.origin;
    else this.#start(waterfall, at);
    this.#sound();
    this.#unsaid = setTimeout(() => this.#say(), SILENCE_MS);
  }

  toggle() {
    if (this.state === "problem") this.retry();
    else if (this.state === "ended") this.play(this.queue, 0);
    else if (this.audio.paused) this.#sound();
    else this.audio.pause();
  }

  next() {
    if (this.hasNext) this.play(this.queue, this.#index + 1);
  }

  previous() {
    if (this.position > RESTART || this.#index <= 0) this.seek(0);
    else this.play(this.queue, this.#index - 1);
  }

  /** To `seconds` into the present song. */
  seek(seconds) {
    const track = this.track;
    if (!track) return;
    const within = Math.max(0, Math.min(seconds, track.length - LAST));
    if (this.state === "problem") return void this.play(this.queue, this.#index, within);
    this.audio.currentTime = track.origin + within;
    if (this.state === "ended") this.#sound();
  }

  /** A pointer, a finger or the focus came to `song`, so a press may follow; null when it left. */
  expect(song, soon = false) {
    this.starts.warm();
    if (song) this.starts.expect(song.song_id, this.quality === "auto" ? "" : this.quality, soon);
    else this.starts.forget();
  }

  /** "auto" or a rendition's name. What was fetched for later is fetched anew, in the chosen quality. */
  choose(quality) {
    this.quality = quality;
    if (!this.#pump) return;
    this.#pump.quality = quality;
    const track = this.track;
    if (!track || quality === "auto") return;
    const boundary = track.segments.findIndex(({ start }) => start >= (this.position + SETTLED) * track.rate);
    this.#pump.recut(boundary < 0 ? track.end : track.span(boundary)[0]);
  }

  retry() {
    if (this.song) this.play(this.queue, this.#index, this.position);
  }

  #start(waterfall, at) {
    const { queue } = this;
    const base = this.#index;
    this.#pump?.stop();
    this.#become("loading");
    if (!window.MediaSource) return this.#fail(new Error("This browser has no Media Source Extensions to play with."));
    const pump = new Pump(this.audio, (n) => queue[base + n], this.shared, () => this.#emit("buffer"));
    pump.quality = this.quality;
    this.#pump = pump;
    this.#base = base;
    pump.run(waterfall, at).catch((error) => pump.stopped || this.#fail(error));
  }

  #listen() {
    const { audio } = this;
    const on = (name, listener) => audio.addEventListener(name, listener);
    on("timeupdate", () => this.#advance());
    on("seeking", () => this.#pump?.jumped());
    on("playing", () => this.#playing());
    on("pause", () => this.#paused());
    on("waiting", () => this.#starting || this.#become("buffering"));
    on("ended", () => this.#become("ended"));
    on("error", () => this.#fail(new Error("The browser stopped: this song does not decode.")));
  }

  /** The playhead moved on: perhaps into the next song, certainly towards an emptier buffer. */
  #advance() {
    for (let next = this.following; next && this.audio.currentTime >= next.origin; next = this.following) {
      this.#emit("leave", this.track);
      this.#index += 1;
      this.#emit("song", this.song);
      const joined = new Waterfall(performance.now(), next.song.title);
      joined.sounded(joined.pressed);
      this.#emit("start", joined);
    }
    this.#pump?.nudge();
  }

  /** Tells which song was pressed, once. */
  #say() {
    if (!this.#unsaid) return;
    clearTimeout(this.#unsaid);
    this.#unsaid = 0;
    this.#emit("song", this.song);
  }

  #playing() {
    if (this.#starting && !this.#pump.ready) return; // that is the song before
    this.#say();
    this.#become("playing");
    if (this.#starting) this.#awaitSound(this.#starting);
  }

  #paused() {
    if (this.audio.ended || this.state === "problem") return;
    this.#starting = null; // a start that was held is none
    this.#become("paused");
  }

  /** The clock of the sound runs back to the moment it began, however late we look. */
  #awaitSound(starting) {
    if (this.#starting !== starting) return;
    const heard = this.audio.currentTime - starting.from;
    if (heard <= 0) return void setTimeout(() => this.#awaitSound(starting), 4);
    this.#starting = null;
    starting.waterfall.sounded(performance.now() - (heard * 1000) / this.audio.playbackRate);
    this.#emit("start", starting.waterfall);
  }

  #sound() {
    this.audio.play().catch((error) => {
      if (error.name === "NotAllowedError") this.#become("paused"); // the browser wants a press first
    });
  }

  #fail(error) {
    if (this.state === "problem") return;
    this.#pump?.stop();
    this.#starting = null;
    this.#say();
    this.#become("problem");
    this.audio.pause();
    this.#emit("problem", error.message);
  }

  #become(state) {
    if (this.state === state) return;
    this.state = state;
    this.#emit("state", state);
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
