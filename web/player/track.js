/**
 * One song on its way to the deck: the grant, the presentation, its keys and its segments.
 *
 * Nothing waits for what it does not need. The grant names the KIDs and where each rendition begins, so the licence, the
 * presentation and the first rendition's init and first segment are asked for together. There is no manifest to walk: a start
 * costs two round trips. Of a rendition that is one file, init and first segment come as one range.
 */

import { SegmentCipher } from "./drm.js";
import { Problem, pause, request, transfer } from "./http.js";
import { ladderOf, playable, typeOf } from "./qualities.js";

const TRIES = 4;
const PATIENCE_MS = 250; // before the second try; doubles each time

/** Whether init and segments are byte ranges of one file. */
const oneFile = ({ init, segments }) => segments[0].path === init;
const nameOf = ({ path, offset }) => `${path}@${offset}`;

export class Track {
  origin = 0; // seconds on the deck's timeline, set when the song is laid
  placed = []; // rendition's name by segment index, as appended
  renditions = []; // those that this browser plays
  ladder = []; // those among which the page chooses by itself
  #early = new Map(); // by path and offset
  #ciphers = new Map(); // by KID

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
    const opening = this.#opening(likely);
    this.#preload(opening);
    this.unlocked = waterfall.time("licence", () => this.#unlock(opening));
    this.unlocked.catch(() => {}); // whoever needs the keys awaits it and hears of it
    this.presentation = await waterfall.time("presentation", async () =>
      (await request(this.grant.presentation_url, { signal: this.signal })).json(),
    );
    this.renditions = playable(this.presentation.renditions);
    this.ladder = ladderOf(this.renditions, this.grant.start_rendition);
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

  /** Every rendition cuts at the same samples: any of them tells the plan. */
  get segments() {
    return this.presentation.renditions[0].segments;
  }

  rendition(name) {
    return this.renditions.find((rendition) => rendition.name === name);
  }

  type(rendition) {
    return typeOf(rendition.codec);
  }

  /** Start and end of a segment on the deck, in seconds. */
  span(index) {
    const { start, duration } = this.segments[index];
    return [this.origin + start / this.rate, this.origin + (start + duration) / this.rate];
  }

  /** The bytes of an init segment, ready to append. Never encrypted. */
  init(rendition, waterfall) {
    const part = { path: rendition.init, offset: 0, size: rendition.init_size, ranged: oneFile(rendition) };
    return this.#bytes(part, "init", waterfall, this.signal);
  }

  /** The bytes of one media segment, ready to append. */
  async segment(rendition, index, waterfall, signal) {
    const { path, offset = 0, size } = rendition.segments[index];
    const part = { path, offset, size, ranged: oneFile(rendition) };
    const body = await this.#bytes(part, "segment", waterfall, signal);
    if (this.grant.protection.scheme !== "aes-128") return body;
    await this.unlocked;
    const cipher = await this.#cipher(rendition.kid || this.presentation.protection.kid);
    return cipher.decrypt(body, rendition.iv);
  }

  /** Where the rendition begins that a start will probably choose, by the grant. */
  #opening(likely) {
    const { renditions, start_rendition: start } = this.grant;
    const found = playable(renditions);
    return found.find(({ name }) => name === likely) ?? found.find(({ name }) => name === start) ?? found[0];
  }

  /** The licence for every rendition at once; with aes-128 the key of the one that begins, as each is a request of its own. */
  async #unlock({ kid }) {
    const { license_url: licence, protection } = this.grant;
    if (protection.scheme === "aes-128") await this.#cipher(kid);
    else if (protection.scheme !== "none") await this.shared.licences.open(protection.kids, licence, this.signal);
  }

  /** A key that could not be had is asked for anew the next time. */
  #cipher(kid) {
    if (!this.#ciphers.has(kid)) {
      const opened = this.#open(kid);
      this.#ciphers.set(kid, opened);
      opened.catch(() => this.#ciphers.delete(kid));
    }
    return this.#ciphers.get(kid);
  }

  /** Another rendition's key may be asked for long after the start: an expired grant is renewed. */
  async #open(kid) {
    const fetched = () => SegmentCipher.open(new URL(`../keys/${kid}`, this.grant.license_url), this.signal);
    try {
      return await fetched();
    } catch (error) {
      if (error.status !== 403) throw error;
      await this.#renew();
      return fetched();
    }
  }

  /** Init and first segment, asked for before the presentation is there; a failure is asked for again when it is needed. */
  #preload({ init, first_segment: first }) {
    const keep = (part, coming) => {
      coming.catch(() => {});
      this.#early.set(nameOf(part), coming);
    };
    if (init.path !== first.path) {
      for (const part of [init, first]) keep(part, this.#transfer({ ...part, ranged: false }, this.signal));
      return;
    }
    // One request for both: browsers take turns with requests for parts of one file.
    const both = this.#transfer({ path: init.path, offset: 0, size: first.offset + first.size, ranged: true }, this.signal);
    for (const part of [init, first]) {
      keep(part, both.then((came) => ({ ...came, body: came.body.slice(part.offset, part.offset + part.size) })));
    }
  }

  #transfer({ path, offset, size, ranged }, signal) {
    return transfer(this.#url(path), { signal, range: ranged ? { first: offset, size } : null });
  }

  #url(path) {
    return new URL(path, this.grant.base_url);
  }

  async #bytes(part, name, waterfall, signal) {
    const early = this.#early.get(nameOf(part));
    this.#early.delete(nameOf(part));
    const persist = () => this.#persist(part, signal);
    const { body, began, ended } = await (early ? early.catch(persist) : persist());
    this.shared.throughput.add(body.byteLength, ended - began);
    waterfall?.span(name, began, ended);
    return body;
  }

  /** Fetches until it works: passing failures are waited out, an expired grant is renewed. */
  async #persist(part, signal) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#transfer(part, signal);
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
