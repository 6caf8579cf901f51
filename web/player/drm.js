/**
 * Keys. Two ways, by the presentation's scheme:
 *
 * - cbcs and cenc: Encrypted Media Extensions with ClearKey. One request is made from the KIDs that the grant names
 *   (init data type "keyids"), so that the licence comes while the init segment is still on its way, and no change of
 *   quality waits for another; the browser decrypts, and the page never sees a key.
 * - aes-128: the segments are decrypted here with WebCrypto before they are appended (RFC 8216bis §4.4.4.4).
 */

import { request, transfer } from "./http.js";

const KEY_SYSTEM = "org.w3.clearkey";
// Asked before any song is known: whichever of these the browser plays is what it will decrypt.
const CODECS = ["mp4a.40.2", "mp4a.40.5", "opus", "flac", "fLaC"];
const CONFIGURATIONS = [
  {
    initDataTypes: ["keyids", "cenc"],
    audioCapabilities: CODECS.map((codec) => ({ contentType: `audio/mp4; codecs="${codec}"` })),
  },
];
const INSECURE = "Protected songs need localhost or HTTPS: this browser offers no decryption at this address.";

/** "0123-…" (a UUID) or hex → bytes. */
export function bytesOf(hex) {
  const digits = hex.replaceAll("-", "");
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

/** Base64url without padding, as the ClearKey format wants it. */
export function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The licences of one media element: one MediaKeys, one session for all keys of a song. */
export class Licences {
  #keys = null;
  #sessions = new Map();

  constructor(audio) {
    this.audio = audio;
  }

  /** Readies the element; costs some milliseconds, so it is called before anyone waits for it. */
  prepare() {
    this.#keys ??= this.#prepare().catch((error) => {
      this.#keys = null;
      throw error;
    });
    return this.#keys;
  }

  async #prepare() {
    if (!navigator.requestMediaKeySystemAccess) throw new Error(INSECURE);
    const access = await navigator.requestMediaKeySystemAccess(KEY_SYSTEM, CONFIGURATIONS);
    const keys = await access.createMediaKeys();
    await this.audio.setMediaKeys(keys);
    return keys;
  }

  /** Resolves when the keys of `kids` are in place. A failed licence is asked for anew the next time. */
  open(kids, url, signal) {
    const name = kids.join();
    if (!this.#sessions.has(name)) {
      const opened = this.#open(kids, url, signal);
      this.#sessions.set(name, opened);
      opened.catch(() => this.#sessions.delete(name));
    }
    return this.#sessions.get(name);
  }

  async #open(kids, url, signal) {
    const session = (await this.prepare()).createSession("temporary");
    const asked = new Promise((resolve) => session.addEventListener("message", resolve, { once: true }));
    const wanted = JSON.stringify({ kids: kids.map((kid) => base64url(bytesOf(kid))) });
    await session.generateRequest("keyids", new TextEncoder().encode(wanted));
    const { message } = await asked;
    const headers = { "Content-Type": "application/json" };
    const answer = await request(url, { method: "POST", body: message, headers, signal });
    await session.update(await answer.arrayBuffer());
  }
}

/** Whole-segment AES-128 in CBC mode with PKCS#7 padding. */
export class SegmentCipher {
  #key;

  constructor(key) {
    this.#key = key;
  }

  /** Fetches the 16 bytes behind `url`. */
  static async open(url, signal) {
    if (!crypto.subtle) throw new Error(INSECURE);
    const { body } = await transfer(url, { signal });
    return new SegmentCipher(await crypto.subtle.importKey("raw", body, "AES-CBC", false, ["decrypt"]));
  }

  decrypt(segment, iv) {
    return crypto.subtle.decrypt({ name: "AES-CBC", iv: bytesOf(iv) }, this.#key, segment);
  }
}
