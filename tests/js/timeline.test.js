import assert from "node:assert/strict";
import { test } from "node:test";

import { Timeline, Window, spanAt, wordsOf } from "../../static/js/lab/timeline/model.js";

const TOLD = {
  steps: [10, 11, 12, 13, 14],
  at_ms: [0, 30, 60, 200, 230],
  end_ms: 260,
  num_waiting: [1, 1, 0, 0, 0],
  requests: [
    {
      id: 2, prompt: 96, cached: 32, preemptions: 1, again: 60, finish: "length",
      spans: [[1, 0, 1, 64], [2, 1, 3, 1], [3, 3, 4, 0], [4, 4, 5, 66]],
    },
    { id: 26, prompt: 5, cached: 0, preemptions: 0, finish: "none", spans: [[0, 0, 2, 0], [1, 2, 3, 5]] },
  ],
};

test("the step under the pointer names its requests and their tokens", () => {
  const timeline = new Timeline(TOLD);
  assert.deepEqual(timeline.sharesOf(2), [
    { id: 26, kind: "prefill", tokens: 5 },
    { id: 2, kind: "decode", tokens: 1 },
  ]);
  assert.deepEqual(timeline.sharesOf(3), []);
  assert.equal(
    wordsOf(timeline, 1),
    "Step 11 at 0.03\u202fs: 1 token · 1 waiting · 002 decode 1",
  );
  assert.equal(
    wordsOf(timeline, 2, undefined, 1),
    "Step 12 at 0.06\u202fs: 6 tokens · 01a prefill 5, 1 more",
  );
  assert.match(wordsOf(timeline, 1, 26), /^Request 01a: queued. Step 11 /);
  assert.match(wordsOf(timeline, 3, 26), /^Request 01a: nothing in this step. Step 13 /);
});

test("a span is found by its step, and none between spans", () => {
  const [{ spans }] = TOLD.requests;
  assert.equal(spanAt(spans, 2)[0], 2);
  assert.equal(spanAt(spans, 4)[3], 66);
  assert.equal(spanAt([[0, 3, 4, 0]], 2), null);
  assert.equal(spanAt([[0, 3, 4, 0]], 4), null);
});

test("the step at a time is the last that had begun", () => {
  const timeline = new Timeline(TOLD);
  assert.deepEqual([0, 29, 30, 199, 9999].map((ms) => timeline.stepAt(ms)), [0, 0, 1, 2, 4]);
});

test("a step is found by its number, or the last before it", () => {
  const timeline = new Timeline(TOLD);
  assert.deepEqual([9, 10, 12, 99].map((number) => timeline.indexOf(number)), [0, 0, 2, 4]);
});

test("the table adds up steps and tokens of each kind", () => {
  const [row] = new Timeline(TOLD).totals();
  assert.deepEqual(row.steps, [0, 1, 2, 1, 1]);
  assert.deepEqual(row.tokens, [0, 64, 2, 0, 66]);
  assert.equal(row.again, 60);
});

test("zooming keeps the step in its place, and never leaves the recording", () => {
  const window = new Window(1000);
  window.zoom(0.5, 250);
  assert.deepEqual([window.first, window.count], [125, 500]);
  window.zoom(0.0001, 250);
  assert.equal(window.count, 8);
  assert.ok(window.first <= 250 && 250 < window.first + 8);
  window.reveal(990);
  assert.deepEqual([window.first, window.count], [983, 8]);
  window.zoom(1e9, 990);
  assert.deepEqual([window.first, window.count], [0, 1000]);
  const last = new Window(1000, 160);
  assert.deepEqual([last.first, last.count], [840, 160]);
  const grows = new Window(0).grown(1, 160).grown(100, 160).grown(400, 160);
  assert.deepEqual([grows.first, grows.count], [240, 160]);
  grows.zoom(0.5, 300);
  assert.equal(grows.grown(500, 160).count, 80);
  grows.zoom(1e9, 300);
  assert.equal(grows.grown(500, 160).count, 500);
  const few = new Window(3);
  few.zoom(0.1, 1);
  assert.deepEqual([few.first, few.count], [0, 3]);
});
