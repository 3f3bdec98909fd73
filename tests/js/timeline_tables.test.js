/** The timeline's tables: all requests, and all tokens of the step that is pointed at. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Timeline } from "../../static/js/lab/timeline/model.js";
import { TimelineView } from "../../static/js/lab/timeline/view.js";

class Node {
  textContent = "";
  open = false;
  children = [];
  listeners = {};
  twin = null;
  append(...nodes) { this.children.push(...nodes); }
  replaceChildren(...nodes) { this.children = nodes; }
  addEventListener(name, run) { this.listeners[name] = run; }
  closest() { return this.twin; }
}

Object.assign(globalThis, {
  document: { createElement: () => new Node(), addEventListener() {} },
  getComputedStyle: () => ({ getPropertyValue: () => "" }),
  matchMedia: () => new Node(),
  requestAnimationFrame() {},
  ResizeObserver: class { observe() {} },
});

function made() {
  const names = ["box", "canvas", "words", "zoomIn", "zoomOut", "table", "sharesTitle", "shares"];
  const parts = Object.fromEntries(names.map((name) => [name, new Node()]));
  parts.table.twin = new Node();
  return { parts, twin: parts.table.twin, view: new TimelineView(parts) };
}

/** Nine requests: in step 1,000 the prompt of each, then one token of each but the first. */
const requests = Array.from({ length: 9 }, (_, at) => ({
  id: at + 1, prompt: 20 + at, cached: 0, preemptions: 0, again: 0, finish: "none",
  spans: at ? [[1, 0, 1, 20 + at], [2, 1, 2, 1]] : [[1, 0, 1, 20]],
}));
const told = { steps: [1000, 1001], at_ms: [0, 30], end_ms: 60, num_waiting: [0, 0], requests };

const texts = (rows) => rows.children.map((row) => row.children.map((cell) => cell.textContent));

test("the table of a step has the tokens of each of its requests, however many", () => {
  const { parts, twin, view } = made();
  twin.open = true;
  view.show(new Timeline(told));
  assert.match(parts.words.textContent, /3 more$/);
  assert.equal(parts.sharesTitle.textContent, "Step 1,000: 216 tokens of 9 requests");
  assert.equal(texts(parts.shares).length, 9);
  assert.deepEqual(texts(parts.shares)[0], ["009", "prefill", "28"]);
  assert.deepEqual(texts(parts.shares)[8], ["001", "prefill", "20"]);
  parts.box.listeners.keydown({ key: "ArrowRight", preventDefault() {}, stopPropagation() {} });
  assert.equal(parts.sharesTitle.textContent, "Step 1,001: 8 tokens of 8 requests");
  assert.deepEqual(texts(parts.shares)[0], ["002", "decode", "1"]);
});

test("the tables are filled when they are unfolded, and not before", () => {
  const { parts, twin, view } = made();
  view.show(new Timeline(told));
  assert.equal(parts.shares.children.length, 0);
  twin.open = true;
  twin.listeners.toggle();
  assert.equal(parts.shares.children.length, 9);
  assert.equal(parts.table.children.length, 9);
  view.show(Timeline.none());
  assert.equal(parts.sharesTitle.textContent, "");
  assert.equal(parts.shares.children.length, 0);
});
