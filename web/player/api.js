/**
 * The control API, as far as a listener needs it. A guest session is opened on first use and again when it has
 * run out; the token lives in this tab only.
 */

import { split } from "./bundle.js";
import { Problem, bodyOf, request } from "./http.js";

const TOKEN = "tonearm.token";

export class Api {
  #token = sessionStorage.getItem(TOKEN);
  #opening = null;

  get hasSession() {
    return this.#token !== null;
  }

  /** Makes sure that there is a session; concurrent callers share one request. */
  session() {
    if (this.#token) return Promise.resolve();
    this.#opening ??= this.#open().finally(() => (this.#opening = null));
    return this.#opening;
  }

  async #open() {
    const response = await request("/v1/sessions/guest", { method: "POST" });
    this.#token = (await response.json()).access_token;
    sessionStorage.setItem(TOKEN, this.#token);
  }

  /** A request as the listener that the session names. */
  async #own(path, options = {}) {
    for (let attempt = 0; ; attempt += 1) {
      await this.session();
      const token = this.#token;
      try {
        const headers = { ...options.headers, Authorization: `Bearer ${token}` };
        return await request(path, { ...options, headers });
      } catch (error) {
        if (!(error instanceof Problem) || error.status !== 401 || attempt > 0) throw error;
        if (this.#token === token) this.#token = null;
      }
    }
  }

  /** What anyone may look at. */
  async #look(path, query, signal) {
    const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value));
    return (await request(`${path}?${search}`, { signal })).json();
  }

  /** One page of the catalogue: {items, next_cursor}. */
  songs(cursor = "", limit = 100) {
    return this.#look("/v1/songs", { cursor, limit });
  }

  search(text, signal, limit = 40) {
    return this.#look("/v1/search", { q: text, limit }, signal);
  }

  autocomplete(text, signal, limit = 8) {
    return this.#look("/v1/autocomplete", { q: text, limit }, signal);
  }

  /**
   * All that the first sound of a song is made of: {words, media, began, ended}, the last two in ms on the
   * clock of performance.now. `query` may say `mtp` (kbit/s), `rtt` (ms) and `rendition`.
   */
  async start(songId, query, signal) {
    const said = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== ""));
    const began = performance.now();
    const response = await this.#own(`/v1/songs/${encodeURIComponent(songId)}/start?${said}`, { signal, priority: "high" });
    const body = await bodyOf(response);
    return { ...split(body), began, ended: performance.now() };
  }

  /** The smallest question there is: it keeps a connection open, or opens one. */
  touch() {
    return request("/v1/healthz", { method: "HEAD", cache: "no-store" });
  }

  /** A right that has run out, anew: the stream grant. */
  async grant(songId, signal) {
    return (await this.#own(`/v1/songs/${encodeURIComponent(songId)}/stream`, { signal })).json();
  }

  /** Reports that a song was listened to. Losing the report is no reason to disturb anyone. */
  played(songId, milliseconds) {
    const body = JSON.stringify({ song_id: songId, ms_played: Math.round(milliseconds) });
    const headers = { "Content-Type": "application/json" };
    this.#own("/v1/plays", { method: "POST", body, headers, keepalive: true }).catch(() => {});
  }
}
