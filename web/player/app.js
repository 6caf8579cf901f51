/** The page: puts the parts together and passes on what happens. */

import { Api } from "./api.js";
import { Bar } from "./bar.js";
import { Engine } from "./engine.js";
import { BufferView, StartView } from "./instruments.js";
import { Library, byline } from "./library.js";
import { Search } from "./search.js";
import { Turntable } from "./turntable.js";
import { heard, rangesOf } from "./timeline.js";

const POLITE_MS = 1000; // after a press, whatever is no part of the start waits so long

const find = (selector) => document.querySelector(selector);

const api = new Api();
const engine = new Engine(find("audio"), api);
const bar = new Bar(find(".bar"), engine);
const turntable = new Turntable(find(".turntable"));
const starts = new StartView(find(".instrument.start"), engine.starts);
const buffer = new BufferView(find(".instrument.buffer"), engine);
const library = new Library(find("#library"), press, more);
const search = new Search(find(".search"), api, (text) => look(text));
const problem = find(".problem");

const reported = new WeakMap(); // track → ms told to the API
const pages = []; // of the catalogue, as far as it was scrolled
let cursor = ""; // of the next page, null when there is none
let loading = false;
let shown = ""; // the search whose answers are on the page

function press(queue, index) {
  if (engine.song === queue[index] && engine.state === "loading") return; // pressed twice: it is on its way
  if (engine.song === queue[index] && engine.track && engine.state !== "ended") engine.toggle();
  else engine.play(queue, index);
}

/** The next page of the catalogue, when it is the library that is shown. */
async function more() {
  if (loading || shown || cursor === null) return;
  loading = true;
  try {
    const page = await api.songs(cursor);
    cursor = page.next_cursor;
    pages.push(page.items);
    if (!engine.song && pages.length === 1 && page.items.length) turntable.put(page.items[0]);
    if (!shown) library.add(page.items, cursor !== null);
    if (!pages[0].length) library.message("Nothing is published yet.", "tonearm publish ~/Music --to …");
  } catch (error) {
    complain(error.message, more);
  } finally {
    loading = false;
  }
}

async function look(text) {
  if (text === shown) return;
  shown = text;
  if (!text) {
    library.start();
    pages.forEach((songs, index) => library.add(songs, index === pages.length - 1 && cursor !== null));
    return;
  }
  try {
    const { items } = await api.search(text);
    if (shown === text) library.found(text, items.map(({ song }) => song), leave);
  } catch (error) {
    complain(error.message, () => look(text));
  }
}

function leave() {
  search.clear();
  look("");
}

/** One clear line, and a way to try again. */
function complain(message, retry = null) {
  problem.hidden = !message;
  find(".problem-text").textContent = message;
  find(".retry").onclick = () => {
    complain("");
    retry?.();
  };
}

function sing(song) {
  document.body.classList.remove("idle");
  find(".now-title").textContent = song.title;
  find(".now-artist").textContent = [byline(song), song.album].filter(Boolean).join(" — ");
  document.title = `${song.title} · ${byline(song)}`;
  turntable.put(song);
  bar.song(song);
  library.mark(song, engine.state === "playing");
  if (navigator.mediaSession) {
    const artwork = song.cover_url ? [{ src: song.cover_url }] : [];
    navigator.mediaSession.metadata = new MediaMetadata({ title: song.title, artist: byline(song), album: song.album, artwork });
  }
}

/** Tells the API how much of a track was heard; `later` when somebody waits for other answers. */
function report(track, later = 0) {
  if (!track) return;
  const total = heard(rangesOf(engine.audio.played), track.origin, track.end) * 1000;
  const more = total - (reported.get(track) ?? 0);
  if (more < 1000) return;
  reported.set(track, total);
  if (later) setTimeout(() => api.played(track.song.song_id, more), later);
  else api.played(track.song.song_id, more);
}

function refresh() {
  buffer.update();
  bar.qualities();
  frame();
}

function frame() {
  bar.frame();
  buffer.frame();
  const share = engine.track && engine.state !== "ended" ? engine.position / engine.track.length : null;
  turntable.progress(share);
  library.progress(share ?? 0);
}

/** Twenty times a second is smooth for what moves here, and kind to a battery. */
function animate() {
  frame();
  clearTimeout(animate.next);
  if (engine.state === "playing") animate.next = setTimeout(() => requestAnimationFrame(animate), 50);
}

engine.addEventListener("leave", ({ detail }) => report(detail, POLITE_MS));
engine.addEventListener("song", ({ detail }) => {
  complain("");
  sing(detail);
  refresh();
});
engine.addEventListener("start", ({ detail }) => starts.show(detail));
engine.addEventListener("problem", ({ detail }) => complain(detail, () => engine.retry()));
engine.addEventListener("buffer", refresh);
engine.addEventListener("state", ({ detail }) => {
  bar.state(detail);
  if (detail === "loading") return; // the rest waits for the sound
  turntable.spin(detail === "playing");
  library.mark(engine.song, detail === "playing");
  if (detail === "ended") report(engine.track);
  if (detail === "playing") complain("");
  animate();
});
engine.audio.addEventListener("timeupdate", refresh); // also while the tab is in the background
engine.audio.addEventListener("seeked", frame);
addEventListener("pagehide", () => report(engine.track));

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.closest("input, select, textarea, button, a, [role=slider]");
  if (event.key === "/" && !event.target.closest("input")) {
    event.preventDefault();
    search.focus();
  } else if (event.key === " " && (!typing || event.target.matches("[role=slider]")) && engine.song) {
    event.preventDefault();
    engine.toggle();
  }
});

if (navigator.mediaSession) {
  const actions = {
    play: () => engine.toggle(),
    pause: () => engine.toggle(),
    nexttrack: () => engine.next(),
    previoustrack: () => engine.previous(),
    seekto: ({ seekTime }) => engine.seek(seekTime),
  };
  for (const [action, handler] of Object.entries(actions)) navigator.mediaSession.setActionHandler(action, handler);
}

/** A pointer over the songs, a finger or a focus on one: the press that may follow finds a warm connection. */
function expect(event) {
  engine.expect(event.target.closest?.(".song")?.song ?? null, event.type !== "pointerover");
}

for (const sign of ["pointerover", "pointerdown", "focusin"]) find("#library").addEventListener(sign, expect);
find("#library").addEventListener("pointerleave", () => engine.expect(null));
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && engine.expect(null));

api.session().catch(() => {}); // a failure is heard of when a song needs it
engine.prepare();
library.start();
more();
