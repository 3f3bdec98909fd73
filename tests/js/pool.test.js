import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { decodeFrame } from "../../static/js/lab/frame.js";
import { Pool } from "../../static/js/lab/pool.js";
import { framesIn } from "./pool_state.js";

const DATA = new URL("../data/", import.meta.url);
const bytes = [...framesIn(readFileSync(new URL("golden.frames", DATA)))];
const frames = bytes.map((frame) => decodeFrame(frame));

function poolAfter(number) {
  const pool = new Pool();
  for (const frame of frames.slice(0, number + 1)) pool.apply(frame);
  return pool;
}

test("an empty pool answers every question", () => {
  const pool = new Pool();
  assert.equal(pool.needsKeyframe, true);
  assert.equal(pool.seq, null);
  assert.deepEqual(pool.ownersOf(0), []);
  assert.equal(pool.takeDirty().length, 0);
  assert.deepEqual(pool.totals, { null: 0, free: 0, cached: 0, used: 0, shared: 0 });
});

test("the first keyframe makes every block dirty, once", () => {
  const pool = poolAfter(0);
  assert.deepEqual([...pool.takeDirty()].sort((a, b) => a - b), [...Array(364).keys()]);
  assert.equal(pool.takeDirty().length, 0);
});

test("a keyframe that says nothing new makes nothing dirty", () => {
  const pool = poolAfter(100);
  pool.takeDirty();
  assert.equal(pool.apply(frames[100]), "applied");
  assert.equal(pool.takeDirty().length, 0);
});

test("what was dirty before a keyframe stays dirty", () => {
  const pool = poolAfter(100);
  pool.takeDirty();
  pool.dirtyAll();
  pool.apply(frames[100]);
  assert.equal(pool.takeDirty().length, 364);
});

test("a keyframe of another engine run makes every block dirty", () => {
  const pool = poolAfter(100);
  pool.takeDirty();
  pool.apply({ ...frames[100], engineRun: 2 });
  assert.equal(pool.takeDirty().length, 364);
});

test("a keyframe of another size starts a new generation", () => {
  const pool = poolAfter(0);
  assert.equal(pool.generation, 1);
  pool.apply({ ...frames[0], numBlocks: 100, hashBits: new Uint8Array(13) });
  assert.equal(pool.generation, 2);
  assert.equal(pool.totals.free, 99);
});

test("a delta of another host or run is not applied", () => {
  for (const other of [{ engineHostId: "other" }, { engineRun: 2 }, { numBlocks: 365 }]) {
    const pool = poolAfter(9);
    assert.equal(pool.apply({ ...frames[10], ...other }), "needs-keyframe");
    assert.equal(pool.seq, frames[9].seq);
    assert.equal(pool.needsKeyframe, true);
  }
});

test("a delta about a request that is not here is not applied", () => {
  const pool = poolAfter(9);
  const [rows] = frames[10].tables;
  const tables = { ...rows };
  tables.shortId = new Uint32Array([4_000_000_000]);
  tables.start = tables.length = new Uint32Array([0]);
  assert.equal(pool.apply({ ...frames[10], tables: [tables] }), "needs-keyframe");
});

test("numbers of frames wrap", () => {
  const pool = new Pool();
  pool.apply({ ...frames[0], seq: 0xffffffff, baseSeq: 0xffffffff });
  assert.equal(pool.apply({ ...frames[1], seq: 0, baseSeq: 0xffffffff }), "applied");
  assert.equal(pool.apply({ ...frames[1], seq: 0xffffffff, baseSeq: 5 }), "stale");
});

test("the blocks of one request can be marked and asked for", () => {
  const number = frames.findIndex(({ counters }) => counters.numRunning > 3);
  const pool = poolAfter(number);
  const request = [...pool.requests.values()].find((one) => one.blockIds.length > 2);
  pool.takeDirty();
  pool.dirtyRequest(request.shortId);
  assert.deepEqual([...pool.takeDirty()], request.blockIds);
  pool.dirtyRequest(4_000_000_000);
  assert.equal(pool.takeDirty().length, 0);
  for (let id = 0; id < pool.numBlocks; id++) {
    const isIts = request.blockIds.includes(id);
    assert.equal(pool.isOwnedByAny(id, new Set([request.shortId])), isIts);
    assert.equal(pool.isOwnedByAny(id, new Set()), false);
  }
});

test("fill is the most of the owners', full when cached and empty when free", () => {
  for (const number of [150, 250, 350]) {
    const pool = poolAfter(number);
    for (let id = 0; id < pool.numBlocks; id++) {
      const fills = pool.ownersOf(id).map((owner) => owner.fill);
      const idle = pool.stateOf(id) === "cached" ? pool.blockSize : 0;
      assert.equal(pool.fillOf(id), fills.length ? Math.max(...fills) : idle);
    }
  }
});

test("blocks that a request loses are repainted even if nothing else tells of them", () => {
  const pool = poolAfter(frames.findIndex(({ counters }) => counters.numRunning > 3));
  const request = [...pool.requests.values()].find((one) => one.blockIds.length > 2);
  const lost = request.blockIds.slice(1);
  const none = new Uint32Array(0);
  const one = (number) => new Uint32Array([number]);
  pool.takeDirty();
  const result = pool.apply({
    ...frames[1],
    seq: pool.seq + 1,
    baseSeq: pool.seq,
    requests: { ...frames[1].requests, shortId: none },
    tables: [
      {
        shortId: one(request.shortId), start: one(1), length: one(0), blockIds: none,
        replaced: { shortId: none, index: none, blockId: none },
      },
    ],
    progress: { shortId: none, numScheduledTokens: none, increment: none },
    waiting: { front: none, back: none },
    blocks: { id: none, refCnt: none, flags: none },
  });
  assert.equal(result, "applied");
  assert.deepEqual([...pool.takeDirty()], lost);
  assert.deepEqual(pool.ownersOf(lost[0]), []);
});
