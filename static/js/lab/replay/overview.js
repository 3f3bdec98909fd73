/**
 * Overview: the figures of a whole recording, read from the headers of its frames alone,
 * for the strip charts; and what those of two need in common. Pure.
 */

const RATE_MS = 1_000;
const MOST_POINTS = 600;

/**
 * @param {{bytes: Uint8Array, timeMs: number}[]} frames  see Player.frames
 * @returns {import("../series.js").Sample[]} one a frame
 */
export function samplesOf(frames) {
  let first = 0;
  let sum = 0;
  const samples = [];
  for (const { bytes, timeMs } of frames) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const numBlocks = view.getUint32(12, true);
    const tokens = view.getUint32(80, true);
    sum += tokens;
    samples.push({
      timeMs,
      usage: (numBlocks - 1 - view.getUint32(56, true)) / Math.max(1, numBlocks - 1),
      running: view.getUint32(64, true),
      waiting: view.getUint32(60, true),
      tokens,
      rate: 0,
    });
    while (samples[first].timeMs <= timeMs - RATE_MS) sum -= samples[first++].tokens;
    samples.at(-1).rate = (sum * 1_000) / RATE_MS;
  }
  return samples;
}

/** At most MOST_POINTS of them, of each stretch the one with the highest usage. */
export function thinned(samples, most = MOST_POINTS) {
  if (samples.length <= most) return samples;
  const size = samples.length / most;
  return Array.from({ length: most }, (_, i) => {
    const stretch = samples.slice(Math.floor(i * size), Math.floor((i + 1) * size));
    return stretch.reduce((best, one) => (one.usage > best.usage ? one : best));
  });
}

/** The newest at or before `timeMs`; null when there is none. */
export function sampleAt(samples, timeMs) {
  let low = 0;
  let high = samples.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (samples[middle].timeMs <= timeMs) low = middle + 1;
    else high = middle;
  }
  return samples[low - 1] ?? null;
}

/**
 * What the charts of recordings that are compared have in common, so that the same place
 * and height mean the same.
 * @param {{durationMs: number, tops: number[]}[]} sides  where each one's axes end
 * @returns {{spanMs: number, tops: number[]}}
 */
export function inCommon(sides) {
  return {
    spanMs: Math.max(1_000, ...sides.map(({ durationMs }) => durationMs)),
    tops: sides[0].tops.map((_, at) => Math.max(...sides.map(({ tops }) => tops[at]))),
  };
}

/** Of a moment beyond a recording's end; "" before it. */
export function endedWords(positionMs, durationMs) {
  return positionMs > durationMs ? `ended after ${(durationMs / 1000).toFixed(1)}\u202fs` : "";
}
