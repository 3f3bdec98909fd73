/**
 * StripChart: one figure over the last minute, on a small canvas of its own.
 *
 * Light rules, no legend: the caption beside it carries the newest value. Its table is
 * the one in the text view.
 */

import { css } from "./palette.js";

const SPAN_MS = 60_000;

/**
 * @typedef {object} Line
 * @property {(sample: import("./series.js").Sample) => number} value
 * @property {string} role     colour role
 * @property {boolean} [isFilled]
 * @property {number[]} [dash]
 */

export class StripChart {
  /** How much time the chart's width stands for. */
  spanMs = SPAN_MS;
  /** The axis reaches at least so far. */
  leastTop;

  #canvas;
  #lines;
  #unit;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {Line[]} lines
   * @param {{leastTop: number, unit: (value: number) => string}} axis  the top of the
   *   axis is leastTop, or a rounder number above the highest value
   */
  constructor(canvas, lines, { leastTop, unit }) {
    this.#canvas = canvas;
    this.#lines = lines;
    this.leastTop = leastTop;
    this.#unit = unit;
  }

  /**
   * @param {import("./series.js").Sample[]} samples
   * @param {number} endMs      time at the right edge
   * @param {number|null} atMs  where a cursor stands; null: nowhere
   * @param {number} lastMs     until when the last sample holds
   */
  draw(samples, endMs, atMs, palette, lastMs = endMs) {
    const ratio = devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    if (!width || !height) return;
    if (this.#canvas.width !== Math.round(width * ratio)) {
      this.#canvas.width = Math.round(width * ratio);
      this.#canvas.height = Math.round(height * ratio);
    }
    const context = this.#canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const top = this.topOf(samples);
    const place = {
      x: (timeMs) => width - ((endMs - timeMs) / this.spanMs) * width,
      y: (value) => height - 1 - (value / top) * (height - 12),
    };
    this.#drawAxis(context, width, height, top, place, palette);
    for (const line of this.#lines) this.#drawLine(context, line, samples, lastMs, place, palette);
    if (atMs !== null) {
      context.fillStyle = css(palette.ink);
      context.fillRect(Math.round(place.x(atMs)), 0, 1, height);
    }
  }

  /** Where the axis of these ends: leastTop, or a round number above the highest. */
  topOf(samples) {
    let highest = this.leastTop;
    for (const sample of samples) {
      for (const { value } of this.#lines) highest = Math.max(highest, value(sample));
    }
    return highest === this.leastTop ? highest : roundUp(highest);
  }

  #drawAxis(context, width, height, top, { y }, palette) {
    context.fillStyle = css(palette.rule);
    context.fillRect(0, height - 1, width, 1);
    context.fillRect(0, Math.round(y(top)), width, 1);
    context.fillStyle = css(palette.muted);
    context.font = "10px " + getComputedStyle(this.#canvas).fontFamily;
    context.textBaseline = "top";
    context.fillText(this.#unit(top), 0, 0);
  }

  #drawLine(context, { value, role, isFilled, dash }, samples, lastMs, { x, y }, palette) {
    if (samples.length === 0) return;
    context.beginPath();
    let before = value(samples[0]);
    context.moveTo(x(samples[0].timeMs), y(before));
    for (const sample of samples) {
      const at = x(sample.timeMs);
      context.lineTo(at, y(before));
      before = value(sample);
      context.lineTo(at, y(before));
    }
    context.lineTo(x(lastMs), y(before));
    context.strokeStyle = css(palette[role]);
    context.lineWidth = 1.5;
    context.setLineDash(dash ?? []);
    context.stroke();
    context.setLineDash([]);
    if (!isFilled) return;
    context.lineTo(x(lastMs), y(0));
    context.lineTo(x(samples[0].timeMs), y(0));
    context.closePath();
    context.globalAlpha = 0.16;
    context.fillStyle = css(palette[role]);
    context.fill();
    context.globalAlpha = 1;
  }
}

/** The next of 1, 2, 5, 10, 20, 50, … at or above `value`. */
export function roundUp(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= value);
  return step * power;
}
