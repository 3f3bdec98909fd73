import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { decodeFrame } from "../../static/js/lab/frame.js";
import { Series } from "../../static/js/lab/series.js";
import { Stage } from "../../static/js/lab/stage.js";
import { goldenBytes, goldenPool } from "./golden.js";
import { poolState } from "./pool_state.js";

let asked;
let stage;

beforeEach(() => {
  asked = 0;
  stage = new Stage(() => (asked += 1));
});

function receive(first, end) {
  for (const bytes of goldenBytes.slice(first, end)) stage.receive(bytes);
  return stage.advance(0);
}

test("frames that have come are taken in together", () => {
  assert.equal(receive(0, 50), true);
  assert.deepEqual(poolState(stage.pool), poolState(goldenPool(49)));
  assert.equal(stage.advance(1), false);
});

test("a lost frame asks for a keyframe, and a damaged one too", () => {
  receive(0, 10);
  receive(11, 13);
  assert.ok(asked > 0);
  asked = 0;
  stage.receive(goldenBytes[0].slice(0, 40));
  stage.advance(0);
  assert.equal(asked, 1);
  assert.deepEqual(poolState(stage.pool), poolState(goldenPool(9)));
});

test("frames of another version are named, and nothing is asked for in vain", () => {
  receive(0, 3);
  asked = 0;
  const newer = goldenBytes[3].slice();
  newer[8] = 9;
  stage.receive(newer);
  assert.equal(stage.advance(0), false);
  assert.match(stage.refusal, /format version 9.*Reload the page/);
  assert.equal(asked, 0);
  receive(3, 5);
  assert.equal(stage.refusal, null);
});

test("paused, it stays at its frame while others keep coming", () => {
  receive(0, 40);
  stage.pause();
  receive(40, 60);
  assert.equal(stage.isPaused, true);
  assert.deepEqual(poolState(stage.pool), poolState(goldenPool(39)));
  stage.resume(0);
  assert.deepEqual(poolState(stage.pool), poolState(goldenPool(59)));
});

test("it steps back and forth by one frame", () => {
  receive(0, 40);
  stage.step(-1);
  stage.step(-1);
  assert.deepEqual(poolState(stage.pool), poolState(goldenPool(37)));
  stage.step(1);
  assert.deepEqual(poolState(stage.pool), poolState(goldenPool(38)));
  assert.equal(stage.mode, "past");
});

test("the span ends at the newest frame, and the place is the one shown", () => {
  assert.equal(stage.span, null);
  receive(0, 40);
  const { endMs } = stage.span;
  assert.equal(endMs, decodeFrame(goldenBytes[39]).stampMs);
  stage.step(-1);
  assert.equal(stage.span.atMs, decodeFrame(goldenBytes[38]).stampMs);
});

test("showing another pool is said, so that everything is painted", () => {
  receive(0, 40);
  stage.hasSwitched = false;
  stage.pause();
  assert.equal(stage.hasSwitched, true);
  stage.hasSwitched = false;
  stage.step(-1);
  assert.equal(stage.hasSwitched, false);
});

test("a recording plays through the same pool, and live frames go on behind it", () => {
  receive(0, 5);
  stage.playRecording(framesFile(goldenBytes.slice(0, 200)), 1000);
  assert.equal(stage.advance(1000), false);
  assert.equal(stage.advance(1_000_000), true);
  assert.deepEqual(poolState(stage.pool), poolState(goldenPool(199)));
  assert.equal(stage.isPaused, true);
  receive(5, 8);
  stage.showLive();
  assert.deepEqual(poolState(stage.pool), poolState(goldenPool(7)));
});

test("tokens a second are those of the last second", () => {
  const series = new Series();
  for (let i = 0; i <= 40; i++) {
    series.add({ timeMs: 1000 + 50 * i, usage: 0.5, running: 1, waiting: 0, tokens: 2 });
  }
  assert.equal(series.rateAt(3000), 40);
  assert.equal(series.rateAt(3500), 20);
  assert.equal(series.rateAt(9000), 0);
  assert.equal(series.samples.at(-1).rate, 40);
});

test("the table has a row every five seconds, newest first", () => {
  const series = new Series();
  for (let s = 0; s <= 30; s++) {
    series.add({ timeMs: 1000 * s, usage: s / 100, running: s, waiting: 0, tokens: 1 });
  }
  const rows = series.rows(30_000);
  assert.deepEqual(rows.map((row) => row.running), [30, 25, 20, 15, 10, 5, 0]);
  assert.deepEqual(rows.map((row) => row.agoS), [0, 5, 10, 15, 20, 25, 30]);
});

test("a minute is kept, and time that runs backwards starts anew", () => {
  const series = new Series();
  for (let s = 0; s <= 200; s++) series.add({ timeMs: 1000 * s, tokens: 0 });
  assert.ok(series.samples.length <= 67);
  series.add({ timeMs: 5, tokens: 0 });
  assert.equal(series.samples.length, 1);
});

function framesFile(list) {
  const json = new TextEncoder().encode("{}");
  const length = list.reduce((sum, bytes) => sum + 4 + bytes.length, 12 + json.length);
  const file = new Uint8Array(length);
  const view = new DataView(file.buffer);
  file.set(new TextEncoder().encode("SVLP"));
  view.setUint32(4, 1, true);
  view.setUint32(8, json.length, true);
  file.set(json, 12);
  let at = 12 + json.length;
  for (const bytes of list) {
    view.setUint32(at, bytes.length, true);
    file.set(bytes, at + 4);
    at += 4 + bytes.length;
  }
  return file.buffer;
}
