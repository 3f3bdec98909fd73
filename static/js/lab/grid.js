/**
 * Grid: the canvas with its cursor, tag, keys and zoom.
 */

import { BlockCanvas } from "./canvas.js";
import { MAX_CELL_CSS, blockAt, neighbour } from "./layout.js";
import { blockWords } from "./words.js";

const ZOOM_STEP = 1.5;
const MAX_ZOOM = 12;
const MIN_HEIGHT_CSS = 120;

export class Grid {
  #parts;
  #painter;
  #pool = null;
  #generation = -1;
  #zoom = 1;
  #ratio = 1;
  #at = null;
  #isHeld = false;
  #spaceKey = "";
  #on;

  /**
   * @param {Record<"box"|"pan"|"canvas"|"cursor"|"tag"|"empty"|"zoomIn"|"zoomOut",
   *   HTMLElement>} parts
   * @param {() => void} onResize  the grid wants to be painted anew
   * @param {{mark: (blockId: number|null) => void, ask: () => void,
   *   textOf: (shortId: number, logicalIndex: number, blockSize: number) => string}} on
   *   a block was clicked or left; Enter was pressed on it; what are the words of an own
   *   block
   */
  constructor(parts, palette, onResize, on) {
    this.#parts = parts;
    this.#on = on;
    this.#painter = new BlockCanvas(parts.canvas, palette);
    this.#listen();
    const again = () => {
      this.#generation = -1;
      onResize();
    };
    new ResizeObserver(() => this.#hasOtherSpace() && again()).observe(parts.box);
    const zoom = (factor) => {
      this.#zoom = Math.min(MAX_ZOOM, Math.max(1, this.#zoom * factor));
      again();
    };
    parts.zoomIn.addEventListener("click", () => zoom(ZOOM_STEP));
    parts.zoomOut.addEventListener("click", () => zoom(1 / ZOOM_STEP));
  }

  // What the next draw() shows; all but the marks need a whole one.

  /** Other colours. */
  recolour(palette) {
    this.#painter.palette = palette;
  }

  /** Whether blocks flash and fade. */
  allowMotion(isAllowed) {
    this.#painter.isMoving = isAllowed;
  }

  /** Keep these states bright, see Legend; null: all. */
  keepBright(states) {
    this.#painter.filter = states;
  }

  /** Shade blocks by hits or age; null: by their states. */
  shade(heat) {
    this.#painter.heat = heat;
  }

  /** Keep the blocks of this KV-cache group bright; null: of all. */
  keepGroup(group) {
    this.#painter.group = group;
  }

  /**
   * @param {Iterable<number>} yours  short ids of requests whose blocks carry a ring
   * @param {Iterable<number>|null} chosen  ids of blocks that stay bright; null: all
   */
  mark(yours, chosen) {
    this.#painter.yours = new Set(yours);
    this.#painter.lit = chosen && new Set(chosen);
  }

  /**
   * Draw what changed in the pool; everything when `isWhole`.
   * @returns {boolean} whether blocks still move
   */
  draw(pool, isWhole, nowMs) {
    this.#pool = pool;
    this.#parts.empty.hidden = pool.numBlocks > 0;
    this.#parts.pan.hidden = pool.numBlocks === 0;
    if (pool.numBlocks === 0) return false;
    const hasLayout = this.#generation === pool.generation
      && this.#painter.layout?.numBlocks === pool.numBlocks;
    if (!hasLayout && !this.#layOut(pool)) return false;
    if (isWhole || !hasLayout) {
      pool.takeDirty();
      this.#painter.paintAll(pool);
      this.#placeCursor();
      return false;
    }
    return this.#painter.paint(pool, pool.takeDirty(), nowMs);
  }

  /** Bring tag and cursor up to date. */
  refreshTag() {
    const { tag } = this.#parts;
    const words = this.#at !== null && this.#pool && this.#at < this.#pool.numBlocks
      ? this.#tagWords(this.#pool, this.#at)
      : "";
    if (tag.textContent !== words) tag.textContent = words;
  }

  #tagWords(pool, blockId) {
    const isYours = (shortId) => this.#painter.yours.has(shortId);
    const words = blockWords(pool, blockId, isYours, this.#on.textOf);
    const heat = this.#painter.heat?.wordsOf(pool, blockId) ?? "";
    return heat ? `${words} · ${heat}` : words;
  }

  /** Point at a block from outside; null: at none. */
  point(blockId) {
    this.#at = blockId;
    this.#placeCursor();
    this.refreshTag();
  }

  #layOut(pool) {
    const { box } = this.#parts;
    if (box.clientWidth < 2) return false;
    this.#ratio = devicePixelRatio || 1;
    this.#painter.resize({
      numBlocks: pool.numBlocks,
      widthCss: box.clientWidth,
      heightCss: Math.max(MIN_HEIGHT_CSS, this.#heightCss()),
      ratio: this.#ratio,
      zoom: this.#zoom,
      mostCss: this.#mostCss(),
    });
    this.#generation = pool.generation;
    this.#parts.zoomOut.disabled = this.#zoom <= 1;
    this.#parts.zoomIn.disabled = this.#zoom >= MAX_ZOOM;
    return true;
  }

