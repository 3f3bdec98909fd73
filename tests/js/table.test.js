/** RequestTable: what is said of the block of a request's table that is pointed at. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { GroupKind } from "../../static/js/lab/frame.js";
import { RequestTable } from "../../static/js/lab/table.js";

class Node {
  hidden = false;
  textContent = "";
  dataset = {};
  children = [];
  listeners = {};
  classList = { toggle() {} };
  append(...nodes) { this.children.push(...nodes); }
  replaceChildren(...nodes) { this.children = nodes; }
  insertBefore(node) { this.children.push(node); }
  addEventListener(name, run) { this.listeners[name] = run; }
  setAttribute() {}
  querySelector() { return this.children[0] ?? null; }
  closest() { return this; }
}

globalThis.document = { createElement: () => new Node(), activeElement: null };

const group = (kind, blockSize) => ({ kind, blockSize, window: 0, numLayers: 1 });

const pool = {
  groups: [group(GroupKind.FULL, 32), group(GroupKind.WINDOW, 16), group(GroupKind.STATE, 512)],
  requests: new Map(),
  waiting: [],
  stateCodes: new Uint8Array(9),
  stateOf: () => "used",
  blocksOf: ({ tables }) => tables.flat(),
};
const tables = [[1, 2], [0, 3], [4]];
pool.requests.set(7, {
  shortId: 7, state: 1, numComputedTokens: 40, numPromptTokens: 40, numCachedTokens: 0,
  blockIds: tables[0], tables,
});

test("the words of a block are cut by its own group, and a state has none", () => {
  const names = ["body", "note", "block", "title", "line", "words"];
  const parts = Object.fromEntries(names.map((name) => [name, new Node()]));
  const table = new RequestTable(parts, {
    choose() {},
    point() {},
    textOf: (...of) => of.join(" "),
  });
  table.choose(7);
  table.update(pool, new Map());
  const said = {};
  for (const square of parts.line.children.filter(({ dataset }) => dataset.blockId !== undefined)) {
    parts.line.listeners.focusin({ target: square });
    assert.equal(parts.words.hidden, false);
    said[square.dataset.blockId] = parts.words.textContent;
  }
  assert.deepEqual(said, {
    1: "Logical block 0: “7 0 32”",
    2: "Logical block 1: “7 1 32”",
    3: "Logical block 1: “7 1 16”",
    4: "Logical block 0 holds a state, not tokens: it has no words.",
  });
  parts.line.listeners.focusout({});
  assert.equal(parts.words.hidden, true);
});
