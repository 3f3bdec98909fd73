import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { crc32 } from "./crc32.js";

import { FrameError, decodeFrame } from "../../static/js/lab/frame.js";
import { Pool } from "../../static/js/lab/pool.js";
import { Painting, framesIn, poolState } from "./pool_state.js";

const DATA = new URL("../data/", import.meta.url);
const frames = [...framesIn(readFileSync(new URL("golden.frames", DATA)))];
const sizes = JSON.parse(readFileSync(new URL("real.json", DATA)));
const golden = JSON.parse(readFileSync(new URL("golden.json", DATA)));

/** The frame with one byte changed and a checksum that fits again. */
function forged(frame, at, byte) {
  const copy = frame.slice();
  copy[at] = byte;
  new DataView(copy.buffer, copy.byteOffset).setUint32(4, crc32(copy.subarray(8)), true);
  return copy;
}

test("the golden frames give the golden states", () => {
  const pool = new Pool();
  const painting = new Painting();
  let compared = 0;
  frames.forEach((bytes, number) => {
    assert.equal(pool.apply(decodeFrame(bytes)), "applied");
    painting.paint(pool);
    assert.deepEqual(painting.wrong(pool), []);
    if (!golden[number]) return;
    assert.deepEqual(poolState(pool), golden[number]);
    compared += 1;
  });
  assert.equal(compared, Object.keys(golden).length);
});

test("a frame decodes from an ArrayBuffer as from a view of one", () => {
  const copy = frames[0].slice();
  assert.deepEqual(decodeFrame(copy.buffer), decodeFrame(frames[0]));
});

test("a frame says its host, run, number and sizes", () => {
  const frame = decodeFrame(frames[1]);
  assert.equal(frame.engineHostId, "golden-host");
  assert.equal(frame.engineRun, 1);
  assert.equal(frame.isKeyframe, false);
  assert.deepEqual([frame.seq, frame.baseSeq], [2, 1]);
  assert.deepEqual([frame.numBlocks, frame.blockSize], [sizes.num_blocks, sizes.block_size]);
});

test("every frame that is cut short is refused with a sentence", () => {
  for (const frame of frames.slice(0, 40)) {
    for (let length = 0; length < frame.length; length += 7) {
      assert.throws(() => decodeFrame(frame.slice(0, length)), FrameError);
    }
  }
});

test("every changed byte is found", () => {
  for (let at = 0; at < frames[3].length; at++) {
    const damaged = frames[3].slice();
    damaged[at] ^= 0x10;
    assert.throws(() => decodeFrame(damaged), FrameError, `byte ${at}`);
  }
});

test("bytes that only pretend to be a frame throw nothing but FrameError", () => {
  let numRefused = 0;
  for (const frame of [frames[0], frames[60]]) {
    for (let at = 84; at < frame.length; at++) {
      for (const byte of [0, 3, 255]) {
        try {
          new Pool().apply(decodeFrame(forged(frame, at, byte)));
        } catch (error) {
          assert.ok(error instanceof FrameError, `${at}: ${error.stack}`);
          numRefused += 1;
        }
      }
    }
  }
  assert.ok(numRefused > 100);
});

test("foreign bytes and another version are refused by name", () => {
  const foreign = new TextEncoder().encode(`<!doctype html>${" ".repeat(100)}`);
  assert.throws(() => decodeFrame(foreign), /do not start with SVLF/);
  assert.throws(() => decodeFrame(forged(frames[0], 8, 9)), /format version 9/);
  assert.throws(() => decodeFrame(forged(frames[0], 9, 7)), /kind 7 is unknown/);
});

test("bytes after the end are refused", () => {
  const longer = new Uint8Array(frames[0].length + 3);
  longer.set(frames[0]);
  new DataView(longer.buffer).setUint32(4, crc32(longer.subarray(8)), true);
  assert.throws(() => decodeFrame(longer), /3 bytes too many/);
});
