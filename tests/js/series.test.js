import assert from "node:assert/strict";
import { test } from "node:test";

import { Series } from "../../static/js/lab/series.js";

const frame = (timeMs, tokens, usage = 0.5) => ({
  timeMs,
  usage,
  running: 1,
  waiting: 0,
  tokens,
  rate: 0,
});
const rates = (samples) => samples.map(({ timeMs, rate }) => [timeMs, rate]);

test("the rate falls a second after the last token, though nothing comes", () => {
  const series = new Series();
  series.add(frame(1_000, 8));
  series.add(frame(1_500, 8));
  assert.deepEqual(rates(series.until(2_400)).at(-1), [1_500, 16]);
  assert.deepEqual(rates(series.until(2_600)).at(-1), [2_500, 0]);
  assert.equal(series.until(2_600).at(-1).usage, 0.5);
  assert.equal(series.samples.length, 2, "looking adds nothing");
});

test("it has fallen before the next frame of an engine that was idle", () => {
  const series = new Series();
  series.add(frame(1_000, 8));
  series.add(frame(9_000, 4, 0.1));
  assert.deepEqual(rates(series.samples), [
    [1_000, 8],
    [2_000, 0],
    [9_000, 4],
  ]);
  assert.equal(series.at(5_000).usage, 0.5);
});
