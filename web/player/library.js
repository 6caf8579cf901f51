/** The library: albums with their songs, or the answers of a search. Long catalogues come page by page. */

import { art } from "./art.js";
import { h, icon } from "./dom.js";
import { clock } from "./timeline.js";
import { Waveform } from "./waveform.js";

/** Songs that belong together, in the order of the record: [{key, name, artist, songs}]; songs without album come last. */
export function albumsOf(songs) {
  const albums = new Map();
  for (const song of songs) {
    const artist = song.album_artist || (song.artists[0] ?? "");
    const key = song.album ? `${song.album}\n${artist}` : "";
    if (!albums.has(key)) albums.set(key, { key, name: song.album, artist: song.album ? artist : "", songs: [] });
    albums.get(key).songs.push(song);
  }
  const order = (a, b) => (a.track_number ?? 1e6) - (b.track_number ?? 1e6);
  for (const album of albums.values()) if (album.key) album.songs.sort(order);
  return [...albums.values()].sort((a, b) => (a.key === "") - (b.key === ""));
}

export const byline = (song) => song.artists.join(", ") || song.album_artist || "Unknown artist";

const total = (songs) => clock(songs.reduce((sum, song) => sum + song.duration_ms, 0));
const count = (songs) => `${songs.length} ${songs.length === 1 ? "song" : "songs"}`;

export class Library {
  #rows = new Map(); // song_id → rows
  #playing = null;
  #seen;

  /** @param box the element to fill @param onPlay called with (queue, index) */
  constructor(box, onPlay) {
    this.box = box;
    this.onPlay = onPlay;
    // Waveforms are fetched when their rows come near the screen.
    this.#seen = new IntersectionObserver((entries) => entries.forEach((entry) => this.#near(entry)), { rootMargin: "300px" });
  }

  /** Shows the catalogue, grouped by album. */
  albums(songs) {
    this.#clear();
    const albums = albumsOf(songs);
    const queue = albums.flatMap((album) => album.songs);
    this.box.append(...albums.map((album) => this.#album(album, queue)));
    if (!songs.length) this.message("Nothing is published yet.", "tonearm publish ~/Music --to …");
    this.mark(this.#playing);
  }

  /** Shows what a search found. */
  found(text, songs, back) {
    this.#clear();
    const button = h("button", { type: "button", class: "plain", click: back }, "Back to the library");
    const title = songs.length ? `${count(songs)} for “${text}”` : `Nothing sounds like “${text}”`;
    const list = h("ol", { class: "songs" }, ...songs.map((song, index) => this.#row(song, songs, index, null)));
    this.box.append(h("header", { class: "found" }, h("h2", {}, title), button), list);
    this.mark(this.#playing);
  }

  /** A line in place of songs, with an optional second one in type. */
  message(text, hint = "") {
    this.#clear();
    this.box.append(h("p", { class: "message" }, text, hint ? h("code", {}, hint) : null));
  }

  /** Which song sounds, and whether it moves. */
  mark(song, moving = false) {
    this.#playing = song;
    for (const row of this.box.querySelectorAll(".song.current")) row.classList.remove("current", "moving");
    for (const button of this.box.querySelectorAll("[aria-current]")) button.removeAttribute("aria-current");
    for (const row of this.#rows.get(song?.song_id) ?? []) {
      row.classList.add("current");
      row.classList.toggle("moving", moving);
      row.querySelector("button").setAttribute("aria-current", "true");
    }
  }

  #clear() {
    this.box.setAttribute("aria-busy", "false");
    this.#seen.disconnect();
    this.#rows.clear();
    this.box.replaceChildren();
  }

  #album({ name, artist, songs }, queue) {
    const first = queue.indexOf(songs[0]);
    const year = (songs.find(({ date }) => date)?.date ?? "").slice(0, 4);
    const facts = [artist, year, count(songs), total(songs)].filter(Boolean).join(" · ");
    const play = h("button", { type: "button", class: "play-all", click: () => this.onPlay(queue, first) }, icon("play"), "Play");
    if (name) play.setAttribute("aria-label", `Play the album ${name}`);
    const cover = h("div", { class: "album-art" }, art(songs.find((song) => song.cover_url) ?? songs[0]));
    const head = h("header", { class: "album-head" }, cover, h("div", {}, h("h2", {}, name || "Single songs"), h("p", {}, facts)), play);
    const rows = songs.map((song, index) => this.#row(song, queue, first + index, name ? artist : null));
    return h("section", { class: "album" }, head, h("ol", { class: "songs" }, ...rows));
  }

  /** `albumArtist` is null where the row stands alone: then it carries its cover and always says by whom. */
  #row(song, queue, index, albumArtist) {
    const loose = albumArtist === null;
    const number = loose ? h("span", { class: "row-art" }, art(song)) : h("span", { class: "number" }, String(song.track_number ?? "·"));
    const sign = h("span", { class: "sign", "aria-hidden": "true" }, icon("play"), h("i"), h("i"), h("i"));
    const press = h("button", { type: "button", class: "row-play", click: () => this.onPlay(queue, index) }, song.title);
    press.setAttribute("aria-label", `Play ${song.title} by ${byline(song)}`);
    const words = h("span", { class: "words" }, press, byline(song) === albumArtist ? null : h("span", { class: "by" }, byline(song)));
    const wave = h("canvas", { class: "row-wave", "aria-hidden": "true" });
    const row = h("li", { class: "song", "data-song": song.song_id }, h("span", { class: "lead" }, number, sign), words, wave, h("time", {}, clock(song.duration_ms)));
    row.song = song;
    this.#rows.set(song.song_id, [...(this.#rows.get(song.song_id) ?? []), row]);
    this.#seen.observe(row);
    return row;
  }

  #near({ target, isIntersecting }) {
    if (!isIntersecting) return;
    this.#seen.unobserve(target);
    new Waveform(target.querySelector("canvas"), { bar: 2, gap: 1 }).show(target.song);
  }
}
