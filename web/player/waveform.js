/** Waveforms: the peaks of a song, fetched once, and a canvas that draws them as bars. */

import { colour, painted } from "./canvas.js";
import { request } from "./http.js";

const known = new Map(); // peaks_url → promise; they are immutable and small

/** The peaks of a song as numbers 0…1, or null when it has none or they cannot be had. */
export function peaksOf(song) {
  if (!song.peaks_url) return Promise.resolve(null);
  if (!known.has(song.peaks_url)) {
    const read = async () => amplitudes(await (await request(song.peaks_url)).json());
    known.set(song.peaks_url, read().catch(() => null));
  }
  return known.get(song.peaks_url);
}

/** The document of ingest/peaks.py (pairs of minimum and maximum) as amplitudes 0…1; the loudest is 1. */
export function amplitudes({ data }) {
  const extents = Array.from({ length: data.length >> 1 }, (_, i) => Math.max(-data[2 * i], data[2 * i + 1], 0));
  const loudest = Math.max(...extents, 1);
  return extents.map((extent) => extent / loudest);
}

/** `bars` values out of `peaks`: the loudest of each stretch. */
export function resample(peaks, bars) {
  return Array.from({ length: bars }, (_, i) => {
    const from = Math.floor((i * peaks.length) / bars);
    const to = Math.max(from + 1, Math.floor(((i + 1) * peaks.length) / bars));
    return Math.max(...peaks.slice(from, to));
  });
}

const FLAT = [0];

/** Draws a song's waveform on `canvas`: what was played in brass, what is in hand brighter than what is not. */
export class Waveform {
  #peaks = FLAT;
  #played = 0;
  #ahead = 0;
  #paint;

  constructor(canvas, { bar = 3, gap = 1 } = {}) {
    let tones = null;
    const draw = (context, width, height) => {
      const count = Math.max(1, Math.floor((width + gap) / (bar + gap)));
      tones ??= { played: colour("brass"), ahead: colour("wave-ahead"), rest: colour("wave") };
      resample(this.#peaks, count).forEach((peak, index) => {
        const share = (index + 0.5) / count;
        const tall = Math.max(2, peak * height);
        context.fillStyle = share <= this.#played ? tones.played : share <= this.#ahead ? tones.ahead : tones.rest;
        context.beginPath();
        context.roundRect(index * (bar + gap), (height - tall) / 2, bar, tall, bar / 2);
        context.fill();
      });
    };
    this.#paint = painted(canvas, draw);
  }

  /** Shows the song's peaks as soon as they are there; the latest call wins. */
  async show(song) {
    this.wanted = song;
    this.#peaks = FLAT;
    this.#paint();
    const peaks = await peaksOf(song);
    if (this.wanted !== song) return;
    this.#peaks = peaks?.length ? peaks : FLAT;
    this.#paint();
  }

  /** Shares 0…1 of the song: what was played, and up to where it is buffered. */
  progress(played, ahead = 0) {
    if (Math.abs(played - this.#played) < 0.0005 && Math.abs(ahead - this.#ahead) < 0.002) return;
    [this.#played, this.#ahead] = [played, ahead];
    this.#paint();
  }
}
