/** Why: of which request it asks and what it keeps. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { SILENT } from "../../static/js/lab/unanswered.js";
import { Why, apartWords } from "../../static/js/lab/why.js";

class Node {
  hidden = true;
  textContent = "";
  dataset = {};
  children = [];
  append(...nodes) { this.children.push(...nodes); }
  replaceChildren(...nodes) { this.children = nodes; }
}

globalThis.document = { createElement: () => new Node() };

function made() {
  const parts = Object.fromEntries(
    ["box", "title", "sentences", "apart", "table", "rows", "bill"].map((name) => [name, new Node()]),
  );
  const asked = [];
  return { parts, asked, why: new Why(parts, (shortId) => asked.push(shortId)) };
}

const pool = (...ids) => ({
  requests: new Map(ids.map((id) => [id, { state: 1, numCachedTokens: 0 }])),
});

const told = (shortId, more = {}) => ({
  type: "why", engine_host_id: "a", short_id: shortId, title: `Why: ${shortId}`,
  sentences: ["It took 0."], rows: [["0", "0 to 15", "new"]], apart: null, texts: { 16: ["one", "two"] },
  bill: "", ...more,
});

test("thirty requests of one's own do not use up the socket's commands", () => {
  const { why, asked } = made();
  for (let ms = 0; ms < 3_000; ms += 100) {
    for (let shortId = 1; shortId <= 30; shortId++) why.heard("a", shortId);
    why.see(pool(30), "a", null, [30], ms);
  }
  assert.equal(asked.length, 4);
});

test("it asks of the chosen request, else of the learner's newest", () => {
  const { why, asked } = made();
  why.see(pool(3, 4, 9), "a", null, [3, 4], 0);
  why.see(pool(3, 4, 9), "a", 9, [3, 4], 10);
  assert.deepEqual(asked, [4, 9]);
});

test("it asks again every two seconds while the request is there, and once it is gone", () => {
  const { why, asked } = made();
  why.see(pool(4), "a", null, [4], 0);
  why.see(pool(4), "a", null, [4], 200);
  why.see(pool(4), "a", null, [4], 2100);
  why.see(pool(), "a", null, [], 2300);
  why.see(pool(), "a", null, [], 3000);
  why.take(told(4));
  why.see(pool(), "a", null, [], 9000);
  assert.deepEqual(asked, [4, 4, 4]);
});

test("a host that does not answer is named, and asked until it does", () => {
  const { why, parts, asked } = made();
  for (let ms = 0; ms <= 5_900; ms += 100) why.see(pool(), "a", 4, [], ms);
  assert.equal(parts.box.hidden, true);
  why.see(pool(), "a", 4, [], 6_000);
  assert.equal(parts.box.hidden, false);
  assert.deepEqual(parts.sentences.children.map((one) => one.textContent), [SILENT]);
  assert.equal(asked.length, 4);
  why.take(told(4));
  why.see(pool(), "a", 4, [], 6_100);
  assert.deepEqual(parts.sentences.children.map((one) => one.textContent), ["It took 0."]);
  why.see(pool(), "a", 4, [], 60_000);
  assert.equal(parts.sentences.children[0].textContent, "It took 0.", "it is gone: nothing new is owed");
});

test("sentences and table are shown, and the words of blocks are kept", () => {
  const { why, parts } = made();
  why.see(pool(4), "a", null, [4], 0);
  why.take(told(4, { apart: { common: "a\n", mine: "b", other: "" } }));
  assert.equal(parts.box.hidden, false);
  assert.equal(parts.title.textContent, "Why: 4");
  assert.equal(parts.rows.children.length, 1);
  assert.equal(parts.apart.hidden, false);
  assert.equal(why.textOf(4, 1, 16), "two");
  assert.equal(why.textOf(4, 1, 32), "");
  assert.equal(why.textOf(5, 1, 16), "");
});

test("another host's answers and words are forgotten", () => {
  const { why, parts } = made();
  why.see(pool(4), "a", null, [4], 0);
  why.take(told(4));
  why.take(told(4, { engine_host_id: "b", texts: { 16: ["other"] } }));
  assert.equal(why.textOf(4, 0, 16), "one");
  why.see(pool(4), "b", null, [], 10);
  assert.equal(parts.box.hidden, true);
  assert.equal(why.textOf(4, 0, 16), "");
});

test("while time stands still nothing is said, and blocks keep their words", () => {
  const { why, parts, asked } = made();
  why.see(pool(4), "a", null, [4], 0);
  why.take(told(4));
  why.see(pool(4), null, 4, [4], 5_000);
  why.take(told(4, { title: "late" }));
  assert.equal(parts.box.hidden, true);
  assert.equal(why.textOf(4, 0, 16), "one");
  assert.deepEqual(asked, [4]);
  why.see(pool(4), "a", 4, [4], 6_000);
  assert.equal(parts.box.hidden, false);
});

test("where two prompts go apart is said in their words", () => {
  assert.equal(
    apartWords({ common: "the\nred", mine: " fox", other: " dog" }),
    "After “…the↵red” this one has “ fox…”, the other had “ dog…”.",
  );
  assert.equal(
    apartWords({ common: "", mine: "", other: "x" }),
    "At its beginning this one is at its end, the other had “x…”.",
  );
});
