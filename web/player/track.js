/**
 * One song on its way to the deck: its start bundle, the presentation, and its segments.
 *
 * The bundle has the grant, the licence for all keys, and, where that fits, header and first segment: the first sound waits for
 * nothing else. The presentation, which says where all the other segments are, is asked for while that sounds. A
 * bundle without media (a large first segment, a slow store) names header and segment, which then come together with the
 * presentation, one round trip later; of a rendition that is one file they come as one range.
 */

import { SegmentCipher, base64url, bytesOf, fromBase64url } from "./drm.js";
import { Problem, pause, transfer } from "./http.js";
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
  #bundled = null; // header and first segment of one rendition, as they came with the bundle
  #ciphers = new Map(); // by KID

  /** @param shared {starts, api, licences, throughput} */
  constructor(song, shared, signal) {
    this.song = song;
    this.shared = shared;
    this.signal = signal;
  }

  /** Asks for all that comes before sound. `wish` names a rendition, "" leaves the choice to the server. */
  async open(waterfall, wish) {
    const { api, starts } = this.shared;
    if (!api.hasSession) await waterfall.time("session", () => api.session());
    const { words, media, began, ended, ahead } = await starts.open(this.song.song_id, wish, this.signal);
    waterfall.ahead = ahead;
    waterfall.span("bundle", began, ended);
    this.grant = words;
    const plays = typeOf(words.rendition.codec);
    if (plays && media) this.#bundled = { name: words.rendition.name, type: plays, media };
    else if (plays) this.#preload(words.rendition);
    this.unlocked = this.#unlock(words);
    this.unlocked.catch(() => {}); // whoever needs the keys awaits it and hears of it
  }

  /** What came with the bundle: {name, type, media}, or null. */
  get first() {
    return this.#bundled;
  }

  /** Fetches what all that comes later needs. */
  async describe() {
    const { body } = await this.#persist({ path: this.grant.presentation_url, ranged: false }, this.signal);
    this.presentation = JSON.parse(new TextDecoder().decode(body));
    this.renditions = playable(this.presentation.renditions);
    this.ladder = ladderOf(this.renditions, this.presentation.start_rendition);
  }

  get samples() {
    return this.grant.samples;
  }

  get rate() {
    return this.grant.sample_rate;
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
    return this.#ciphers.get(rendition.kid || this.presentation.protection.kid).decrypt(body, rendition.iv);
  }

  /** Header and first segment in one piece, if they came with the bundle. */
  bundled(rendition, index) {
    return index === 0 && this.#bundled?.name === rendition.name ? this.#bundled.media : null;
  }

  async #unlock({ protection: { scheme, kids }, license: licence }) {
    if (scheme === "aes-128") await Promise.all(kids.map((kid) => this.#take(kid, licence)));
    else if (licence) await this.shared.licences.open(licence);
  }

  async #take(kid, licence) {
    const name = base64url(bytesOf(kid));
    const { k } = licence.keys.find((key) => key.kid === name);
    this.#ciphers.set(kid, await SegmentCipher.open(fromBase64url(k)));
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