  #hasOtherSpace() {
    const key = `${this.#parts.box.clientWidth} ${this.#heightCss()} ${devicePixelRatio}`;
    const isOther = key !== this.#spaceKey;
    this.#spaceKey = key;
    return isOther;
  }

  /** The lab's own page has room for larger blocks: its style says how large. */
  #mostCss() {
    const most = getComputedStyle(this.#parts.box).getPropertyValue("--block-most");
    return Number.parseFloat(most) || MAX_CELL_CSS;
  }

  #heightCss() {
    const most = getComputedStyle(this.#parts.box).getPropertyValue("max-height");
    return Number.parseFloat(most) || 320;
  }

  #placeCursor() {
    const { cursor } = this.#parts;
    const isShown = this.#at !== null && this.#painter.layout && this.#at < this.#painter.layout.numBlocks;
    cursor.hidden = !isShown;
    if (!isShown) return;
    const { left, top, size } = this.#painter.squareCss(this.#at, this.#ratio);
    cursor.style.width = `${size}px`;
    cursor.style.height = `${size}px`;
    cursor.style.transform = `translate(${left}px, ${top}px)`;
  }

  #listen() {
    const { pan, canvas } = this.#parts;
    const blockOf = (event) => {
      const { layout } = this.#painter;
      if (!layout) return null;
      const box = canvas.getBoundingClientRect();
      const x = (event.clientX - box.left) * this.#ratio;
      const y = (event.clientY - box.top) * this.#ratio;
      return blockAt(layout, x, y);
    };
    pan.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse" && !this.#isHeld) this.point(blockOf(event));
    });
    pan.addEventListener("pointerleave", () => !this.#isHeld && this.point(null));
    pan.addEventListener("click", (event) => {
      const blockId = blockOf(event);
      this.#isHeld = blockId !== null && !(this.#isHeld && blockId === this.#at);
      this.point(blockId);
      this.#on.mark(this.#isHeld ? blockId : null);
    });
    pan.addEventListener("keydown", (event) => this.#press(event));
    pan.addEventListener("focus", () => {
      if (pan.matches(":focus-visible") && this.#at === null) this.point(0);
    });
    pan.addEventListener("blur", () => {
      this.#isHeld = false;
      this.point(null);
    });
  }

  #press(event) {
    const { layout } = this.#painter;
    if (!layout || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape") {
      this.#isHeld = false;
      this.#on.mark(null);
      this.#parts.pan.blur();
      return;
    }
    if (event.key === "Enter" && this.#at !== null) {
      this.#on.mark(this.#at);
      this.#on.ask();
      return;
    }
    const next = neighbour(layout, this.#at ?? 0, event.key);
    if (next === null) return;
    event.preventDefault();
    this.#isHeld = true;
    this.point(next);
    this.#on.mark(next);
    this.#parts.cursor.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}
