import assert from "node:assert/strict";
import { test } from "node:test";

import { rowsOf } from "../../static/js/lab/waterfall.js";

test("a phase that still runs is as long as it has run so far", () => {
  const phases = [
    { name: "import vLLM", started_s: 0, seconds: 6 },
    { name: "load weights", started_s: 6, seconds: null },
  ];
  const rows = rowsOf({ phases, started_at: 1000 }, 1008.5);
  assert.deepEqual(rows, [
    { name: "import vLLM", from: 0, seconds: 6, isRunning: false },
    { name: "load weights", from: 6, seconds: 2.5, isRunning: true },
  ]);
});

test("a clock that is behind makes no bar longer than nothing", () => {
  const phases = [{ name: "import vLLM", started_s: 0, seconds: null }];
  assert.equal(rowsOf({ phases, started_at: 1000 }, 990)[0].seconds, 0);
  assert.equal(rowsOf({ phases, started_at: null }, 990)[0].seconds, 0);
});
