import assert from "node:assert/strict";
import { test } from "node:test";

import { blockAt, layOut, neighbour, squareOf } from "../../static/js/lab/layout.js";

const space = { widthCss: 560, heightCss: 320, ratio: 1 };

test("100 to 60,000 blocks fit the space or pan, with squares of 2 to 24 px", () => {
  for (const ratio of [1, 1.5, 2, 3]) {
    for (const numBlocks of [100, 364, 1456, 10_000, 60_000]) {
      const layout = layOut({ ...space, numBlocks, ratio });
      assert.ok(layout.cols * layout.rows >= numBlocks);
      assert.ok(layout.widthPx <= 560 * ratio);
      assert.ok(layout.pitchPx >= 2 * ratio && layout.pitchPx <= 24 * ratio);
      const isSmallest = layout.pitchPx === Math.round(2 * ratio);
      assert.ok(isSmallest || layout.heightPx <= 320 * ratio);
    }
  }
});

test("there is a gap of one CSS pixel from 4 px on, none below", () => {
  assert.equal(layOut({ ...space, numBlocks: 100, ratio: 2 }).gapPx, 2);
  assert.equal(layOut({ ...space, numBlocks: 60_000 }).gapPx, 0);
});

test("zooming makes squares larger, and keeps the canvas within bounds", () => {
  const fitted = layOut({ ...space, numBlocks: 1456 });
  const zoomed = layOut({ ...space, numBlocks: 1456, zoom: 2 });
  const huge = layOut({ ...space, numBlocks: 60_000, ratio: 3, zoom: 12 });
  assert.equal(zoomed.pitchPx, 2 * fitted.pitchPx);
  assert.ok(huge.widthPx * huge.heightPx < 13_000_000);
});

test("each block is found at its own square, and nothing beside the grid", () => {
  const layout = layOut({ ...space, numBlocks: 365 });
  assert.ok(layout.cols * layout.rows > 365);
  for (const id of [0, 1, layout.cols - 1, layout.cols, 364]) {
    const { xPx, yPx, sizePx } = squareOf(layout, id);
    assert.equal(blockAt(layout, xPx, yPx), id);
    assert.equal(blockAt(layout, xPx + sizePx - 1, yPx + sizePx - 1), id);
  }
  assert.equal(blockAt(layout, -1, 5), null);
  assert.equal(blockAt(layout, layout.widthPx + 1, 5), null);
  assert.equal(blockAt(layout, layout.widthPx - 1, layout.heightPx - 1), null);
});

test("arrow keys move by one and by a row, and stay inside", () => {
  const layout = layOut({ ...space, numBlocks: 364 });
  assert.equal(neighbour(layout, 5, "ArrowRight"), 6);
  assert.equal(neighbour(layout, 0, "ArrowLeft"), 0);
  assert.equal(neighbour(layout, 5, "ArrowDown"), 5 + layout.cols);
  assert.equal(neighbour(layout, 5, "ArrowUp"), 5);
  assert.equal(neighbour(layout, 5, "End"), 363);
  assert.equal(neighbour(layout, 363, "Home"), 0);
  assert.equal(neighbour(layout, 5, "a"), null);
});
