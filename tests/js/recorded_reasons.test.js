/** RecordedReasons and HeatView: what is asked when, and who hears it. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Heat, SHADE } from "../../static/js/lab/heat.js";
import { HeatView } from "../../static/js/lab/heat_view.js";
import { RecordedReasons } from "../../static/js/lab/recorded_reasons.js";

class Node {
  textContent = "";
  hidden = false;
  dataset = {};
  children = [];
  #on = {};
  addEventListener(name, run) { this.#on[name] = run; }
  append(...nodes) { this.children.push(...nodes); }
  replaceChildren(...nodes) { this.children = nodes; }
  setAttribute() {}
  fire(name, event) { this.#on[name](event); }
}

globalThis.document = { createElement: () => new Node() };

const pool = (step) => ({ counters: { step }, numBlocks: 3, hasHash: [0, 1, 0] });
const later = () => new Promise((done) => setTimeout(done));

function recorded() {
  const asked = [];
  const heard = { cache: [], why: [], heat: [] };
  const view = (name) => ({ see: () => {}, take: (...told) => heard[name].push(told) });
  const views = { cache: view("cache"), why: view("why"), heat: view("heat") };
  const reasons = new RecordedReasons(views, async (url) => {
    asked.push(url);
    return {
      step: 5, lacks: "It lacks.", cache: { step: 5 }, heat: null,
      why: url.includes("request") ? { short_id: 7 } : null,
    };
  });
  return { reasons, asked, heard };
}

test("it asks once a step and request, and gives each view its part", async () => {
  const { reasons, asked, heard } = recorded();
  reasons.see(pool(5), "/r/", null, true, 0);
  await later();
  reasons.see(pool(5), "/r/", null, true, 900);
  reasons.see(pool(5), "/r/", 7, true, 1800);
  await later();
  assert.deepEqual(asked, ["/r/?step=5", "/r/?step=5&request=7"]);
  assert.equal(reasons.lacks, "It lacks.");
  assert.deepEqual(heard.cache[0], [{ step: 5, engine_host_id: "/r/" }, "It lacks."]);
  assert.deepEqual(heard.why, [[{ short_id: 7, engine_host_id: "/r/" }]]);
  assert.deepEqual(heard.heat, []);
});

test("who is chosen while it still reads is asked for without another frame", async () => {
  const { reasons, asked } = recorded();
  reasons.see(pool(5), "/r/", null, true, 0);
  reasons.see(pool(5), "/r/", 7, true, 10);
  await later();
  assert.deepEqual(asked, ["/r/?step=5", "/r/?step=5&request=7"]);
});

test("who is chosen a moment after an answer is asked for a moment later", async () => {
  const { reasons, asked } = recorded();
  reasons.see(pool(5), "/r/", null, true, 0);
  await later();
  reasons.see(pool(5), "/r/", 7, true, 149);
  assert.equal(asked.length, 1);
  await new Promise((done) => setTimeout(done, 20));
  assert.deepEqual(asked, ["/r/?step=5", "/r/?step=5&request=7"]);
});

test("while it plays it asks at most once a second", async () => {
  const { reasons, asked } = recorded();
  for (let ms = 0; ms < 3_000; ms += 100) {
    reasons.see(pool(ms), "/r/", null, false, ms);
    await later();
  }
  assert.equal(asked.length, 3);
});

test("another recording's answer is left out", async () => {
  const { reasons, heard } = recorded();
  reasons.see(pool(5), "/r/", null, true, 0);
  reasons.see(pool(5), "/other/", null, true, 10);
  await later();
  assert.deepEqual(heard.cache.map(([told]) => told.engine_host_id), ["/other/"]);
});

function shaded() {
  const parts = Object.fromEntries(["switch", "states", "legend", "note"].map((name) => [name, new Node()]));
  const seen = { asked: [], changed: 0 };
  const view = new HeatView(parts, new Heat(), {
    ask: (since) => seen.asked.push(since), change: () => (seen.changed += 1),
  });
  return { parts, seen, view, turn: (value) => parts.switch.fire("change", { target: { value } }) };
}

const heat = (step, since) => ({
  engine_host_id: "a", engine_run: 1, step, since, since_step: 0, blocks: [1], hits: [2], last: [3],
});

test("states need no question; hits are asked for, then what changed since", () => {
  const { parts, seen, view, turn } = shaded();
  view.see(pool(9), { host: "a", lacks: "" }, 0);
  assert.deepEqual([seen.asked, view.shown], [[], null]);
  turn("hits");
  view.see(pool(9), { host: "a", lacks: "" }, 10);
  view.take(heat(9, 0));
  view.see(pool(12), { host: "a", lacks: "" }, 500);
  view.see(pool(12), { host: "a", lacks: "" }, 2_100);
  assert.deepEqual(seen.asked, [0, 9]);
  assert.equal(view.shown.shadeOf(pool(9), 1), SHADE.LEVEL_1 + 2);
  assert.equal(parts.states.hidden, true);
  assert.match(parts.note.textContent, /^Admissions .* as of step 9\.$/);
  assert.equal(parts.legend.children.length, 6);
  turn("age");
  assert.equal(view.shown.by, "age");
  turn("state");
  assert.equal(view.shown, null);
  assert.equal(parts.states.hidden, false);
});

test("where it is not known, states are shown and the reason is said", () => {
  const { parts, view, turn } = shaded();
  turn("hits");
  view.see(pool(9), { host: null, lacks: "It lacks." }, 0);
  assert.equal(view.shown, null);
  assert.deepEqual([parts.note.textContent, parts.note.hidden], ["It lacks.", false]);
  assert.equal(parts.states.hidden, false);
});
