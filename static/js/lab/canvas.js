/**
 * BlockCanvas: a Pool to pixels. Repaints only blocks that changed.
 *
 * The whole picture is kept as words in memory; a block is painted by copying its
 * sprite there, and the touched band goes to the canvas in one call.
 */

import { layOut, squareOf } from "./layout.js";
import { mix } from "./palette.js";
import { STATE, Sprites } from "./sprites.js";

const FLASH_MS = 120;
const FADE_MS = 240;
const LEAVE_MS = 1200;
const MAX_MOVING = 1500;
const NOT_SHOWN = 255;

export class BlockCanvas {
  /** @type {import("./layout.js").Layout|null} */
  layout = null;
  /** Short ids whose blocks carry a ring. @type {Set<number>} */
  yours = new Set();
  /** Block ids that stay bright, all others dim; null: none dims. */
  lit = null;
  /** States that stay bright (indices); null: all. @type {Set<number>|null} */
  filter = null;
  /** Index of the KV-cache group that stays bright; null: all. */
  group = null;
  /** Whether blocks flash and fade. */
  isMoving = true;
  /** What blocks are shaded by instead of their state. @type {import("./heat.js").Heat|null} */
  heat = null;

  #canvas;
  #context;
  #palette;
  #sprites = null;
  #image = null;
  #words = null;
  #shown = new Uint8Array(0);
  /** block id -> {from: Uint32Array, startMs, lengthMs} */
  #moving = new Map();
  #band = { left: Infinity, top: Infinity, right: 0, bottom: 0 };

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas, palette) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d", { alpha: false });
    this.#palette = palette;
  }

  set palette(palette) {
    this.#palette = palette;
    if (this.layout) this.#sprites = new Sprites(this.layout, palette);
  }

  /** Size the canvas to the space; see layOut(). Repaint everything afterwards. */
  resize(space) {
    const layout = layOut(space);
    const { widthPx, heightPx } = layout;
    this.layout = layout;
    this.#sprites = new Sprites(layout, this.#palette);
    this.#canvas.width = widthPx;
    this.#canvas.height = heightPx;
    this.#canvas.style.width = `${widthPx / space.ratio}px`;
    this.#canvas.style.height = `${heightPx / space.ratio}px`;
    this.#image = this.#context.createImageData(widthPx, Math.max(1, heightPx));
    this.#words = new Uint32Array(this.#image.data.buffer);
    this.#shown = new Uint8Array(layout.numBlocks).fill(NOT_SHOWN);
    this.#moving.clear();
  }

  /** Paint every block, without flash or fade. */
  paintAll(pool) {
    if (!this.layout) return;
    this.#words.fill(this.#palette.panel);
    this.#moving.clear();
    this.#shown.fill(NOT_SHOWN);
    for (let id = 0; id < pool.numBlocks; id++) this.#paint(pool, id, 0);
    this.#touch(0, 0, this.layout.widthPx, this.layout.heightPx);
    pool.leaving.clear();
    this.#show();
  }

  /**
   * Paint the blocks in `ids`, and go on with those that flash or fade.
   * @returns {boolean} whether blocks are still moving
   */
  paint(pool, ids, nowMs) {
    if (!this.layout) return false;
    for (let i = 0; i < ids.length; i++) this.#paint(pool, ids[i], nowMs);
    pool.leaving.clear();
    for (const [id, move] of this.#moving) this.#move(pool, id, move, nowMs);
    this.#show();
    return this.#moving.size > 0;
  }

  #spriteOf(pool, id) {
    if (this.heat !== null) return this.#shadeOf(pool, id);
    const state = pool.stateCodes[id];
    const level = state >= STATE.USED
      ? this.#sprites.level(pool.fillOf(id), pool.sizeOf(id))
      : 0;
    const isYours = this.yours.size > 0 && pool.isOwnedByAny(id, this.yours);
    return this.#sprites.get(state, level, isYours, this.#isDim(pool, id, isYours));
  }

  #shadeOf(pool, id) {
    const isYours = this.yours.size > 0 && pool.isOwnedByAny(id, this.yours);
    const isDim = this.lit !== null && !this.lit.has(id);
    return this.#sprites.get(this.heat.shadeOf(pool, id), 0, isYours, isDim);
  }

  #isDim(pool, id, isYours) {
    const state = pool.stateCodes[id];
    if (this.lit !== null && !this.lit.has(id)) return true;
    if (this.group !== null && state >= STATE.CACHED && pool.groupCodes[id] !== this.group) {
      return true;
    }
    if (this.filter === null) return false;
    return !this.filter.has(state) && !(isYours && this.filter.has("yours"));
  }

  #paint(pool, id, nowMs) {
    const before = this.#shown[id];
    const state = pool.stateCodes[id];
    this.#shown[id] = state;
    const isOther = before !== NOT_SHOWN && before !== state;
    if (nowMs > 0 && this.isMoving && this.heat === null && isOther) {
      this.#begin(id, before, state, nowMs, pool.leaving.has(id));
    }
    if (!this.#moving.has(id)) this.#copy(id, this.#spriteOf(pool, id));
  }

  /** `leaves`: its window moved on, and it goes while its request lives. */
  #begin(id, before, state, nowMs, leaves) {
    const wasTaken = before >= STATE.USED;
    const isTaken = state >= STATE.USED;
    if (wasTaken === isTaken || this.#moving.size >= MAX_MOVING) return;
    const full = this.#sprites.innerPx;
    const from = isTaken
      ? this.#flashSprite()
      : leaves
        ? this.#leavingSprite()
        : this.#sprites.get(before, full, false, false);
    const lengthMs = isTaken ? FLASH_MS : leaves ? LEAVE_MS : FADE_MS;
    this.#moving.set(id, { from, startMs: nowMs, lengthMs });
  }

  #flashSprite() {
    const { pitchPx, gapPx } = this.layout;
    const { ink, panel, used } = this.#palette;
    const sprite = new Uint32Array(pitchPx * pitchPx).fill(panel);
    const inner = pitchPx - gapPx;
    for (let y = 0; y < inner; y++) {
      sprite.fill(mix(ink, used, 0.6), y * pitchPx, y * pitchPx + inner);
    }
    return sprite;
  }

  /** A frame in the warning colour round what the block was. */
  #leavingSprite() {
    const { pitchPx, gapPx } = this.layout;
    const { warning, used, panel } = this.#palette;
    const inner = pitchPx - gapPx;
    const edge = Math.max(1, Math.round(inner / 5));
    const sprite = new Uint32Array(pitchPx * pitchPx).fill(panel);
    for (let y = 0; y < inner; y++) {
      for (let x = 0; x < inner; x++) {
        const isEdge = Math.min(x, y, inner - 1 - x, inner - 1 - y) < edge;
        sprite[y * pitchPx + x] = isEdge ? warning : used;
      }
    }
    return sprite;
  }

  #move(pool, id, { from, startMs, lengthMs }, nowMs) {
    const to = this.#spriteOf(pool, id);
    const passed = (nowMs - startMs) / lengthMs;
    if (passed >= 1 || !this.isMoving) {
      this.#moving.delete(id);
      this.#copy(id, to);
      return;
    }
    const step = Math.max(0, Math.round(passed * 8) / 8);
    this.#copy(id, to.map((word, i) => mix(word, from[i], step)));
  }

  #copy(id, sprite) {
    const { cols, pitchPx, widthPx } = this.layout;
    const x = (id % cols) * pitchPx;
    const y = Math.floor(id / cols) * pitchPx;
    const words = this.#words;
    let to = y * widthPx + x;
    for (let from = 0; from < sprite.length; from += pitchPx) {
      for (let i = 0; i < pitchPx; i++) words[to + i] = sprite[from + i];
      to += widthPx;
    }
    this.#touch(x, y, x + pitchPx, y + pitchPx);
  }

  #touch(left, top, right, bottom) {
    const band = this.#band;
    if (left < band.left) band.left = left;
    if (top < band.top) band.top = top;
    if (right > band.right) band.right = right;
    if (bottom > band.bottom) band.bottom = bottom;
  }

  #show() {
    const { left, top, right, bottom } = this.#band;
    if (right <= left || bottom <= top) return;
    this.#context.putImageData(this.#image, 0, 0, left, top, right - left, bottom - top);
    this.#band = { left: Infinity, top: Infinity, right: 0, bottom: 0 };
  }

  /** The square of a block in CSS pixels, relative to the canvas. */
  squareCss(id, ratio) {
    const { xPx, yPx, sizePx } = squareOf(this.layout, id);
    return { left: xPx / ratio, top: yPx / ratio, size: sizePx / ratio };
  }
}
