import assert from "node:assert/strict";
import { test } from "node:test";

import { Asking } from "../../static/js/lab/asking.js";

function offered() {
  const button = () => Object.assign(new EventTarget(), { hidden: true, textContent: "" });
  const parts = { block: button(), request: button() };
  const told = [];
  return { parts, told, asking: new Asking(parts, (name, detail) => told.push([name, detail])) };
}

test("a block that was clicked is offered as a question, of a live engine only", () => {
  const { parts, told, asking } = offered();
  asking.mark(17);
  assert.equal(parts.block.hidden, true, "nothing is known of an engine yet");
  asking.askAboutBlock();
  asking.see("host-a", null);
  assert.equal(parts.block.hidden, false);
  assert.equal(parts.block.textContent, "Ask about block 17");
  parts.block.dispatchEvent(new Event("click"));
  assert.deepEqual(told.at(-1), [
    "servelab:ask",
    { question: "Tell me about block 17: whose is it?" },
  ]);
  asking.see(null, null);
  assert.equal(parts.block.hidden, true, "a recording is of another time");
  assert.deepEqual(told.at(-1), ["servelab:looking", null]);
});

test("the page knows which block is marked and which request is chosen", () => {
  const { parts, told, asking } = offered();
  asking.see("host-a", 2623);
  asking.mark(5);
  asking.mark(5);
  assert.deepEqual(told.map(([, detail]) => detail), [
    { host: "host-a", block: null, request: 2623 },
    { host: "host-a", block: 5, request: 2623 },
  ]);
  parts.request.dispatchEvent(new Event("click"));
  assert.deepEqual(told.at(-1)[1], { question: "What is request a3f doing?" });
  asking.mark(null);
  assert.equal(parts.block.hidden, true);
});
