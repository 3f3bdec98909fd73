/** CacheView: asks while it is looked at, and points at the blocks of its rows. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { SILENT } from "../../static/js/lab/unanswered.js";
import { CacheView } from "../../static/js/lab/cache_view.js";

class Node {
  textContent = "";
  dataset = {};
  children = [];
  listeners = {};
  append(...nodes) { this.children.push(...nodes); }
  replaceChildren(...nodes) { this.children = nodes; }
  addEventListener(name, run) { this.listeners[name] = run; }
  closest() { return this; }
}

globalThis.document = { createElement: () => new Node() };

function made() {
  const names = ["note", "tree", "candidates", "choices"];
  const parts = Object.fromEntries(names.map((name) => [name, new Node()]));
  const seen = { asked: 0, pointed: [] };
  const view = new CacheView(parts, {
    ask: () => (seen.asked += 1),
    point: (blockId) => seen.pointed.push(blockId),
  });
  return { parts, seen, view };
}

const message = {
  engine_host_id: "a", step: 1200, lacks: "",
  tree: [{ depth: 1, block: 7, cells: ["2", "7", "001"] }],
  candidates: [{ block: 17, cells: ["3", "900"] }],
  choices: [],
};

test("it asks every two seconds of a live engine only", () => {
  const { parts, seen, view } = made();
  view.see(null, 0);
  assert.equal(parts.note.textContent, "This needs a live engine.");
  view.see("a", 10);
  view.see("a", 500);
  view.see("a", 2100);
  assert.equal(seen.asked, 2);
});

test("a host that does not answer is named until it does, a lost connection is not", () => {
  const { parts, seen, view } = made();
  let isSent = false;
  const away = new CacheView(parts, { ask: () => isSent, point: () => {} });
  for (let ms = 0; ms <= 20_000; ms += 2_000) away.see("a", ms);
  assert.equal(parts.note.textContent, "", "the header tells of the connection");
  isSent = true;
  for (let ms = 22_000; ms <= 26_000; ms += 2_000) away.see("a", ms);
  assert.equal(parts.note.textContent, "");
  away.see("a", 28_000);
  assert.equal(parts.note.textContent, SILENT);
  away.take(message);
  away.see("a", 30_000);
  assert.equal(parts.note.textContent, "As of step 1,200.");
  away.see("b", 30_100);
  assert.equal(parts.note.textContent, "");
  view.see("a", 0);
  assert.equal(seen.asked, 1);
});

test("its rows point at their blocks, and another host's are forgotten", () => {
  const { parts, seen, view } = made();
  view.see("a", 0);
  view.take({ ...message, engine_host_id: "b" });
  assert.equal(parts.tree.children.length, 0);
  view.take(message);
  assert.equal(parts.note.textContent, "As of step 1,200.");
  assert.equal(parts.tree.children[0].children[0].textContent, "· 2");
  const row = parts.candidates.children[0];
  assert.deepEqual(row.children.map((cell) => cell.textContent), ["17", "3", "900"]);
  parts.candidates.listeners.focusin({ target: row });
  assert.deepEqual(seen.pointed, [17]);
  view.see("b", 10);
  assert.equal(parts.candidates.children.length, 0);
});

test("why rows are lacking is said beside the step", () => {
  const { parts, view } = made();
  view.see("a", 0);
  view.take({ ...message, tree: [], lacks: "The tree is empty." });
  assert.equal(parts.note.textContent, "As of step 1,200. The tree is empty.");
  view.take({ ...message, tree: [], lacks: "The tree is empty." }, "It is old.");
  assert.equal(parts.note.textContent, "As of step 1,200. The tree is empty. It is old.");
});
