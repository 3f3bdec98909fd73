/** LiveTimeline: follows, stands while it is read, and goes with time that is stopped. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { SILENT } from "../../static/js/lab/unanswered.js";
import { LiveTimeline } from "../../static/js/lab/timeline/live.js";
import { Timeline, Window, wordsOf } from "../../static/js/lab/timeline/model.js";

class Node {
  textContent = "";
  hidden = false;
  attributes = {};
  #on = {};
  addEventListener(name, run) { (this.#on[name] ??= []).push(run); }
  setAttribute(name, value) { this.attributes[name] = value; }
  contains(node) { return node === this; }
  blur() { document.activeElement = null; }
  fire(name, event = {}) { (this.#on[name] ?? []).forEach((run) => run(event)); }
}

globalThis.document = { activeElement: null };

/** Keeps what it is given, as TimelineView does. */
class View {
  timeline = Timeline.none();
  at = 0;
  show(timeline) { this.timeline = timeline; this.at = 0; }
  follow(timeline, most) {
    this.timeline = timeline;
    this.window = new Window(timeline.numSteps, most);
    this.at = timeline.numSteps - 1;
  }
  point(index) { this.at = index; }
}

const told = (last, host = "a") => ({
  type: "timeline", engine_host_id: host, steps: [1, 2, 3, last], at_ms: [0, 10, 20, 30], end_ms: 35,
  num_waiting: [0, 0, 0, 0], requests: [{ id: 7, spans: [[2, 0, 4, 1]] }],
});

function made() {
  const parts = { hold: new Node(), note: new Node(), words: new Node(), go: new Node() };
  const seen = { asked: 0, fetched: [] };
  const view = new View();
  const live = new LiveTimeline(parts, view, {
    ask: () => (seen.asked += 1),
    fetch: async (url) => (seen.fetched.push(url), { ...told(9), type: undefined }),
  });
  const see = (more, nowMs = 0) => live.see({ host: "a", recording: null, step: null, yours: [], ...more }, nowMs);
  return { parts, seen, view, live, see };
}

test("a host that does not answer is named until it does", () => {
  const { parts, live, see } = made();
  for (let ms = 0; ms <= 5_900; ms += 100) see({}, ms);
  assert.equal(parts.note.textContent, "Reading the steps.");
  see({}, 6_000);
  assert.equal(parts.note.textContent, SILENT);
  live.take(told(5));
  see({}, 6_100);
  assert.equal(parts.note.textContent, "Following: the newest step is at the right.");
});

test("it asks once a second, and shows the newest step of the host alone", () => {
  const { parts, seen, view, live, see } = made();
  see({}, 0);
  see({}, 400);
  see({}, 1100);
  assert.equal(seen.asked, 2);
  live.take(told(5, "b"));
  assert.equal(view.timeline.numSteps, 0);
  live.take(told(5));
  assert.equal(view.timeline.steps[view.at], 5);
  assert.match(parts.note.textContent, /^Following/);
  assert.equal(parts.words.attributes["aria-live"], "off");
});

test("it stands while the pointer is in it, and catches up when that leaves", () => {
  const { parts, view, live, see } = made();
  see({});
  live.take(told(5));
  parts.hold.fire("pointerenter", { pointerType: "mouse" });
  live.take(told(6));
  assert.equal(view.timeline.steps.at(-1), 5);
  assert.match(parts.note.textContent, /^Standing still/);
  assert.equal(parts.go.hidden, false);
  parts.hold.fire("pointerleave");
  assert.equal(view.timeline.steps.at(-1), 6);
  assert.equal(parts.go.hidden, true);
});

test("the keyboard holds it too, until Escape or the button lets it go", () => {
  const { parts, view, live, see } = made();
  see({});
  live.take(told(5));
  document.activeElement = parts.hold;
  parts.hold.fire("focusin");
  live.take(told(6));
  assert.equal(view.timeline.steps.at(-1), 5);
  assert.equal(parts.words.attributes["aria-live"], "polite");
  parts.hold.fire("keydown", { key: "Escape" });
  assert.equal(view.timeline.steps.at(-1), 6);
  document.activeElement = parts.hold;
  parts.hold.fire("focusin");
  live.take(told(8));
  parts.go.fire("click");
  assert.equal(view.timeline.steps.at(-1), 8);
});

test("time that is stopped stops it at its step", () => {
  const { parts, view, live, see } = made();
  see({});
  live.take(told(5));
  see({ step: 2 }, 100);
  live.take(told(6));
  assert.equal(view.timeline.steps[view.at], 2);
  assert.match(parts.note.textContent, /^Time is stopped/);
  see({ step: 6 }, 150);
  live.take(told(6));
  assert.equal(view.timeline.steps[view.at], 6, "told of after time was stopped at it");
  live.take(told(9));
  assert.equal(view.timeline.lastStep, 6);
  see({ step: null }, 200);
  live.take(told(7));
  assert.equal(view.timeline.steps[view.at], 7);
});

test("of a recording it fetches the whole once, and goes with its time", async () => {
  const { parts, seen, view, see } = made();
  see({ host: null });
  assert.match(parts.note.textContent, /^This needs/);
  const recording = { steps_url: "/steps/" };
  see({ host: null, recording, step: 3 });
  await Promise.resolve();
  await Promise.resolve();
  see({ host: null, recording, step: 3 });
  assert.deepEqual(seen.fetched, ["/steps/"]);
  assert.equal(seen.asked, 0);
  assert.equal(view.timeline.steps[view.at], 3);
  assert.match(parts.note.textContent, /^All steps of the recording/);
});

test("of the last minute those are drawn who have a part in what is seen", () => {
  const requests = [[0, 2], [1, 3], [3, 4]].map(([from, end], id) => ({ id, spans: [[2, from, end, 1]] }));
  const rows = (more, first, count) => new Timeline({ ...told(5), requests, ...more }).rowsIn({ first, count });
  assert.deepEqual(rows({}, 2, 2).map(({ id }) => id), [1, 2]);
  assert.deepEqual(rows({}, 0, 1).map(({ id }) => id), [0]);
  assert.equal(rows({ type: undefined }, 0, 1).length, 3);
});

test("a live step is told by how long before the newest trace it began", () => {
  assert.match(wordsOf(new Timeline(told(5)), 2), /^Step 3, 0.01\u202fs before the newest: 1 token/);
  assert.match(wordsOf(new Timeline({ ...told(5), type: undefined }), 2), /^Step 3 at 0.02\u202fs: /);
});
