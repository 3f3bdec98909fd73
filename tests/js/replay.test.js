/** The time line of the replay page, its overview, and the record button. */

import assert from "node:assert/strict";
import test from "node:test";

import { minutes } from "../../static/js/lab/record/recording.js";
import { ReplayClock, SPEEDS } from "../../static/js/lab/replay/clock.js";
import { endedWords, inCommon, sampleAt, samplesOf, thinned } from "../../static/js/lab/replay/overview.js";

test("time passes at the chosen speed and stops at the end", () => {
  const clock = new ReplayClock([[0, 100, 900]]);
  clock.speed = 4;
  clock.play(1_000);
  assert.equal(clock.tick(1_050), true);
  assert.equal(clock.positionMs, 200);
  clock.tick(2_000);
  assert.equal(clock.positionMs, 900);
  assert.equal(clock.isPlaying, false);
  assert.equal(clock.tick(3_000), false);
});

test("play at the end begins anew", () => {
  const clock = new ReplayClock([[0, 100]]);
  clock.seek(5_000);
  assert.equal(clock.positionMs, 100);
  clock.play(0);
  assert.equal(clock.positionMs, 0);
});

test("a step goes to the next frame of either recording, and time stands", () => {
  const clock = new ReplayClock([[0, 100, 300], [0, 50, 400]]);
  clock.play(0);
  const seen = [];
  for (let i = 0; i < 5; i++) {
    clock.step(1);
    seen.push(clock.positionMs);
  }
  assert.deepEqual(seen, [50, 100, 300, 400, 400]);
  clock.step(-1);
  assert.equal(clock.positionMs, 300);
  assert.equal(clock.isPlaying, false);
});

test("speeds reach from a quarter to sixteen times", () => {
  const clock = new ReplayClock([[0, 1]]);
  for (let i = 0; i < 9; i++) clock.shift(1);
  assert.equal(clock.speed, 16);
  for (let i = 0; i < 9; i++) clock.shift(-1);
  assert.equal(clock.speed, 0.25);
  assert.equal(SPEEDS.length, 7);
});

function frame(timeMs, { free, running, waiting, tokens }) {
  const bytes = new Uint8Array(90);
  const view = new DataView(bytes.buffer);
  view.setUint32(12, 101, true);
  view.setUint32(56, free, true);
  view.setUint32(60, waiting, true);
  view.setUint32(64, running, true);
  view.setUint32(80, tokens, true);
  return { bytes, timeMs };
}

test("the overview reads a frame's figures from its header", () => {
  const samples = samplesOf([
    frame(0, { free: 100, running: 0, waiting: 2, tokens: 5 }),
    frame(500, { free: 50, running: 3, waiting: 0, tokens: 7 }),
    frame(1_400, { free: 0, running: 4, waiting: 0, tokens: 9 }),
  ]);
  assert.deepEqual(samples.map(({ usage }) => usage), [0, 0.5, 1]);
  assert.deepEqual(samples.map(({ rate }) => rate), [5, 12, 16]);
  assert.equal(samples[0].waiting, 2);
  assert.equal(sampleAt(samples, 1_399).running, 3);
  assert.equal(sampleAt(samples, -1), null);
});

test("a long overview keeps its peaks", () => {
  const samples = Array.from({ length: 5_000 }, (_, i) => ({ timeMs: i, usage: i === 2_345 ? 1 : 0.1 }));
  const points = thinned(samples);
  assert.equal(points.length, 600);
  assert.equal(Math.max(...points.map(({ usage }) => usage)), 1);
  assert.ok(points.every(({ timeMs }, i) => i === 0 || timeMs > points[i - 1].timeMs));
});

test("minutes and seconds", () => {
  assert.equal(minutes(75.9), "1:15");
  assert.equal(minutes(600), "10:00");
});

test("two recordings are drawn over the longer one's time, up to the higher tops", () => {
  const long = { durationMs: 109_000, tops: [100, 50, 200] };
  const short = { durationMs: 20_000, tops: [100, 20, 1_000] };
  assert.deepEqual(inCommon([long, short]), { spanMs: 109_000, tops: [100, 50, 1_000] });
  assert.deepEqual(inCommon([short]), { spanMs: 20_000, tops: short.tops });
  assert.equal(inCommon([{ durationMs: 0, tops: [4] }]).spanMs, 1_000);
});

test("beyond the end of the shorter one it says so", () => {
  assert.equal(endedWords(20_000, 20_000), "");
  assert.equal(endedWords(20_001, 20_000), "ended after 20.0\u202fs");
});
