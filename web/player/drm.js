/**
 * Keys. Two ways, by the presentation's scheme:
 *
 * - cbcs and cenc: Encrypted Media Extensions with ClearKey. The licence for all of a song's keys comes with the start bundle, so
 *   a session is opened (init data type "keyids") and answered at once: no question to a server, not even for another quality.
 * - aes-128: the segments are decrypted here with WebCrypto before they are appended (RFC 8216bis §4.4.4.4).
 */


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

/** Base64url without padding, as the ClearKey format has it, and back. */
export function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
export function fromBase64url(text) {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
}

const encoded = (value) => new TextEncoder().encode(JSON.stringify(value));

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

  /** Resolves when the keys of `licence` (a JSON Web Key set) are in place. What failed is tried anew the next time. */
  open(licence) {
    const name = licence.keys.map(({ kid }) => kid).join();
    if (!this.#sessions.has(name)) {
      const opened = this.#open(licence);
      this.#sessions.set(name, opened);
      opened.catch(() => this.#sessions.delete(name));
    }
    return this.#sessions.get(name);
  }

  async #open(licence) {
    const session = (await this.prepare()).createSession("temporary");
    await session.generateRequest("keyids", encoded({ kids: licence.keys.map(({ kid }) => kid) }));
    await session.update(encoded(licence));
  }
}

/** Whole-segment AES-128 in CBC mode with PKCS#7 padding. */
export class SegmentCipher {
  #key;

  constructor(key) {
    this.#key = key;
  }

  /** With a key of 16 bytes. */
  static async open(key) {
    if (!crypto.subtle) throw new Error(INSECURE);
    return new SegmentCipher(await crypto.subtle.importKey("raw", key, "AES-CBC", false, ["decrypt"]));
  }

  decrypt(segment, iv) {
    return crypto.subtle.decrypt({ name: "AES-CBC", iv: bytesOf(iv) }, this.#key, segment);
  }
}
