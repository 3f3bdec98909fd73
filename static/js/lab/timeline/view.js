/**
 * TimelineView: the bars on a canvas, the step under the pointer in words, tables of
 * the same. What it shows may grow: then its right edge stays the newest step.
 */

import { onThemeChange } from "../palette.js";
import { Drawing } from "./drawing.js";
import { Timeline, Window, wordsOf } from "./model.js";
import { fillShares, fillTable } from "./table.js";

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
  window = new Window(0);
  timeline = Timeline.none();
  /** Short ids that are marked as the learner's. @type {Set<number>} */
  yours = new Set();

  #parts;
  #drawing;
  /** What folds the table. */
  #twin;
  #row = null;
  #isPending = false;

  /**
   * @param {{box: HTMLElement, canvas: HTMLCanvasElement, words: HTMLElement,
   *   zoomIn: HTMLElement, zoomOut: HTMLElement, table: HTMLElement,
   *   sharesTitle: HTMLElement, shares: HTMLElement}} parts
   */
  constructor(parts) {
    this.#parts = parts;
    this.#drawing = new Drawing(parts.box, parts.canvas);
    this.#twin = parts.table.closest("details");
    this.#listen();
  }

  /** Show another timeline, from its first step on. */
  show(timeline) {
    this.timeline = timeline;
    this.window = new Window(timeline.numSteps);
    this.#fillTable();
    this.point(0);
  }

  /** Show what it has become, as many steps as before, the newest at the right. */
  follow(timeline, mostSteps) {
    this.timeline = timeline;
    this.window = this.window.grown(timeline.numSteps, mostSteps);
    this.#fillTable();
    this.#row = null;
    this.point(Infinity);
  }

  /** Point at step `index`, which is then seen. */
  point(index) {
    const { numSteps } = this.timeline;
    this.at = Math.max(0, Math.min(numSteps - 1, index));
    this.window.reveal(this.at);
    const words = numSteps ? wordsOf(this.timeline, this.at, this.#rows[this.#row]?.id) : "";
    if (this.#parts.words.textContent !== words) this.#parts.words.textContent = words;
    this.#fillShares();
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
      this.#drawing.paint(this.#rows, this.window, this.at, this.yours);
    });
  }

  get #rows() {
    return this.timeline.rowsIn(this.window);
  }

  /** Of what is unfolded alone: what follows an engine changes every second. */
  #fillTable() {
    if (this.#twin.open) fillTable(this.#parts.table, this.timeline);
  }

  /** Of the step that is pointed at. */
  #fillShares() {
    const { sharesTitle, shares } = this.#parts;
    if (this.#twin.open) fillShares(sharesTitle, shares, this.timeline, this.at);
  }

  #listen() {
    const { box, canvas, zoomIn, zoomOut } = this.#parts;
    this.#twin.addEventListener("toggle", () => {
      this.#fillTable();
      this.#fillShares();
    });
    const pointed = (event) => {
      const { step, row } = this.#drawing.placeOf(event, this.window);
      this.#row = row;
      this.point(step);
    };
    canvas.addEventListener("pointermove", pointed);
    canvas.addEventListener("pointerdown", pointed);
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
      this.#row = null;
      act(this);
    });
    zoomIn.addEventListener("click", () => this.zoom(1 / ZOOM));
    zoomOut.addEventListener("click", () => this.zoom(ZOOM));
    new ResizeObserver(() => this.draw()).observe(box);
    onThemeChange(() => {
      this.#drawing.recolour();
      this.draw();
    });
  }
}
