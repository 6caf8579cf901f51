/**
 * The turntable. The record's grooves are the song: each ring is as bright as the music is loud at that moment,
 * so quiet passages can be seen as on a real pressing, and the arm stands over the groove that sounds.
 */

import { art } from "./art.js";
import { painted } from "./canvas.js";
import { h, s } from "./dom.js";
import { peaksOf } from "./waveform.js";

// The deck in its own units: 400 wide, 340 high.
const CENTRE = [168, 170];
const PIVOT = [354, 66];
const REACH = 206; // pivot to stylus
const REST = 176; // distance of the stylus from the centre when it rests
const LEAD_IN = 140;
const LEAD_OUT = 62;
const RECORD = 148;

/** The arm's angle in degrees, 0 hanging straight down, for a stylus `radius` away from the centre. */
function angleFor(radius) {
  const [x, y] = [PIVOT[0] - CENTRE[0], CENTRE[1] - PIVOT[1]];
  const apart = Math.hypot(x, y);
  const towards = Math.atan2(x, y);
  const off = Math.acos((apart ** 2 + REACH ** 2 - radius ** 2) / (2 * apart * REACH));
  return ((towards - off) * 180) / Math.PI;
}

/** The arm over the groove of `progress` 0…1; null is the rest. */
export function armAngle(progress) {
  return angleFor(progress === null ? REST : LEAD_IN + (LEAD_OUT - LEAD_IN) * Math.min(Math.max(progress, 0), 1));
}

function arm() {
  return s(
    "svg",
    { viewBox: "0 0 400 340", class: "arm-layer" },
    s("circle", { cx: PIVOT[0], cy: PIVOT[1], r: 30, class: "arm-base" }),
    s("circle", { cx: PIVOT[0], cy: PIVOT[1], r: 21, class: "arm-ring" }),
    s(
      "g",
      { class: "arm", transform: `translate(${PIVOT[0]} ${PIVOT[1]})` },
      s(
        "g",
        { class: "arm-swing" },
        s("rect", { x: -9, y: -46, width: 18, height: 26, rx: 3, class: "arm-weight" }),
        s("path", { d: `M0 -24 V 120 L 0 ${REACH - 26}`, class: "arm-tube" }),
        s("path", { d: `M0 -24 V ${REACH - 26}`, class: "arm-shine" }),
        s("path", { d: `M-5.5 ${REACH - 32} h11 l2 8 -2.5 24 h-10 l-2.5 -24 z`, class: "arm-head" }),
        s("circle", { cx: 0, cy: 0, r: 10, class: "arm-pivot" }),
        s("circle", { cx: 0, cy: 0, r: 3.5, class: "arm-screw" }),
      ),
    ),
  );
}

/** Builds the turntable into `box`. */
export class Turntable {
  #peaks = null;

  constructor(box) {
    this.box = box;
    this.grooves = h("canvas", { class: "grooves" });
    this.label = h("div", { class: "record-label" });
    this.record = h("div", { class: "record" }, this.grooves, this.label, h("div", { class: "spindle" }));
    const speed = h("div", { class: "speed-plate" }, h("span", { class: "lamp" }), h("span", {}, "33⅓"));
    const stage = [h("div", { class: "platter" }), this.record, h("div", { class: "sheen" }), arm()];
    box.append(h("div", { class: "stage" }, ...stage), speed);
    this.swing = box.querySelector(".arm-swing");
    this.#paint = painted(this.grooves, (context, width) => this.#draw(context, width));
    this.progress(null);
  }

  #paint;

  /** Puts a record on: its label, and its grooves as soon as the peaks (0…1) are known. */
  async put(song) {
    this.label.replaceChildren(art(song));
    this.song = song;
    const peaks = await peaksOf(song);
    if (this.song === song) this.#press(peaks);
  }

  #press(peaks) {
    this.#peaks = peaks;
    this.#paint();
  }

  spin(on) {
    this.box.classList.toggle("spinning", on);
  }

  progress(share) {
    const angle = `${armAngle(share).toFixed(1)}deg`; // a tenth is what an eye can see
    if (this.swing.style.rotate !== angle) this.swing.style.rotate = angle;
  }

  #draw(context, width) {
    const unit = width / 2 / RECORD;
    const middle = width / 2;
    const ring = (radius, style, line) => {
      context.beginPath();
      context.arc(middle, middle, radius * unit, 0, 2 * Math.PI);
      context.strokeStyle = style;
      context.lineWidth = line * unit;
      context.stroke();
    };
    const step = 1.15;
    for (let radius = LEAD_IN; radius > LEAD_OUT; radius -= step) {
      const share = (LEAD_IN - radius) / (LEAD_IN - LEAD_OUT);
      const loud = this.#peaks ? this.#peaks[Math.min(Math.floor(share * this.#peaks.length), this.#peaks.length - 1)] : 0.35;
      ring(radius, `rgb(255 226 190 / ${(0.015 + 0.3 * loud ** 2).toFixed(3)})`, 0.62);
    }
    ring(LEAD_IN + 3.5, "rgb(255 226 190 / .08)", 0.5);
    ring(LEAD_OUT - 3, "rgb(255 226 190 / .07)", 0.5);
    ring(RECORD - 0.8, "rgb(255 226 190 / .14)", 0.8);
  }
}
