/**
 * Series: the last minute of figures, one sample a frame, for the strip charts. Pure.
 */

const SPAN_MS = 60_000;
const RATE_MS = 1_000;

/**
 * @typedef {object} Sample
 * @property {number} timeMs    Unix ms of the frame
 * @property {number} usage     0..1, blocks used or shared of all that can be
 * @property {number} running
 * @property {number} waiting
 * @property {number} tokens    sampled since the frame before
 * @property {number} rate      sampled tokens a second, over the last second
 */

/** The figures of a pool as of its last frame. @returns {Sample} */
export function sampleOf(pool) {
  const { used, shared } = pool.totals;
  const { numRunning, numWaiting, numSampledTokens } = pool.counters;
  return {
    timeMs: pool.stampMs,
    usage: (used + shared) / Math.max(1, pool.numBlocks - 1),
    running: numRunning,
    waiting: numWaiting,
    tokens: numSampledTokens,
    rate: 0,
  };
}

export class Series {
  /** @type {Sample[]} ascending in time */
  samples = [];

  /** Take a sample in; one that is older than the last starts the series anew. */
  add(sample) {
    const last = this.samples.at(-1);
    if (last && sample.timeMs < last.timeMs) this.samples = [];
    this.samples = this.until(sample.timeMs);
    this.samples.push(sample);
    sample.rate = this.rateAt(sample.timeMs);
    const horizon = sample.timeMs - SPAN_MS;
    if (this.samples[0].timeMs < horizon - 5_000) {
      this.samples = this.samples.filter(({ timeMs }) => timeMs >= horizon);
    }
  }

  clear() {
    this.samples = [];
  }

  /** The samples for a plot that ends at `endMs`. An engine that samples no token sends
   * nothing, so a second after the last one the rate is none: that is one more sample. */
  until(endMs) {
    const last = this.samples.at(-1);
    if (!last?.rate || endMs - last.timeMs <= RATE_MS) return this.samples;
    const idle = { ...last, timeMs: last.timeMs + RATE_MS, tokens: 0, rate: 0 };
    return [...this.samples, idle];
  }

  /** Tokens sampled in the second before `timeMs`, a second. */
  rateAt(timeMs) {
    let sum = 0;
    for (let i = this.samples.length - 1; i >= 0; i--) {
      const { timeMs: at, tokens } = this.samples[i];
      if (at <= timeMs - RATE_MS) break;
      if (at <= timeMs) sum += tokens;
    }
    return (sum * 1_000) / RATE_MS;
  }

  /** The newest sample at or before `timeMs`; null when there is none. */
  at(timeMs) {
    for (let i = this.samples.length - 1; i >= 0; i--) {
      if (this.samples[i].timeMs <= timeMs) return this.samples[i];
    }
    return null;
  }

  /** One row every `stepMs` back from `endMs`, newest first: for a table. */
  rows(endMs, stepMs = 5_000, spanMs = SPAN_MS) {
    const rows = [];
    for (let ago = 0; ago <= spanMs; ago += stepMs) {
      const sample = this.at(endMs - ago);
      if (!sample) break;
      rows.push({ ...sample, agoS: ago / 1000, rate: this.rateAt(endMs - ago) });
    }
    return rows;
  }
}
