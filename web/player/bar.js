/** The player bar: transport, the groove to seek in, quality and volume. It shows the engine and moves it. */

import { art } from "./art.js";
import { h } from "./dom.js";
import { byline } from "./library.js";
import { kilobits, nameOf } from "./qualities.js";
import { clock } from "./timeline.js";
import { Waveform } from "./waveform.js";

const VOLUME = "tonearm.volume";
const STEP = 5; // seconds an arrow key moves
const LEAP = 30; // seconds a page key moves

const described = (rendition) => `${nameOf(rendition)} · ${kilobits(rendition)}`;

export class Bar {
  /** @param box the footer @param engine the engine */
  constructor(box, engine) {
    this.engine = engine;
    const find = (selector) => box.querySelector(selector);
    this.find = find;
    this.toggle = find(".toggle");
    this.groove = find(".groove");
    this.quality = find("select");
    this.wave = new Waveform(this.groove);
    this.toggle.addEventListener("click", () => engine.toggle());
    find(".next").addEventListener("click", () => engine.next());
    find(".previous").addEventListener("click", () => engine.previous());
    this.quality.addEventListener("change", () => engine.choose(this.quality.value));
    this.#seeking();
    this.#volume(find(".volume input"), find(".mute"));
  }

  /** Another song. */
  song(song) {
    this.find(".bar-art").replaceChildren(art(song));
    this.find(".bar-title").textContent = song.title;
    this.find(".bar-artist").textContent = byline(song);
    this.find(".whole").textContent = clock(song.duration_ms);
    this.groove.setAttribute("aria-disabled", "false");
    this.groove.setAttribute("aria-valuemax", String(Math.round(song.duration_ms / 1000)));
    this.find(".previous").disabled = false;
    this.find(".next").disabled = !this.engine.hasNext;
    this.wave.show(song);
    this.wave.progress(0, 0);
  }

  /** Another state of the engine. */
  state(state) {
    const sounding = ["playing", "buffering", "loading"].includes(state);
    this.toggle.disabled = state === "idle";
    this.toggle.classList.toggle("waiting", state === "loading" || state === "buffering");
    this.toggle.setAttribute("aria-label", sounding ? "Pause" : "Play");
    this.toggle.querySelector("use").setAttribute("href", sounding ? "#pause" : "#play");
  }

  /** The qualities of the present song; built anew only for another one, as somebody may have the list open. */
  qualities() {
    const renditions = this.engine.track?.renditions;
    if (!renditions || renditions === this.offered) return;
    this.offered = renditions;
    const chosen = this.engine.quality;
    const options = renditions.map((rendition) => h("option", { value: rendition.name }, described(rendition)));
    this.quality.replaceChildren(h("option", { value: "auto" }, "Auto"), ...options);
    this.quality.value = renditions.some(({ name }) => name === chosen) ? chosen : "auto";
    this.quality.disabled = false;
  }

  /** Called for every frame while something moves. */
  frame() {
    const { engine } = this;
    const whole = (engine.song?.duration_ms ?? 0) / 1000;
    if (!whole) return;
    const { position } = engine;
    this.wave.progress(position / whole, (position + engine.inHand) / whole);
    const elapsed = clock(position * 1000);
    if (this.find(".elapsed").textContent !== elapsed) {
      this.find(".elapsed").textContent = elapsed;
      this.groove.setAttribute("aria-valuenow", String(Math.floor(position)));
      this.groove.setAttribute("aria-valuetext", `${elapsed} of ${clock(whole * 1000)}`);
    }
    const now = engine.rendition;
    const text = now ? described(now) : "Quality";
    if (this.find(".quality-now").textContent !== text) this.find(".quality-now").textContent = text;
  }

  #seeking() {
    const { groove, engine } = this;
    const whole = () => (engine.song?.duration_ms ?? 0) / 1000;
    const at = (event) => {
      const { left, width } = groove.getBoundingClientRect();
      engine.seek((Math.min(Math.max(event.clientX - left, 0), width) / width) * whole());
    };
    groove.addEventListener("pointerdown", (event) => {
      groove.setPointerCapture(event.pointerId);
      at(event);
    });
    groove.addEventListener("pointermove", (event) => groove.hasPointerCapture(event.pointerId) && at(event));
    groove.addEventListener("keydown", (event) => {
      const targets = {
        ArrowRight: engine.position + STEP,
        ArrowUp: engine.position + STEP,
        ArrowLeft: engine.position - STEP,
        ArrowDown: engine.position - STEP,
        PageUp: engine.position + LEAP,
        PageDown: engine.position - LEAP,
        Home: 0,
        End: whole(),
      };
      if (!(event.key in targets)) return;
      event.preventDefault();
      engine.seek(targets[event.key]);
    });
  }

  #volume(slider, mute) {
    const { audio } = this.engine;
    const show = () => {
      slider.value = String(audio.muted ? 0 : audio.volume);
      slider.style.setProperty("--share", `${slider.value * 100}%`);
      mute.setAttribute("aria-pressed", String(audio.muted));
      mute.querySelector("use").setAttribute("href", audio.muted || audio.volume === 0 ? "#muted" : "#volume");
    };
    audio.volume = Number(localStorage.getItem(VOLUME) ?? 1);
    audio.addEventListener("volumechange", show);
    slider.addEventListener("input", () => {
      audio.muted = false;
      audio.volume = Number(slider.value);
      localStorage.setItem(VOLUME, slider.value);
    });
    mute.addEventListener("click", () => (audio.muted = !audio.muted));
    show();
  }
}
