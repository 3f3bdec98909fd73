/**
 * Applies the frames from stdin and prints one line of JSON for each: what apply() said,
 * the pool's state, and blocks that a canvas would show wrongly.
 */

import { readFileSync } from "node:fs";

import { decodeFrame } from "../../static/js/lab/frame.js";
import { Pool } from "../../static/js/lab/pool.js";
import { Painting, framesIn, poolState } from "./pool_state.js";

const pool = new Pool();
const painting = new Painting();
const lines = [];
for (const bytes of framesIn(readFileSync(0))) {
  const frame = decodeFrame(bytes);
  const result = pool.apply(frame);
  painting.paint(pool);
  const finished = pool.finished.map((one) => [one.shortId, one.finish]);
  const { numScheduledTokens, numSampledTokens } = frame.counters;
  lines.push(
    JSON.stringify({
      result,
      state: pool.seq === null ? null : poolState(pool),
      wrong: painting.wrong(pool),
      finished,
      evicted: pool.evicted,
      tokens: [numScheduledTokens, numSampledTokens],
    }),
  );
}
process.stdout.write(lines.join("\n"));
