/**
 * TimelineView: the bars on a canvas, the step under the pointer in words, a table of
 * the same.
 *
 * A row a request, in the order in which they came; across, the steps that the window
 * shows, each as wide as the others. DOM parts are given.
 */

import { css, mix, onThemeChange, readPalette } from "../palette.js";
import { requestName } from "../words.js";
import { PREEMPTED, QUEUED, Window, wordsOf } from "./model.js";

const ROW = 12;
const GAP = 2;
const ZOOM = 1.6;
const KEYS = {
  ArrowLeft: (view) => view.point(view.at - 1),
  ArrowRight: (view) => view.point(view.at + 1),
  PageUp: (view) => view.point(view.at - Math.round(view.window.count / 2)),
  PageDown: (view) => view.point(view.at + Math.round(view.window.count / 2)),
  Home: (view) => view.point(0),
  End: (view) => view.point(Infinity),
  "+": (view) => view.zoom(1 / ZOOM),
  "=": (view) => view.zoom(1 / ZOOM),
  "-": (view) => view.zoom(ZOOM),
};

export class TimelineView {
  /** The step that is pointed at. */
  at = 0;

  #parts;
  #timeline;
  #colours;
  #isPending = false;

  /**
   * @param {{box: HTMLElement, canvas: HTMLCanvasElement, words: HTMLElement,
   *   zoomIn: HTMLElement, zoomOut: HTMLElement, table: HTMLElement}} parts
   * @param {import("./model.js").Timeline} timeline
   */
  constructor(parts, timeline) {
    this.#parts = parts;
    this.#timeline = timeline;
    this.window = new Window(timeline.numSteps);
    this.#recolour();
    this.#listen();
    this.#fillTable();
    this.point(0);
  }

  /** Point at step `index`, which is then seen. */
  point(index) {
    this.at = Math.min(this.#timeline.numSteps - 1, Math.max(0, index));
    this.window.reveal(this.at);
    this.#parts.words.textContent = wordsOf(this.#timeline, this.at);
    this.draw();
  }

  zoom(factor) {
    this.window.zoom(factor, this.at + 0.5);
    this.draw();
  }

  /** On the next animation frame. */
  draw() {
    if (this.#isPending) return;
    this.#isPending = true;
    requestAnimationFrame(() => {
      this.#isPending = false;
      this.#paint();
    });
  }

  #listen() {
    const { box, canvas, zoomIn, zoomOut } = this.#parts;
    canvas.addEventListener("pointermove", (event) => this.point(this.#stepAt(event)));
    canvas.addEventListener("pointerdown", (event) => this.point(this.#stepAt(event)));
    canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      this.zoom(event.deltaY < 0 ? 1 / ZOOM : ZOOM);
    }, { passive: false });
    box.addEventListener("keydown", (event) => {
      const act = KEYS[event.key];
      if (!act || event.altKey || event.metaKey || event.ctrlKey) return;
      event.preventDefault();
      event.stopPropagation();
      act(this);
    });
    zoomIn.addEventListener("click", () => this.zoom(1 / ZOOM));
    zoomOut.addEventListener("click", () => this.zoom(ZOOM));
    new ResizeObserver(() => this.draw()).observe(box);
    onThemeChange(() => {
      this.#recolour();
      this.draw();
    });
  }

  #stepAt(event) {
    const bounds = this.#parts.canvas.getBoundingClientRect();
    const share = (event.clientX - bounds.left) / bounds.width;
    return Math.floor(this.window.first + share * this.window.count);
  }

  #recolour() {
    const palette = readPalette(this.#parts.box);
    const { ground, used, shared, cached, warning, bad, ink } = palette;
    this.#colours = {
      bars: [css(mix(warning, ground, 0.45)), css(shared), css(used), css(warning), css(bad)],
      cursor: css(ink),
      rule: css(cached),
    };
  }

  #paint() {
    const { canvas } = this.#parts;
    const { requests } = this.#timeline;
    const scale = devicePixelRatio || 1;
    const width = this.#parts.box.clientWidth;
    const height = Math.max(ROW, requests.length * ROW);
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.style.height = `${height}px`;
    const pen = canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    const { first, count } = this.window;
    const toX = (step) => ((step - first) / count) * width;
    requests.forEach(({ spans }, row) => {
      for (const [kind, from, end] of spans) {
        if (end <= first || from >= first + count) continue;
        pen.fillStyle = this.#colours.bars[kind];
        const isThin = kind === QUEUED || kind === PREEMPTED;
        const top = row * ROW + (isThin ? ROW / 2 - 2 : GAP / 2);
        const left = toX(from);
        // A chunk stands apart from the one before it where there is room to see that.
        const gap = width / count > 5 ? 1 : 0;
        pen.fillRect(left, top, Math.max(1, toX(end) - left - gap), isThin ? 3 : ROW - GAP);
      }
    });
    pen.fillStyle = this.#colours.cursor;
    pen.fillRect(toX(this.at + 0.5), 0, 1, height);
  }

  #fillTable() {
    const rows = this.#timeline.totals().map(({ id, prompt, cached, preemptions, again, finish, steps, tokens }) => {
      const row = document.createElement("tr");
      const head = document.createElement("th");
      head.scope = "row";
      head.textContent = requestName(id);
      const cells = [
        prompt, cached, steps[QUEUED], steps[1], tokens[1], steps[2], preemptions,
        steps[PREEMPTED], again, finish === "none" ? "goes on" : finish,
      ];
      row.append(head, ...cells.map((value) => {
        const cell = document.createElement("td");
        cell.textContent = typeof value === "number" ? value.toLocaleString("en") : value;
        if (typeof value === "number") cell.className = "is-number";
        return cell;
      }));
      return row;
    });
    this.#parts.table.replaceChildren(...rows);
  }
}
