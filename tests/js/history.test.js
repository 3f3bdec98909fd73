import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { FrameError, decodeFrame } from "../../static/js/lab/frame.js";
import { History, Player } from "../../static/js/lab/history.js";
import { Pool } from "../../static/js/lab/pool.js";
import { framesIn, poolState } from "./pool_state.js";

const DATA = new URL("../data/", import.meta.url);
const frames = [...framesIn(readFileSync(new URL("golden.frames", DATA)))];
const times = frames.map((bytes) => decodeFrame(bytes).stampMs);

/** State after frame `number`, by applying all frames up to it. */
function stateAfter(number) {
  const pool = new Pool();
  for (const bytes of frames.slice(0, number + 1)) pool.apply(decodeFrame(bytes));
  return poolState(pool);
}

function framesFile(header, list) {
  const encoder = new TextEncoder();
  const json = encoder.encode(JSON.stringify(header));
  const head = new Uint8Array([...encoder.encode("SVLP"), 1, 0, 0, 0, 0, 0, 0, 0]);
  new DataView(head.buffer).setUint32(8, json.length, true);
  const parts = [head, json];
  for (const bytes of list) parts.push(new Uint8Array(new Uint32Array([bytes.length]).buffer), bytes);
  return new Uint8Array(parts.flatMap((part) => [...part])).buffer;
}

const file = framesFile({ machine: "a machine", memory: [] }, frames);

test("seek gives the pool as it was at any time, forwards and backwards", () => {
  const history = new History({ spanMs: 1e9 });
  for (const bytes of frames) assert.ok(history.add(bytes));
  assert.deepEqual(history.times, times);
  for (const number of [300, 301, 299, 20, 500, 110, 99, 100, 101, 0, 539]) {
    assert.deepEqual(poolState(history.seek(times[number])), stateAfter(number));
  }
});

test("seek between two frames shows the earlier one, and clamps at both ends", () => {
  const history = new History({ spanMs: 1e9 });
  for (const bytes of frames) history.add(bytes);
  assert.deepEqual(poolState(history.seek((times[50] + times[51]) / 2)), stateAfter(50));
  assert.deepEqual(poolState(history.seek(0)), stateAfter(0));
  assert.deepEqual(poolState(history.seek(1e15)), stateAfter(539));
});

test("what is older than the span is dropped, whole chains at a time", () => {
  const history = new History({ spanMs: 5000 });
  for (const bytes of frames) {
    history.add(bytes);
    history.seek(history.span.startMs);
  }
  const { startMs, endMs } = history.span;
  assert.equal(endMs, times[539]);
  assert.ok(endMs - startMs >= 5000);
  assert.equal(startMs, times[times.findLastIndex((t, i) => i % 100 === 0 && t <= endMs - 5000)]);
  assert.deepEqual(poolState(history.seek(startMs)), stateAfter(times.indexOf(startMs)));
  const kept = frames.slice(times.indexOf(startMs)).reduce((sum, b) => sum + b.length, 0);
  assert.equal(history.numBytes, kept);
});

test("the bytes kept are bounded whatever comes", () => {
  const history = new History({ spanMs: 1e9, maxBytes: 30_000 });
  for (const bytes of frames) {
    history.add(bytes);
    assert.ok(history.numBytes <= 30_000 || history.needsKeyframe);
  }
  assert.deepEqual(poolState(history.seek(1e15)), stateAfter(539));
});

test("a single chain that is too large is given up until the next keyframe", () => {
  const history = new History({ spanMs: 1e9, maxBytes: 3000 });
  const kept = frames.slice(0, 100).map((bytes) => history.add(bytes));
  assert.ok(kept[0] && kept.includes(false) && history.needsKeyframe);
  assert.equal(history.seek(1e15), null);
  assert.ok(history.add(frames[100]));
});

test("after a gap history waits for a keyframe and says so", () => {
  const history = new History();
  history.add(frames[0]);
  assert.equal(history.add(frames[2]), false);
  assert.equal(history.needsKeyframe, true);
  assert.equal(history.add(frames[3]), false);
  assert.equal(history.add(frames[100]), true);
  assert.equal(history.needsKeyframe, false);
});

test("the player shows each moment and stops at the end", () => {
  const player = new Player(file);
  assert.equal(player.header.machine, "a machine");
  assert.equal(player.tick(1000), false);
  player.play(1000);
  assert.ok(player.isPlaying);
  player.tick(1000 + (times[200] - times[0]) + 0.01);
  assert.deepEqual(poolState(player.pool), stateAfter(200));
  player.tick(1e9);
  assert.ok(player.isAtEnd && !player.isPlaying);
  assert.deepEqual(poolState(player.pool), stateAfter(539));
  player.play(0);
  assert.equal(player.positionMs, 0);
  assert.deepEqual(poolState(player.pool), stateAfter(0));
});

test("the player seeks, pauses and keeps its speed", () => {
  const player = new Player(file);
  player.seek(times[321] - times[0] + 0.01);
  assert.deepEqual(poolState(player.pool), stateAfter(321));
  player.seek(0);
  player.speed = 4;
  player.play(0);
  player.tick(1000);
  assert.equal(player.positionMs, 4000);
  player.pause();
  assert.equal(player.tick(9000), false);
  assert.equal(player.positionMs, 4000);
});

test("the player says whether the pool changed", () => {
  const player = new Player(file);
  player.play(0);
  assert.equal(player.tick((times[1] - times[0]) / 2), false);
  assert.equal(player.tick(times[1] - times[0] + 0.01), true);
});

test("the player gives the newest memory sample of the moment", () => {
  const stamps = [times[0] - 500, times[0] + 1500, times[0] + 2500];
  const memory = stamps.map((ms) => ({ stamp: ms / 1000 }));
  const player = new Player(framesFile({ memory }, frames));
  assert.deepEqual(player.memory, memory[0]);
  player.seek(2000);
  assert.deepEqual(player.memory, memory[1]);
});

test("a foreign, cut or empty frames file is refused with a sentence", () => {
  assert.throws(() => new Player(new ArrayBuffer(0)), FrameError);
  assert.throws(() => new Player(frames[0].slice().buffer), /not a frames file/);
  assert.throws(() => new Player(file.slice(0, file.byteLength - 1)), /cut short/);
  assert.throws(() => new Player(framesFile({}, [])), /keyframe/);
  assert.throws(() => new Player(framesFile({}, frames.slice(1))), /keyframe/);
});
