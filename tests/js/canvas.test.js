import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { beforeEach, test } from "node:test";

import { BlockCanvas } from "../../static/js/lab/canvas.js";
import { decodeFrame } from "../../static/js/lab/frame.js";
import { squareOf } from "../../static/js/lab/layout.js";
import { css, mix, pack, parseColour } from "../../static/js/lab/palette.js";
import { Pool } from "../../static/js/lab/pool.js";
import { STATE, Sprites } from "../../static/js/lab/sprites.js";
import { firstPool, goldenBytes, goldenPool } from "./golden.js";
import { framesIn } from "./pool_state.js";

const palette = {
  ground: pack(255, 255, 255), panel: pack(250, 250, 250), ink: pack(0, 0, 0),
  muted: pack(90, 90, 90), rule: pack(220, 220, 220), "rule-strong": pack(180, 180, 180),
  free: pack(230, 227, 217), cached: pack(156, 199, 191), used: pack(59, 115, 185),
  shared: pack(123, 79, 181), yours: pack(217, 87, 11),
};
const space = { numBlocks: 364, widthCss: 560, heightCss: 320, ratio: 1 };
let canvas;
let puts;

/** A canvas whose context remembers what was put. */
function fakeCanvas() {
  puts = [];
  const context = {
    createImageData: (width, height) => ({
      width, height, data: new Uint8ClampedArray(width * height * 4),
    }),
    putImageData: (image, x, y, left, top, width, height) =>
      puts.push({ image, left, top, width, height }),
  };
  return { style: {}, getContext: () => context };
}

beforeEach(() => (canvas = fakeCanvas()));

function painterOf(pool) {
  const painter = new BlockCanvas(canvas, palette);
  painter.resize(space);
  painter.paintAll(pool);
  return painter;
}

/** The pixel in the middle of a block's lower half. */
function pixelOf(painter, id) {
  const { xPx, yPx, sizePx } = squareOf(painter.layout, id);
  const words = new Uint32Array(puts.at(-1).image.data.buffer);
  return words[(yPx + sizePx - 3) * painter.layout.widthPx + xPx + 4];
}

test("colours survive packing, and are read as CSS has them", () => {
  assert.equal(parseColour("#1C1B19"), pack(0x1c, 0x1b, 0x19));
  assert.equal(parseColour(" rgb(1, 2, 3)"), pack(1, 2, 3));
  assert.equal(parseColour("papayawhip"), null);
  assert.equal(css(pack(1, 2, 3)), "rgb(1 2 3)");
  assert.equal(mix(pack(255, 0, 0), pack(0, 0, 0), 0.5), pack(128, 0, 0));
});

test("a used block fills from the bottom", () => {
  const sprites = new Sprites({ pitchPx: 17, gapPx: 1 }, palette);
  const half = sprites.get(STATE.USED, sprites.level(16, 32), false, false);
  assert.equal(half[15 * 17 + 4], palette.used);
  assert.notEqual(half[2 * 17 + 4], palette.used);
  assert.equal(sprites.level(1, 32), 1);
  assert.equal(sprites.level(0, 32), 0);
  assert.equal(sprites.level(32, 32), 16);
});

test("states differ by more than their colour", () => {
  const sprites = new Sprites({ pitchPx: 17, gapPx: 1 }, palette);
  const kinds = (sprite) => new Set(sprite).size;
  assert.equal(kinds(sprites.get(STATE.FREE, 0, false, false)), 2);
  assert.equal(kinds(sprites.get(STATE.CACHED, 0, false, false)), 3, "hatched");
  const shared = sprites.get(STATE.SHARED, 16, false, false);
  assert.equal(shared[8 * 17 + 8], palette.panel, "a dot in the middle");
  const yours = sprites.get(STATE.USED, 16, true, false);
  assert.equal(yours[8 * 17], palette.yours, "a ring");
  assert.equal(yours[8 * 17 + 8], palette.used);
});

test("even squares of two pixels tell yours apart", () => {
  const sprites = new Sprites({ pitchPx: 2, gapPx: 0 }, palette);
  assert.ok(sprites.get(STATE.USED, 2, true, false).every((word) => word === palette.yours));
});

test("every block of a real frame gets the colour of its state", () => {
  const pool = firstPool(({ totals }) => totals.used > 8 && totals.cached > 8);
  const painter = painterOf(pool);
  const colours = { free: palette.free, used: palette.used, shared: palette.shared };
  for (let id = 1; id < pool.numBlocks; id++) {
    const state = pool.stateOf(id);
    const isFull = state === "free" || pool.fillOf(id) === pool.blockSize;
    if (state in colours && isFull) assert.equal(pixelOf(painter, id), colours[state]);
  }
});

