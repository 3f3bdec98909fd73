/** Heat: levels of hits and age, what is known, and what the readout says. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Heat, SHADE } from "../../static/js/lab/heat.js";
import { HeatView } from "../../static/js/lab/heat_view.js";
import { Sprites } from "../../static/js/lab/sprites.js";
import { SILENT } from "../../static/js/lab/unanswered.js";

const pool = { numBlocks: 6, hasHash: [0, 1, 1, 1, 0, 1] };
const message = (more = {}) => ({
  type: "heat", engine_host_id: "a", engine_run: 1, step: 2000, since: 0, since_step: 0,
  blocks: [1, 2, 3], hits: [0, 3, 9], last: [1995, 1500, 2000], ...more,
});

function made(more) {
  const heat = new Heat();
  heat.take(message(more));
  return heat;
}

test("a block is in the level of its hits, or of its age", () => {
  const heat = made();
  const shades = () => [0, 1, 2, 3, 4, 5].map((id) => heat.shadeOf(pool, id));
  const { NULL, OUTSIDE, UNKNOWN, LEVEL_1 } = SHADE;
  assert.deepEqual(shades(), [NULL, LEVEL_1, LEVEL_1 + 2, LEVEL_1 + 4, OUTSIDE, UNKNOWN]);
  heat.by = "age";
  assert.deepEqual(shades(), [NULL, LEVEL_1 + 4, LEVEL_1 + 1, LEVEL_1 + 4, OUTSIDE, UNKNOWN]);
  const totals = heat.totals(pool);
  assert.equal(totals.reduce((sum, one) => sum + one, 0), pool.numBlocks);
  assert.equal(totals[UNKNOWN], 1);
});

test("what changed since is put to what is known, of the same run alone", () => {
  const heat = made();
  heat.take(message({ step: 2100, since: 2000, blocks: [2], hits: [4], last: [2090] }));
  assert.match(heat.wordsOf(pool, 2), /^4 hits, used 10 steps ago, at step 2,090$/);
  assert.match(heat.wordsOf(pool, 3), /^9 hits, used 100 steps ago/);
  heat.take(message({ engine_run: 2, step: 50, since: 2100, blocks: [1], hits: [0], last: [40] }));
  assert.equal(heat.step, null, "another run's changes are put to nothing");
});

test("what lies before the beginning of the trace is not counted, and said", () => {
  const heat = made({ since_step: 1500 });
  assert.equal(heat.wordsOf(pool, 2), "3 hits since step 1,500, not used since then");
  assert.equal(heat.wordsOf(pool, 4), "not in the prefix cache");
  assert.equal(heat.wordsOf(pool, 5), "hits not known yet");
  assert.equal(new Heat().wordsOf(pool, 2), "");
});

test("levels differ in how full a block is, not in colour alone", () => {
  const palette = {
    panel: 0xffffffff, ink: 0xff000000, cached: 0xff00ff00, free: 0xffcccccc, yours: 0xff0000ff,
    "rule-strong": 0xff888888,
  };
  const sprites = new Sprites({ pitchPx: 11, gapPx: 1 }, palette);
  const filled = [0, 1, 2, 3, 4].map((level) => {
    const sprite = sprites.get(SHADE.LEVEL_1 + level, 0, false, false);
    const full = sprite[9 * 11];
    return [...sprite].filter((word) => word === full).length;
  });
  assert.deepEqual(filled, [20, 40, 60, 80, 100]);
});

test("a host that does not answer is named until it does", () => {
  const listeners = {};
  const parts = {
    switch: { addEventListener: (name, run) => (listeners[name] = run) },
    states: {}, legend: { dataset: {}, replaceChildren() {} }, note: { textContent: "" },
  };
  globalThis.document = { createElement: () => ({ setAttribute() {}, append() {} }) };
  const view = new HeatView(parts, new Heat(), { ask: () => true, change: () => {} });
  const see = (ms) => view.see(pool, { host: "a", lacks: "" }, ms);
  see(0);
  listeners.change({ target: { value: "hits" } });
  for (let ms = 100; ms <= 6_000; ms += 100) see(ms);
  assert.notEqual(parts.note.textContent, SILENT);
  see(6_200);
  assert.equal(parts.note.textContent, SILENT);
  view.take(message());
  see(6_300);
  assert.match(parts.note.textContent, /as of step 2,000/);
});
