/**
 * The start bundle (media/start_bundle.py): a box of JSON, the words, and behind it a header and a first segment.
 *
 * A SourceBuffer would skip the box by itself; it is cut off because nobody needs it there.
 */

import { Problem } from "./http.js";

const HEAD = 24; // bytes: a size, "uuid", and 16 that name the words
const NAME = "uuid\x8c\xdc\xd4\x60\xc2\x2a\x58\xd4\xbd\x92\xc8\xe1\xce\x66\xd3\xd4";

/** {words, media} of an ArrayBuffer; media is null where there is none. Throws a Problem for anything else than a bundle. */
export function split(bundle) {
  const size = bundle.byteLength < HEAD ? 0 : new DataView(bundle).getUint32(0);
  const named = size >= HEAD && size <= bundle.byteLength && String.fromCharCode(...new Uint8Array(bundle, 4, NAME.length)) === NAME;
  const words = named ? parsed(new Uint8Array(bundle, HEAD, size - HEAD)) : null;
  if (!words) throw new Problem(502, "The server sent no start bundle.");
  return { words, media: size < bundle.byteLength ? new Uint8Array(bundle, size) : null };
}

/** The JSON object in `bytes`, or null. */
function parsed(bytes) {
  try {
    const value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
    return value && typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
