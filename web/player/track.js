/**
 * One song on its way to the deck: the grant, the presentation, its keys and its segments.
 *
 * Nothing waits for what it does not need. The grant names the version's folder and the KID, so the licence, the
 * presentation and the first rendition's init and first segment are asked for together: their paths are fixed
 * (media/layout.py). There is no manifest to walk: a start costs two round trips.
 */

import { SegmentCipher } from "./drm.js";
import { Problem, pause, request, transfer } from "./http.js";

const TRIES = 4;
const PATIENCE_MS = 250; // before the second try; doubles each time

export class Track {
  origin = 0; // seconds on the deck's timeline, set when the song is laid
  placed = []; // rendition's name by segment index, as appended
  #early = new Map();
  #cipher = null;

  /** @param shared {api, licences, throughput} */
  constructor(song, shared, signal) {
    this.song = song;
    this.shared = shared;
    this.signal = signal;
  }

  /** Fetches all that comes before sound. `likely` names the rendition that will probably be chosen, "" for the server's. */
  async open(waterfall, likely) {
    const { api } = this.shared;
    if (!api.hasSession) await waterfall.time("session", () => api.session());
    this.grant = await waterfall.time("grant", () => api.grant(this.song.song_id, this.signal));
    const rendition = likely || this.grant.start_rendition;
    for (const name of ["init.mp4", "00001.m4s"]) this.#preload(`audio/${rendition}/${name}`);
    this.unlocked = waterfall.time("licence", () => this.#unlock());
    this.unlocked.catch(() => {}); // whoever needs the keys awaits it and hears of it
    this.presentation = await waterfall.time("presentation", async () =>
      (await request(this.grant.presentation_url, { signal: this.signal })).json(),
    );
  }

  get samples() {
    return this.presentation.samples;
  }

  get rate() {
    return this.presentation.sample_rate;
  }

  /** Exact length in seconds; also what the append window cuts to. */
  get length() {
    return this.samples / this.rate;
  }

  get end() {
    return this.origin + this.length;
  }

  get renditions() {
    return this.presentation.renditions;
  }

  /** Every rendition cuts at the same samples: any of them tells the plan. */
  get segments() {
    return this.renditions[0].segments;
  }

  rendition(name) {
    return this.renditions.find((rendition) => rendition.name === name);
  }

  type(rendition) {
    return `audio/mp4; codecs="${rendition.codec}"`;
  }

  /** Start and end of a segment on the deck, in seconds. */
  span(index) {
    const { start, duration } = this.segments[index];
    return [this.origin + start / this.rate, this.origin + (start + duration) / this.rate];
  }

  /** The bytes of an init segment, ready to append. Never encrypted. */
  init(rendition, waterfall) {
    return this.#bytes(rendition.init, "init", waterfall, this.signal);
  }

  /** The bytes of one media segment, ready to append. */
  async segment(rendition, index, waterfall, signal) {
    const { path } = rendition.segments[index];
    const body = await this.#bytes(path, "segment", waterfall, signal);
    if (this.grant.protection.scheme !== "aes-128") return body;
    await this.unlocked;
    return this.#cipher.decrypt(body, rendition.iv);
  }

  async #unlock() {
    const { license_url: licence, protection } = this.grant;
    const { scheme, kid } = protection;
    if (scheme === "aes-128") this.#cipher = await SegmentCipher.open(new URL(`../keys/${kid}`, licence), this.signal);
    else if (scheme !== "none") await this.shared.licences.open(kid, licence, this.signal);
  }

  #preload(path) {
    const coming = transfer(this.#url(path), { signal: this.signal });
    coming.catch(() => {}); // asked for again when it is needed
    this.#early.set(path, coming);
  }

  #url(path) {
    return new URL(path, this.grant.base_url);
  }

  async #bytes(path, name, waterfall, signal) {
    const early = this.#early.get(path);
    this.#early.delete(path);
    const persist = () => this.#persist(path, signal);
    const { body, began, ended } = await (early ? early.catch(persist) : persist());
    this.shared.throughput.add(body.byteLength, ended - began);
    waterfall?.span(name, began, ended);
    return body;
  }

  /** Fetches until it works: passing failures are waited out, an expired grant is renewed. */
  async #persist(path, signal) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await transfer(this.#url(path), { signal });
      } catch (error) {
        if (!(error instanceof Problem) || attempt === TRIES) throw error;
        if (error.status === 403 && attempt === 1) await this.#renew();
        else if (error.passing) await pause(PATIENCE_MS * 2 ** (attempt - 1), signal);
        else throw error;
      }
    }
  }

  async #renew() {
    const grant = await this.shared.api.grant(this.song.song_id, this.signal);
    if (grant.version !== this.grant.version) throw new Problem(409, "This song was published anew while it played.");
    this.grant = grant;
  }
}
