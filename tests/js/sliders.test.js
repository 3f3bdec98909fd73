import assert from "node:assert/strict";
import { test } from "node:test";

import { placeOf, span, valueAt } from "../../static/js/capacity/fleet/sliders.js";

test("a place and its value are each other's inverse, evenly or by ratios", () => {
  for (const isLog of [false, true]) {
    for (const value of [1, 5, 40, 100]) {
      const place = placeOf(value, 1, 100, isLog);
      assert.ok(Math.abs(valueAt(place, 1, 100, isLog, false) / value - 1) < 0.02);
    }
  }
});

test("what lies outside stands at the end, and counts are whole", () => {
  assert.equal(placeOf(-3, 0, 10, false), 0);
  assert.equal(placeOf(99, 0, 10, false), 1000);
  assert.equal(valueAt(333, 1, 8, false, true), 3);
});

test("a slider goes around the value and never beyond what is allowed", () => {
  assert.deepEqual(span(5, 0, 86400), [0, 25]);
  assert.deepEqual(span(0.5, 0.00001, 200), [0.025, 10.025]);
  assert.deepEqual(span(100, 0, 100), [0, 100]);
  const [low, high] = span(0, 0, 3);
  assert.ok(low === 0 && high === 3);
});
