/**
 * Which rendition next? Two questions, answered without a browser: how fast is the link, and what may we ask of it.
 *
 * The link's speed is the smaller of two exponentially weighted means, one that forgets in two seconds of transfer
 * and one that forgets in eight: it falls at once when the link does and rises only when the link stays good. A
 * transfer weighs as much as it took, so that answers out of the browser's cache count for next to nothing.
 */

const HALF_LIVES_MS = [2000, 8000];
const SHORTEST_MS = 5; // below this a clock in the browser measures itself
const FEWEST_BYTES = 4096; // an init segment measures the round trip, not the link

export class Throughput {
  #means = HALF_LIVES_MS.map((halfLife) => ({ decay: Math.log(2) / halfLife, weight: 0, sum: 0 }));

  /** One transfer: how many bytes in how many milliseconds. */
  add(bytes, milliseconds) {
    if (bytes < FEWEST_BYTES) return;
    const span = Math.max(milliseconds, SHORTEST_MS);
    const bitsPerSecond = (bytes * 8000) / span;
    for (const mean of this.#means) {
      const kept = Math.exp(-mean.decay * span);
      mean.sum = mean.sum * kept + bitsPerSecond * (1 - kept);
      mean.weight = mean.weight * kept + (1 - kept);
    }
  }

  /** bit/s, or null before anything was measured. */
  get bitsPerSecond() {
    if (this.#means[0].weight === 0) return null;
    return Math.min(...this.#means.map((mean) => mean.sum / mean.weight));
  }
}

const SAFETY = 0.7; // a rendition may ask for this share of the measured link
const CALM = 6; // seconds in hand before we climb
const HASTE = 3; // seconds in hand below which even the present rendition must fit with the safety factor

/**
 * The name of the rendition for the next segment.
 *
 * @param renditions [{name, bandwidth}], in any order; bandwidth is the peak in bit/s
 * @param situation {estimate: bit/s or null, ahead: seconds in hand, current: name or null, start: name}
 */
export function choose(renditions, { estimate, ahead, current, start }) {
  const ladder = [...renditions].sort((a, b) => a.bandwidth - b.bandwidth);
  const first = ladder.findIndex(({ name }) => name === start);
  const present = ladder.findIndex(({ name }) => name === current);
  const stay = present >= 0 ? present : Math.max(first, 0);
  if (estimate === null) return ladder[stay].name;

  const fits = (share) => Math.max(0, ladder.findLastIndex(({ bandwidth }) => bandwidth <= estimate * share));
  const best = fits(SAFETY);
  if (best > stay) return ladder[ahead >= CALM ? best : stay].name;
  // What we have still fits the bare link: worth keeping while there is enough in hand.
  return ladder[ahead >= HASTE ? Math.min(stay, fits(1)) : best].name;
}
