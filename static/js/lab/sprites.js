/**
 * Sprites: the look of one block in each state, as pixels. Pure.
 *
 * Never colour alone: cached is hatched, shared carries a dot, yours a ring. A used
 * block fills from the bottom; what is reserved but still empty keeps a light tint. As a
 * heat map a block is the darker and the fuller the higher its level; one that is not in
 * the prefix cache is plain, one that is not known is an outline.
 */

import { NUM_LEVELS, SHADE } from "./heat.js";
import { mix } from "./palette.js";

export const STATE = Object.freeze({ NULL: 0, FREE: 1, CACHED: 2, USED: 3, SHARED: 4 });

const DIM_SHARE = 0.16;
const EMPTY_SHARE = 0.24;
const HATCH_SHARE = 0.28;
/** Of the level's colour: how much of `cached` over the ground, of ink over `cached`. */
const HEAT = [[0.5, 0], [1, 0], [1, 0.25], [1, 0.5], [1, 0.8]];
const OUTSIDE_SHARE = 0.5;
const LEAST_FILLED_PX = 6;

/** All sprites of one size and palette, made when first asked for. */
export class Sprites {
  #made = [];

  /**
   * @param {{pitchPx: number, gapPx: number}} size
   * @param {Record<string, number>} palette  colour words, see palette.js
   */
  constructor({ pitchPx, gapPx }, palette) {
    this.pitchPx = pitchPx;
    this.innerPx = pitchPx - gapPx;
    this.palette = palette;
  }

  /** How many pixel rows are filled when `fill` of `blockSize` tokens are there. */
  level(fill, blockSize) {
    if (fill <= 0 || blockSize <= 0) return 0;
    return Math.max(1, Math.floor((fill * this.innerPx) / blockSize));
  }

  /**
   * @param {number} state  see STATE and SHADE
   * @param {number} level  0..innerPx
   * @returns {Uint32Array} pitchPx x pitchPx words, row by row
   */
  get(state, level, isYours, isDim) {
    const variant = state * 4 + (isYours ? 2 : 0) + (isDim ? 1 : 0);
    const at = variant * (this.innerPx + 1) + level;
    return (this.#made[at] ??= this.#make(state, level, isYours, isDim));
  }

  #make(state, level, isYours, isDim) {
    const { pitchPx, innerPx, palette } = this;
    const pixels = new Uint32Array(pitchPx * pitchPx).fill(palette.panel);
    const share = isDim ? DIM_SHARE : 1;
    for (let y = 0; y < innerPx; y++) {
      for (let x = 0; x < innerPx; x++) {
        const colour = isYours
          ? this.#yours(state, level, x, y)
          : this.#body(state, level, x, y);
        pixels[y * pitchPx + x] = mix(colour, palette.panel, share);
      }
    }
    return pixels;
  }

  #body(state, level, x, y) {
    const { palette } = this;
    switch (state) {
      case STATE.FREE:
        return palette.free;
      case STATE.CACHED:
        return this.#hatched(x, y);
      case STATE.USED:
        return this.#filled(palette.used, level, y);
      case STATE.SHARED:
        return this.#isDot(x, y)
          ? palette.panel
          : this.#filled(palette.shared, level, y);
      case SHADE.OUTSIDE:
        return mix(palette.free, palette.panel, OUTSIDE_SHARE);
      case SHADE.UNKNOWN:
        return this.#isEdge(x, y) ? palette["rule-strong"] : palette.panel;
      case STATE.NULL:
        return this.#crossed(x, y);
      default:
        return this.#heat(state - SHADE.LEVEL_1, y);
    }
  }

  #filled(colour, level, y) {
    const isFilled = y >= this.innerPx - level;
    return isFilled ? colour : mix(colour, this.palette.panel, EMPTY_SHARE);
  }

  #hatched(x, y) {
    const { innerPx, palette } = this;
    const step = Math.max(2, Math.min(8, Math.round(innerPx / 3)));
    const isLine = (x + y) % step === 0;
    return isLine ? mix(palette.ink, palette.cached, HATCH_SHARE) : palette.cached;
  }

  #isDot(x, y) {
    const { innerPx } = this;
    if (innerPx < 3) return false;
    const radius = Math.max(0.5, innerPx / 7);
    const middle = (innerPx - 1) / 2;
    return Math.hypot(x - middle, y - middle) <= radius;
  }

  /** Not by colour alone: where there is room, by how full the block is. */
  #heat(level, y) {
    const { innerPx, palette } = this;
    const [cached, ink] = HEAT[level];
    const colour = mix(palette.ink, mix(palette.cached, palette.panel, cached), ink);
    if (innerPx < LEAST_FILLED_PX) return colour;
    const filled = Math.round((innerPx * (level + 1)) / NUM_LEVELS);
    return y >= innerPx - filled ? colour : mix(palette.cached, palette.panel, EMPTY_SHARE);
  }

  #isEdge(x, y) {
    const last = this.innerPx - 1;
    return x === 0 || y === 0 || x === last || y === last;
  }

  #crossed(x, y) {
    const { innerPx, palette } = this;
    const last = innerPx - 1;
    return this.#isEdge(x, y) || x === y || x === last - y ? palette["rule-strong"] : palette.panel;
  }

  #yours(state, level, x, y) {
    const { innerPx, palette } = this;
    const ring = innerPx < 8 ? 1 : Math.max(2, Math.round(innerPx / 8));
    const edge = Math.min(x, y, innerPx - 1 - x, innerPx - 1 - y);
    if (innerPx < 4 || edge < ring) return palette.yours;
    if (innerPx >= 10 && edge === ring) return palette.panel;
    return this.#body(state, level, x, y);
  }
}
