/**
 * Layout: where each block lies. Pure; lengths ending in Px are device pixels.
 *
 *     pitchPx = cell + gap     block id = row * cols + col, row-major
 */

export const MAX_CELL_CSS = 24;
export const MIN_CELL_CSS = 2;
const GAP_FROM_CSS = 4;
const MAX_CANVAS_PX = 12_000_000;

/**
 * @typedef {object} Layout
 * @property {number} numBlocks
 * @property {number} pitchPx   from one block to the next
 * @property {number} gapPx     part of the pitch that stays empty
 * @property {number} cols
 * @property {number} rows
 * @property {number} widthPx
 * @property {number} heightPx
 */

/**
 * The largest squares with which all blocks fit the space; a pool too large for the
 * space gets the smallest squares and more height, to be panned.
 * @param {{numBlocks: number, widthCss: number, heightCss: number, ratio: number,
 *   zoom?: number, mostCss?: number}} space  ratio: device pixels a CSS pixel; zoom: 1
 *   fits; mostCss: the largest pitch without zoom
 * @returns {Layout}
 */
export function layOut({ numBlocks, widthCss, heightCss, ratio, zoom = 1, mostCss = MAX_CELL_CSS }) {
  const widthPx = Math.max(1, Math.floor(widthCss * ratio));
  const heightPx = Math.max(1, Math.floor(heightCss * ratio));
  const least = Math.max(1, Math.round(MIN_CELL_CSS * ratio));
  let pitchPx = Math.max(least, Math.round(mostCss * ratio));
  while (pitchPx > least && !fits(numBlocks, pitchPx, widthPx, heightPx)) pitchPx--;
  if (zoom !== 1) {
    const most = Math.floor(Math.sqrt(MAX_CANVAS_PX / Math.max(1, numBlocks)));
    const wanted = Math.round(pitchPx * zoom);
    pitchPx = Math.max(pitchPx, Math.min(wanted, most, Math.round(2 * mostCss * ratio)));
  }
  const cols = Math.max(1, Math.floor(widthPx / pitchPx));
  const rows = Math.ceil(numBlocks / cols);
  const gapPx = pitchPx >= GAP_FROM_CSS * ratio ? Math.max(1, Math.round(ratio)) : 0;
  return {
    numBlocks, pitchPx, gapPx, cols, rows,
    widthPx: cols * pitchPx, heightPx: rows * pitchPx,
  };
}

function fits(numBlocks, pitchPx, widthPx, heightPx) {
  const cols = Math.floor(widthPx / pitchPx);
  return cols > 0 && Math.ceil(numBlocks / cols) * pitchPx <= heightPx;
}

/** The block at a point of the canvas; null outside. */
export function blockAt(layout, xPx, yPx) {
  const col = Math.floor(xPx / layout.pitchPx);
  const row = Math.floor(yPx / layout.pitchPx);
  if (col < 0 || row < 0 || col >= layout.cols) return null;
  const blockId = row * layout.cols + col;
  return blockId < layout.numBlocks ? blockId : null;
}

/** The square of a block: {xPx, yPx, sizePx} without its gap. */
export function squareOf(layout, blockId) {
  return {
    xPx: (blockId % layout.cols) * layout.pitchPx,
    yPx: Math.floor(blockId / layout.cols) * layout.pitchPx,
    sizePx: layout.pitchPx - layout.gapPx,
  };
}

/** Where an arrow key leads from `blockId`; null when the key leads nowhere. */
export function neighbour(layout, blockId, key) {
  const steps = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -layout.cols,
    ArrowDown: layout.cols,
    PageUp: -10 * layout.cols,
    PageDown: 10 * layout.cols,
    Home: -layout.numBlocks,
    End: layout.numBlocks,
  };
  if (!(key in steps)) return null;
  const isVertical = Math.abs(steps[key]) >= layout.cols && !/Home|End/.test(key);
  const next = blockId + steps[key];
  if (isVertical && (next < 0 || next >= layout.numBlocks)) return blockId;
  return Math.min(layout.numBlocks - 1, Math.max(0, next));
}
