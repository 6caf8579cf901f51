/** The library: albums with their songs, page by page as one scrolls, or the answers of a search. */

import { art } from "./art.js";
import { h, icon } from "./dom.js";
import { clock } from "./timeline.js";
import { Waveform } from "./waveform.js";

const PAGE_AHEAD = "600px"; // how far below the window the next page of the catalogue is asked for
const WAVE_AHEAD = "300px";

/** Neighbours that belong together: [{key, name, artist, songs}]. The API lists by artist, album and track. */
export function albumsOf(songs) {
  const albums = [];
  for (const song of songs) {
    const artist = song.album_artist || (song.artists[0] ?? "");
    const key = `${song.album}\n${artist}`;
    if (albums.at(-1)?.key !== key) albums.push({ key, name: song.album, artist, songs: [] });
    albums.at(-1).songs.push(song);
  }
  return albums;
}

export const byline = (song) => song.artists.join(", ") || song.album_artist || "Unknown artist";

const factsOf = ({ artist, songs }) =>
  [artist, (songs.find(({ date }) => date)?.date ?? "").slice(0, 4), count(songs), total(songs)].filter(Boolean).join(" · ");

const total = (songs) => clock(songs.reduce((sum, song) => sum + song.duration_ms, 0));
const count = (songs) => `${songs.length} ${songs.length === 1 ? "song" : "songs"}`;

export class Library {
  #queue = []; // what is shown, in its order; grows with every page
  #last = null; // the album that the next page may go on with
  #rows = new Map(); // song_id → rows
  #playing = null;
  #seen;
  #end;

  /** @param box the element to fill @param onPlay called with (queue, index) @param onEnd when more songs are wanted */
  constructor(box, onPlay, onEnd) {
    this.box = box;
    this.onPlay = onPlay;
    this.end = h("div", { class: "end" });
    const each = (handler) => (entries) => entries.filter(({ isIntersecting }) => isIntersecting).forEach(handler);
    this.#seen = new IntersectionObserver(each(({ target }) => this.#near(target)), { rootMargin: WAVE_AHEAD });
    this.#end = new IntersectionObserver(each(onEnd), { rootMargin: PAGE_AHEAD });
  }

  /** Shows the catalogue from its beginning; more of it may follow. */
  start() {
    this.#clear();
    this.box.append(this.end);
  }

  /** The next page of the catalogue, grouped by album. */
  add(songs, more) {
    this.box.setAttribute("aria-busy", String(more));
    for (const album of albumsOf(songs)) {
      if (this.#last?.key !== album.key) {
        this.#last = { ...album, songs: [], list: h("ol", { class: "songs" }), facts: h("p") };
        this.end.before(this.#album(this.#last, album.songs));
      }
      const alone = album.name ? album.artist : null;
      for (const song of album.songs) this.#last.list.append(this.#row(song, alone));
      this.#last.songs.push(...album.songs);
      this.#last.facts.textContent = factsOf(this.#last);
    }
    this.#end.disconnect(); // and again, as an end that is still in sight would say nothing
    if (more) this.#end.observe(this.end);
    this.mark(this.#playing, this.moving);
  }

  /** Shows what a search found. */
  found(text, songs, back) {
    this.#clear();
    const button = h("button", { type: "button", class: "plain", click: back }, "Back to the library");
    const title = songs.length ? `${count(songs)} for “${text}”` : `Nothing sounds like “${text}”`;
    const rows = songs.map((song) => this.#row(song, null));
    this.box.append(h("header", { class: "found" }, h("h2", {}, title), button), h("ol", { class: "songs" }, ...rows));
    this.mark(this.#playing, this.moving);
  }

  /** A line in place of songs, with an optional second one in type. */
  message(text, hint = "") {
    this.#clear();
    this.box.append(h("p", { class: "message" }, text, hint ? h("code", {}, hint) : null));
  }

  /** Which song sounds, and whether it moves. */
  mark(song, moving) {
    this.#playing = song;
    this.moving = moving;
    for (const row of this.box.querySelectorAll(".song.current")) {
      row.classList.remove("current", "moving");
      row.wave.progress(0);
    }
    for (const button of this.box.querySelectorAll("[aria-current]")) button.removeAttribute("aria-current");
    for (const row of this.#rows.get(song?.song_id) ?? []) {
      row.classList.add("current");
      row.classList.toggle("moving", moving);
      row.querySelector("button").setAttribute("aria-current", "true");
    }
  }

  /** How much of the song that sounds was played, 0…1. */
  progress(share) {
    for (const row of this.#rows.get(this.#playing?.song_id) ?? []) row.wave.progress(share);
  }

  #clear() {
    this.box.setAttribute("aria-busy", "false");
    this.#seen.disconnect();
    this.#end.disconnect();
    this.#rows.clear();
    this.#queue = [];
    this.#last = null;
    this.box.replaceChildren();
  }

  #album({ name, artist, list, facts }, songs) {
    const [queue, first] = [this.#queue, this.#queue.length];
    const play = h("button", { type: "button", class: "play-all", click: () => this.onPlay(queue, first) }, icon("play"), "Play");
    play.setAttribute("aria-label", name ? `Play the album ${name}` : `Play the single songs of ${artist || "unknown artists"}`);
    const cover = h("div", { class: "album-art" }, art(songs.find((song) => song.cover_url) ?? songs[0]));
    const head = h("header", { class: "album-head" }, cover, h("div", {}, h("h2", {}, name || "Single songs"), facts), play);
    return h("section", { class: "album" }, head, list);
  }

  /** `albumArtist` is null where the row stands alone: then it carries its cover and always says by whom. */
  #row(song, albumArtist) {
    const [queue, index] = [this.#queue, this.#queue.length];
    queue.push(song);
    const loose = albumArtist === null;
    const number = loose ? h("span", { class: "row-art" }, art(song)) : h("span", { class: "number" }, String(song.track_number ?? "·"));
    const sign = h("span", { class: "sign", "aria-hidden": "true" }, icon("play"), icon("pause"), h("i"), h("i"), h("i"));
    const press = h("button", { type: "button", class: "row-play", click: () => this.onPlay(queue, index) }, song.title);
    press.setAttribute("aria-label", `Play ${song.title} by ${byline(song)}`);
    const words = h("span", { class: "words" }, press, byline(song) === albumArtist ? null : h("span", { class: "by" }, byline(song)));
    const wave = h("canvas", { class: "row-wave", "aria-hidden": "true" });
    const row = h("li", { class: "song", "data-song": song.song_id }, h("span", { class: "lead" }, number, sign), words, wave, h("time", {}, clock(song.duration_ms)));
    row.song = song;
    row.wave = new Waveform(wave, { bar: 2, gap: 1 });
    this.#rows.set(song.song_id, [...(this.#rows.get(song.song_id) ?? []), row]);
    this.#seen.observe(row);
    return row;
  }

  /** Waveforms are fetched when their rows come near the window. */
  #near(row) {
    this.#seen.unobserve(row);
    row.wave.show(row.song);
  }
}
