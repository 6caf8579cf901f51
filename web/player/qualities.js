/**
 * What a rendition is to a browser and to a person: its media type, whether it plays here, what it is called.
 *
 * A family is what one decoder plays (AAC, Opus, FLAC). The page changes families when a listener asks for it and never by itself.
 */

const NAMES = { low: "Low", normal: "Normal", high: "High", very_high: "Very high" };
const TONES = Object.keys(NAMES);
const LOSSLESS = "flac";

export const kilobits = (rendition) => `${Math.round(rendition.bitrate / 1000)} kbit/s`;

/** "mp4a.40.2" → "mp4a", "fLaC" → "flac". */
export function familyOf(codec) {
  return codec.split(".")[0].toLowerCase();
}

/** The media type in the spelling that this browser knows: not every one takes RFC 6381's "fLaC". "" when it does not play it. */
export function typeOf(codec) {
  const types = [codec, codec.toLowerCase()].map((spelling) => `audio/mp4; codecs="${spelling}"`);
  return types.find((type) => MediaSource.isTypeSupported(type)) ?? "";
}

/** The renditions, each with a name and a codec, that this browser plays. Throws when there are none. */
export function playable(renditions) {
  const found = renditions.filter(({ codec }) => typeOf(codec));
  if (!found.length) throw new Error(`This browser does not play ${renditions.map(({ codec }) => codec).join(", ")}.`);
  return found;
}

/** Those among which the page may choose by itself: the family of `start`, or of the first where that does not play. */
export function ladderOf(renditions, start) {
  const { codec } = renditions.find(({ name }) => name === start) ?? renditions[0];
  return renditions.filter((each) => familyOf(each.codec) === familyOf(codec));
}

/** What people call it. */
export function nameOf({ name, codec }) {
  return familyOf(codec) === LOSSLESS ? "Lossless" : (NAMES[name] ?? name);
}

/** The name of its colour: by its own name where that is a usual one, else by its place among its family. */
export function toneOf(rendition, renditions) {
  if (familyOf(rendition.codec) === LOSSLESS) return "lossless";
  if (rendition.name in NAMES) return rendition.name;
  const place = ladderOf(renditions, rendition.name)
    .sort((a, b) => a.bitrate - b.bitrate)
    .findIndex(({ name }) => name === rendition.name);
  return TONES[Math.min(place, TONES.length - 1)];
}
