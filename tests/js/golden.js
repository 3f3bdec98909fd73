/** Frames of the recorded real trace, for tests of what is drawn from them. */

import { readFileSync } from "node:fs";

import { decodeFrame } from "../../static/js/lab/frame.js";
import { Pool } from "../../static/js/lab/pool.js";
import { framesIn } from "./pool_state.js";

const file = readFileSync(new URL("../data/golden.frames", import.meta.url));

export const goldenBytes = [...framesIn(file)];

/** The pool after the frames up to and with `number`. */
export function goldenPool(number) {
  const pool = new Pool();
  for (const bytes of goldenBytes.slice(0, number + 1)) pool.apply(decodeFrame(bytes));
  return pool;
}

/** The first of the golden pools for which `isWanted` holds. */
export function firstPool(isWanted) {
  const pool = new Pool();
  for (const bytes of goldenBytes) {
    pool.apply(decodeFrame(bytes));
    if (isWanted(pool)) return pool;
  }
  throw new Error("No golden frame is like that.");
}
