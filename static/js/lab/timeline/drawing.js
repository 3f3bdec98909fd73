/**
 * Drawing: the bars of a timeline on a canvas. A row a request, in the order in which
 * they came; across, the steps that the window shows, each as wide as the others.
 */

import { css, mix, readPalette } from "../palette.js";
import { PREEMPTED, QUEUED } from "./model.js";

export const ROW = 12;
const GAP = 2;
const MARK_PX = 3;

export class Drawing {
  #box;
  #canvas;
  #colours;

  /** @param {HTMLElement} box  as wide as it  @param {HTMLCanvasElement} canvas */
  constructor(box, canvas) {
    this.#box = box;
    this.#canvas = canvas;
    this.recolour();
  }

  /** Read the page's colours again. */
  recolour() {
    const { ground, used, shared, cached, warning, bad, ink, yours } = readPalette(this.#box);
    this.#colours = {
      bars: [css(mix(warning, ground, 0.45)), css(shared), css(used), css(warning), css(bad)],
      cursor: css(ink),
      rule: css(cached),
      yours: css(yours),
    };
  }

  /** The step under a pointer, and the row. */
  placeOf(event, { first, count }) {
    const bounds = this.#canvas.getBoundingClientRect();
    const share = (event.clientX - bounds.left) / bounds.width;
    const row = Math.floor((event.clientY - bounds.top) / ROW);
    return { step: Math.floor(first + share * count), row };
  }

  /**
   * @param {object[]} requests  see Timeline
   * @param {import("./model.js").Window} window
   * @param {number} at  the step that is pointed at
   * @param {Set<number>} yours  short ids with a mark at the left
   */
  paint(requests, { first, count }, at, yours) {
    const canvas = this.#canvas;
    const scale = devicePixelRatio || 1;
    const width = this.#box.clientWidth;
    const height = Math.max(ROW, requests.length * ROW);
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.style.height = `${height}px`;
    const pen = canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    const toX = (step) => ((step - first) / count) * width;
    // A chunk stands apart from the one before it where there is room to see that.
    const gap = width / count > 5 ? 1 : 0;
    requests.forEach(({ id, spans }, row) => {
      for (const [kind, from, end] of spans) {
        if (end <= first || from >= first + count) continue;
        pen.fillStyle = this.#colours.bars[kind];
        const isThin = kind === QUEUED || kind === PREEMPTED;
        const top = row * ROW + (isThin ? ROW / 2 - 2 : GAP / 2);
        const left = toX(from);
        pen.fillRect(left, top, Math.max(1, toX(end) - left - gap), isThin ? 3 : ROW - GAP);
      }
      if (!yours.has(id)) return;
      pen.fillStyle = this.#colours.yours;
      pen.fillRect(0, row * ROW + GAP / 2, MARK_PX, ROW - GAP);
    });
    pen.fillStyle = this.#colours.cursor;
    pen.fillRect(toX(at + 0.5), 0, 1, height);
  }
}
