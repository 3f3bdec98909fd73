import assert from "node:assert/strict";
import { test } from "node:test";

import { AGAIN_MS, NOT_CONNECTED, NOT_TAKEN, Outbox, SLOW_MS } from "../../static/js/mentor/outbox.js";

function store() {
  const kept = new Map();
  return {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => kept.set(key, value),
    removeItem: (key) => kept.delete(key),
    get size() {
      return kept.size;
    },
  };
}

function outbox(kept = store()) {
  const clock = { now: 1_000 };
  const sent = [];
  const box = new Outbox((message) => Boolean(sent.push(structuredClone(message))), kept, () => clock.now);
  return { box, sent, clock, kept };
}

const ASK = { type: "ask", conversation: null, question: "Why?", ref: 1 };

test("a question of the page's first second goes out when the server is there", () => {
  const { box, sent } = outbox();
  box.put(ASK);
  assert.equal(box.tick(), NOT_CONNECTED);
  assert.deepEqual(sent, []);
  box.ready("c1");
  assert.equal(sent.length, 1);
  assert.equal(sent[0].conversation, "c1", "into the conversation that is shown then");
  assert.match(sent[0].key, /^[0-9a-f]{32}$/);
  assert.equal(box.tick(), "");
});

test("a question that is not taken is said, and sent again under the same id", () => {
  const { box, sent, clock } = outbox();
  box.ready(null);
  box.put(ASK);
  clock.now += SLOW_MS;
  assert.equal(box.tick(), NOT_TAKEN);
  clock.now += AGAIN_MS - SLOW_MS;
  box.tick();
  assert.equal(sent.length, 2);
  assert.equal(sent[0].key, sent[1].key);
  assert.equal(box.tick(), NOT_TAKEN, "it is still said");
});

test("after a lost connection it goes out again, once for each connection", () => {
  const { box, sent } = outbox();
  box.ready(null);
  box.put({ ...ASK, conversation: null });
  box.away();
  box.ready("another");
  assert.equal(sent.length, 2);
  assert.equal(sent[1].conversation, null, "a new conversation stays one");
  box.clear();
  box.away();
  box.ready(null);
  assert.equal(sent.length, 2);
});

test("a clock that is set back in the midst does not keep it from being sent again", () => {
  const { box, sent, clock } = outbox();
  clock.now = 86_400_000;
  box.ready(null);
  box.put(ASK);
  clock.now = 1_000;
  box.tick();
  clock.now += AGAIN_MS;
  assert.equal(box.tick(), NOT_TAKEN);
  assert.equal(sent.length, 2);
});

test("it outlives a reload of the tab", () => {
  const { box, kept, sent } = outbox();
  box.put(ASK);
  const again = outbox(kept);
  assert.equal(again.box.pending.question, "Why?");
  again.box.ready("c1");
  assert.equal(again.sent.length, 1);
  again.box.clear();
  assert.equal(kept.size, 0);
  assert.deepEqual(sent, []);
});

test("a store that is forbidden or broken costs nothing", () => {
  const broken = {
    getItem: () => "{",
    setItem() {
      throw new Error("full");
    },
    removeItem() {
      throw new Error("forbidden");
    },
  };
  const { box, sent } = outbox(broken);
  box.ready(null);
  box.put(ASK);
  assert.equal(sent.length, 1);
  box.clear();
  assert.equal(box.pending, null);
});
