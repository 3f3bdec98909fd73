import assert from "node:assert/strict";
import { test } from "node:test";

import { goneWords, hostWords, isOverview } from "../../static/js/lab/hosts.js";
import { isTaken, listenForKeys } from "../../static/js/lab/keys.js";
import { layOut } from "../../static/js/lab/layout.js";

const ready = { engine_host_id: "one", state: "ready" };
const bytes = (text) => new TextEncoder().encode(text).buffer;

test("a keyframe of another host is told by its mark", () => {
  assert.ok(isOverview(bytes("SVLOSVLF…")));
  assert.ok(!isOverview(bytes("SVLF…")));
  assert.ok(!isOverview(bytes("")));
});

test("a host says what it holds, or that nothing was seen of it", () => {
  const pool = {
    numBlocks: 101, totals: { used: 20, shared: 5 }, counters: { numRunning: 3, numWaiting: 1 },
  };
  assert.equal(hostWords(ready, pool, 0), "25\u202f% used · 3 running · 1 waiting");
  assert.equal(hostWords(ready, null, 0), "no blocks seen yet");
  const newer = { ...ready, unreadable: "It sends frames of format 2." };
  assert.equal(hostWords(newer, pool, 0), "of another version: not shown");
  assert.match(hostWords({ ...ready, state: "failed", phases: [] }, pool, 0), /failed/);
});

test("a host that has gone is named, and that its blocks are its last", () => {
  assert.equal(goneWords([], "one"), "");
  assert.equal(
    goneWords(["one", "two"], "one"),
    "Engine host one does not answer any more: what is shown are its last blocks. " +
      "Engine host two does not answer any more.",
  );
});

test("keys are left to what has the focus", () => {
  const target = (...tags) => ({ closest: (list) => tags.some((tag) => list.split(", ").includes(tag)) });
  assert.ok(isTaken(target("input"), "p"));
  assert.ok(isTaken(target("button"), " "));
  assert.ok(!isTaken(target("button"), "p"));
  assert.ok(!isTaken(target(), " "));
});

test("each key in front of a class does what the page says", () => {
  const done = [];
  const button = (name) => ({ click: () => done.push(name) });
  let press;
  listenForKeys({ addEventListener: (_, listener) => (press = listener) }, {
    pause: button("pause"), back: button("back"), forth: button("forth"),
    live: () => done.push("live"),
    host: (index) => done.push(`host ${index}`),
    projector: () => done.push("projector"),
  });
  const target = { closest: () => null };
  const keyed = (key, more = {}) => {
    let isKept = false;
    press({ key, target, preventDefault: () => (isKept = true), ...more });
    return isKept;
  };
  const keys = [" ", "ArrowLeft", "ArrowRight", "l", "p", "1", "9"];
  assert.ok(keys.every((key) => keyed(key)));
  assert.deepEqual(done, ["pause", "back", "forth", "live", "projector", "host 0", "host 8"]);
  assert.ok(!keyed("0") && !keyed("x"));
  assert.ok(!keyed("p", { ctrlKey: true }), "the browser's own print");
  assert.equal(done.length, keys.length);
});

test("where there is room blocks may be larger", () => {
  const space = { numBlocks: 10, widthCss: 800, heightCss: 400, ratio: 1 };
  assert.equal(layOut(space).pitchPx, 24);
  assert.equal(layOut({ ...space, mostCss: 44 }).pitchPx, 44);
});