test("only what changed is painted, and only its band goes to the canvas", () => {
  const pool = goldenPool(100);
  const painter = painterOf(pool);
  painter.isMoving = false;
  pool.takeDirty();
  const [id] = [...pool.requests.values()].find((one) => one.blockIds.length).blockIds;
  painter.paint(pool, [id], 1);
  const { height, width } = puts.at(-1);
  assert.equal(puts.length, 2);
  assert.deepEqual([width, height], [painter.layout.pitchPx, painter.layout.pitchPx]);
  painter.paint(pool, [], 2);
  assert.equal(puts.length, 2);
});

test("painting what is dirty gives the same picture as painting all", () => {
  const pool = goldenPool(0);
  const painter = painterOf(pool);
  painter.isMoving = false;
  pool.takeDirty();
  for (const bytes of goldenBytes.slice(1, 200)) {
    pool.apply(decodeFrame(bytes));
    painter.paint(pool, pool.takeDirty(), 1);
  }
  const bit = new Uint32Array(puts.at(-1).image.data.buffer).slice();
  painter.paintAll(pool);
  assert.deepEqual(bit, new Uint32Array(puts.at(-1).image.data.buffer));
});

test("a taken block flashes, and is at rest after 120 ms", () => {
  const pool = goldenPool(0);
  const painter = painterOf(pool);
  let isMoving = false;
  for (const bytes of goldenBytes.slice(1, 100)) {
    pool.apply(decodeFrame(bytes));
    isMoving = painter.paint(pool, pool.takeDirty(), 1000) || isMoving;
  }
  assert.ok(isMoving);
  assert.equal(painter.paint(pool, [], 1000 + 241), false);
});

const grouped = [...framesIn(readFileSync(new URL("../data/grouped.frames", import.meta.url)))];

test("a block that slid out of its window is seen leaving for longer", () => {
  const pool = new Pool();
  pool.apply(decodeFrame(grouped[0]));
  const painter = painterOf(pool);
  let atMs = 1000;
  let seen = 0;
  for (const bytes of grouped.slice(1)) {
    atMs += 10_000; // what moved before is at rest
    painter.paint(pool, [], atMs - 5000);
    pool.apply(decodeFrame(bytes));
    const leaves = pool.slidOut.filter((id) => pool.refCnt[id] === 0).length;
    painter.paint(pool, pool.takeDirty(), atMs);
    const isLeaving = painter.paint(pool, [], atMs + 600);
    assert.equal(isLeaving, leaves > 0);
    assert.equal(painter.paint(pool, [], atMs + 1300), false);
    seen += leaves;
  }
  assert.ok(seen >= 10);
});

test("of one group alone, the others' blocks are dim", () => {
  const pool = new Pool();
  for (const bytes of grouped.slice(0, 40)) pool.apply(decodeFrame(bytes));
  const painter = painterOf(pool);
  const ids = [...pool.refCnt.keys()].filter((id) => pool.refCnt[id] > 0 && pool.fillOf(id) > 0);
  const before = ids.map((id) => pixelOf(painter, id));
  painter.group = 1;
  painter.paintAll(pool);
  ids.forEach((id, i) => {
    const isSame = pixelOf(painter, id) === before[i];
    assert.equal(isSame, pool.groupCodes[id] === 1);
  });
});

test("nothing moves where motion is reduced", () => {
  const pool = goldenPool(0);
  const painter = painterOf(pool);
  painter.isMoving = false;
  for (const bytes of goldenBytes.slice(1, 100)) {
    pool.apply(decodeFrame(bytes));
    assert.equal(painter.paint(pool, pool.takeDirty(), 1000), false);
  }
});

test("a chosen request keeps its blocks bright and dims all others", () => {
  const pool = firstPool((one) => [...one.requests.values()].filter((r) => r.blockIds.length > 1).length > 1);
  const painter = painterOf(pool);
  const [chosen, other] = [...pool.requests.values()].filter((r) => r.blockIds.length > 1);
  painter.lit = new Set(chosen.blockIds);
  const outside = other.blockIds.find((id) => !painter.lit.has(id));
  const before = [pixelOf(painter, chosen.blockIds[0]), pixelOf(painter, outside)];
  painter.paintAll(pool);
  assert.equal(pixelOf(painter, chosen.blockIds[0]), before[0]);
  assert.notEqual(pixelOf(painter, outside), before[1]);
});
