/** The two instruments beside the record: how long the first note took, and what is in hand. */

import { h } from "./dom.js";
import { kilobits, nameOf, toneOf } from "./qualities.js";

const REMEMBERED = 8;
const TARGET_MS = 200;

const milliseconds = (ms) => (ms < 9.95 ? ms.toFixed(1) : String(Math.round(ms)));

/** The waterfall of a start: a bar for each thing that was waited for. What was fetched ahead is no measure and stays out of the history. */
export class StartView {
  #past = [];

  /** @param starts whose asking ahead the listener may allow here */
  constructor(box, starts) {
    const ahead = box.querySelector(".ahead input");
    ahead.checked = starts.allowed;
    ahead.addEventListener("change", () => starts.allow(ahead.checked));
    this.total = box.querySelector(".total");
    this.spans = box.querySelector(".spans");
    this.history = box.querySelector(".history");
  }

  show(waterfall) {
    const joined = waterfall.total === 0;
    this.history.textContent = this.#past.length ? `before: ${this.#past.join(" · ")}` : "";
    if (!waterfall.ahead) this.#past = [joined ? "0" : milliseconds(waterfall.total), ...this.#past].slice(0, REMEMBERED);
    if (joined) {
      this.total.replaceChildren("0", h("small", {}, "ms"));
      this.total.classList.remove("late");
      this.spans.replaceChildren(h("li", { class: "joined" }, "Joined to the song before, without a gap"));
      return;
    }
    this.total.replaceChildren(milliseconds(waterfall.total), h("small", {}, waterfall.ahead ? "ms, fetched ahead" : "ms"));
    this.total.classList.toggle("late", waterfall.total > TARGET_MS);
    this.spans.replaceChildren(...waterfall.bars().map((bar) => this.#row(bar)));
  }

  #row({ name, ms, offset, width }) {
    const bar = h("i", { class: "span-bar" });
    bar.style.setProperty("left", `${offset * 100}%`);
    bar.style.setProperty("width", `max(2px, ${width * 100}%)`);
    const row = h("li", {}, h("span", {}, name), h("span", { class: "span-track" }, bar), h("span", { class: "span-ms" }, milliseconds(ms)));
    row.classList.toggle("sound", name === "first sound");
    return row;
  }
}

/** The buffer: every segment of this song and the next, in the colour of its quality. */
export class BufferView {
  #track = null;
  #following = null;
  #lanes = []; // {of: track, cells, tones: by rendition's name}

  constructor(box, engine) {
    this.engine = engine;
    this.inHand = box.querySelector(".in-hand");
    this.lanes = box.querySelector(".lanes");
    this.legend = box.querySelector(".legend");
    this.speed = box.querySelector(".speed");
  }

  /** The buffer changed, or the song. */
  update() {
    const { track, following } = this.engine;
    if (track !== this.#track || following !== this.#following) this.#build(track, following);
    for (const { of, cells, tones } of this.#lanes) {
      const held = this.engine.held(of);
      cells.forEach((cell, index) => (cell.className = held[index] ? `cell q-${tones.get(of.placed[index])}` : "cell"));
    }
    const speed = this.engine.throughput.bitsPerSecond;
    this.speed.textContent = speed === null ? "" : `the link gives ${(speed / 1e6).toFixed(speed < 1e7 ? 1 : 0)} Mbit/s`;
  }

  /** Called for every frame while something moves. */
  frame() {
    const { engine } = this;
    const text = engine.track ? engine.inHand.toFixed(1) : "–";
    if (this.shown !== text) this.inHand.replaceChildren((this.shown = text), engine.track ? h("small", {}, "s") : "");
    if (!engine.track) return;
    this.needle?.style.setProperty("left", `${(engine.position / engine.track.length) * 100}%`);
  }

  #build(track, following) {
    [this.#track, this.#following] = [track, following];
    this.#lanes = [];
    this.needle = h("i", { class: "needle" });
    const lanes = track ? [this.#lane(track, this.needle)] : [];
    if (following) lanes.push(this.#lane(following, null));
    this.lanes.replaceChildren(...lanes);
    const tones = this.#lanes[0]?.tones;
    const key = (rendition) => h("li", { class: `q-${tones.get(rendition.name)}`, title: kilobits(rendition) }, nameOf(rendition));
    if (track) this.legend.replaceChildren(...track.renditions.map(key));
  }

  #lane(track, needle) {
    const cells = track.segments.map(({ duration }) => {
      const cell = h("i", { class: "cell" });
      cell.style.setProperty("flex-grow", String(duration / track.rate));
      return cell;
    });
    const tones = new Map(track.renditions.map((rendition) => [rendition.name, toneOf(rendition, track.renditions)]));
    this.#lanes.push({ of: track, cells, tones });
    const lane = h("div", { class: "lane", role: "img" }, ...cells, needle);
    lane.setAttribute("aria-label", `Segments of ${track.song.title}`);
    return lane;
  }
}
