import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { FrameError, GroupKind, decodeFrame } from "../../static/js/lab/frame.js";
import { givenUpSentence, groupName, groupSentence, isPlain } from "../../static/js/lab/groups.js";
import { Pool } from "../../static/js/lab/pool.js";
import { blockWords } from "../../static/js/lab/words.js";
import { crc32 } from "./crc32.js";
import { Painting, framesIn, poolState } from "./pool_state.js";

const DATA = new URL("../data/", import.meta.url);
const frames = [...framesIn(readFileSync(new URL("grouped.frames", DATA)))];
const golden = JSON.parse(readFileSync(new URL("grouped.json", DATA)));

test("frames of format 2 give the states of their engine's mirror", () => {
  const pool = new Pool();
  const painting = new Painting();
  let compared = 0;
  let slidOut = 0;
  frames.forEach((bytes, number) => {
    assert.equal(pool.apply(decodeFrame(bytes)), "applied");
    slidOut += pool.slidOut.length;
    painting.paint(pool);
    assert.deepEqual(painting.wrong(pool), []);
    if (!golden[number]) return;
    assert.deepEqual(poolState(pool), golden[number]);
    compared += 1;
  });
  assert.ok(compared >= 4 && compared === Object.keys(golden).length);
  assert.ok(slidOut >= 20, String(slidOut));
});

test("a frame of format 2 says what the groups are", () => {
  const { groups } = decodeFrame(frames[0]);
  assert.deepEqual(
    groups.map(({ kind, blockSize, window }) => [kind, blockSize, window]),
    [[GroupKind.FULL, 16, 0], [GroupKind.WINDOW, 16, 64], [GroupKind.STATE, 16, 0]],
  );
});

test("a delta after which all is told anew leaves the same pool", () => {
  const [pool, fresh] = [new Pool(), new Pool()];
  const keyframe = frames.findIndex((one, i) => i > 0 && one[9] === 0);
  for (const bytes of frames.slice(0, keyframe < 0 ? frames.length : keyframe + 1)) {
    pool.apply(decodeFrame(bytes));
  }
  if (keyframe < 0) return;
  fresh.apply(decodeFrame(frames[keyframe]));
  assert.deepEqual(poolState(pool), poolState(fresh));
});

test("groups are named by what their layers look at, and say what they hold", () => {
  const pool = new Pool();
  for (const bytes of frames.slice(0, 60)) pool.apply(decodeFrame(bytes));
  assert.equal(isPlain(pool.groups), false);
  assert.deepEqual(
    pool.groups.map((_, at) => groupName(pool.groups, at)),
    ["full attention", "sliding window of 64 tokens", "states"],
  );
  const [full, window] = pool.groups;
  const five = [full, window, window];
  assert.equal(groupName(five, 2), "sliding window of 64 tokens (2 of 2)");
  const inUse = pool.groups.map((_, at) => Number(/(\d+) blocks? in use/.exec(groupSentence(pool, at))[1]));
  const { used, shared } = pool.totals;
  assert.equal(inUse.reduce((sum, one) => sum + one), used + shared);
  const nulls = [...pool.requests.values()].flatMap(({ tables }) => tables.flat().filter((id) => id === 0));
  assert.ok(nulls.length > 0);
  assert.match(givenUpSentence(pool, [0, 1, 2]), new RegExp(`have ${nulls.length} logical`));
  assert.match(givenUpSentence(pool, [0]), /^No block was given up/);
  for (const request of pool.requests.values()) assert.ok(!pool.blocksOf(request).includes(0));
});

test("an own block's words are cut by its group, and a state's block has none", () => {
  const pool = new Pool();
  for (const bytes of frames.slice(0, 60)) pool.apply(decodeFrame(bytes));
  pool.groups = pool.groups.map((one, at) => ({ ...one, blockSize: 8 << at }));
  const textOf = (shortId, index, blockSize) => `${shortId}/${index}/${blockSize}`;
  const seen = pool.groups.map(() => 0);
  for (const id of Array(pool.numBlocks).keys()) {
    const [owner] = pool.ownersOf(id);
    if (!owner) continue;
    const { shortId, logicalIndex, group } = owner;
    const words = blockWords(pool, id, (one) => one === shortId, textOf);
    const isState = pool.groups[group].kind === GroupKind.STATE;
    const text = `“${shortId}/${logicalIndex}/${8 << group}”`;
    assert.equal(words.endsWith(text), !isState, words);
    assert.equal(words.includes("holds a state, not tokens"), isState, words);
    assert.equal(/of \d+ tokens/.test(words), !isState, words);
    seen[group] += 1;
  }
  assert.ok(seen.every((number) => number > 0), String(seen));
});

test("every cut and forged frame of format 2 throws nothing but FrameError", () => {
  let refused = 0;
  for (const frame of [frames[0], frames[40]]) {
    for (let at = 84; at < frame.length; at++) {
      assert.throws(() => decodeFrame(frame.slice(0, at)), FrameError);
      for (const byte of [0, 3, 255]) {
        const copy = frame.slice();
        copy[at] = byte;
        new DataView(copy.buffer).setUint32(4, crc32(copy.subarray(8)), true);
        try {
          new Pool().apply(decodeFrame(copy));
        } catch (error) {
          assert.ok(error instanceof FrameError, `${at}: ${error.stack}`);
          refused += 1;
        }
      }
    }
  }
  assert.ok(refused > 100);
});
