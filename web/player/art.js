/**
 * Covers. Where a song has none, one is drawn: a warm gradient and rings out of the album's name, so that the same
 * album always looks the same, and its initial.
 */

import { h, s } from "./dom.js";

const PAIRS = [
  ["#7a2e1d", "#d98a3d"],
  ["#23414a", "#c8a15a"],
  ["#4a2338", "#d2745c"],
  ["#2f3d26", "#c9b066"],
  ["#5a3a18", "#e6b865"],
  ["#2a2f52", "#c98a6a"],
  ["#5c1f2b", "#dba06a"],
  ["#1f4038", "#d7b98a"],
];

/** A small stable number out of a text (FNV-1a). */
export function hashOf(text) {
  let hash = 0x811c9dc5;
  for (const letter of text) hash = Math.imul(hash ^ letter.codePointAt(0), 0x01000193) >>> 0;
  return hash;
}

function drawn(name) {
  const hash = hashOf(name);
  const [dark, light] = PAIRS[hash % PAIRS.length];
  const id = `g${hash.toString(36)}-${(drawn.count = (drawn.count ?? 0) + 1)}`;
  const [x, y] = [20 + (hash >>> 8) % 60, 25 + (hash >>> 16) % 55];
  const rings = [16, 30, 46, 64, 84].map((r) => s("circle", { cx: x, cy: y, r, class: "ring" }));
  const initial = [...name.trim()].find((letter) => /[\p{L}\p{N}]/u.test(letter)) ?? "♪";
  return s(
    "svg",
    { viewBox: "0 0 100 100", class: "art", "aria-hidden": "true", preserveAspectRatio: "xMidYMid slice" },
    s(
      "linearGradient",
      { id, x1: 0, y1: 0, x2: 1, y2: 1 },
      s("stop", { offset: 0, "stop-color": light }),
      s("stop", { offset: 1, "stop-color": dark }),
    ),
    s("rect", { width: 100, height: 100, fill: `url(#${id})` }),
    ...rings,
    s("text", { x: 50, y: 66, "text-anchor": "middle" }, initial.toUpperCase()),
  );
}

/** The cover of a song as an element that fills its box; decoration, the names stand beside it. */
export function art(song) {
  const name = song.album || song.title;
  if (!song.cover_url) return drawn(name);
  const image = h("img", { class: "art", src: song.cover_url, alt: "", loading: "lazy", decoding: "async" });
  image.addEventListener("error", () => image.replaceWith(drawn(name)), { once: true });
  return image;
}
