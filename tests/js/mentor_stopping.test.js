/** Stopping: what is kept nowhere is said again until it is so. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { AGAIN_MS, Stopping } from "../../static/js/mentor/stopping.js";

function made() {
  const page = { sent: [], nowMs: 50_000, isOpen: true };
  const send = (message) => page.isOpen && page.sent.push(message) > 0;
  return { page, stopping: new Stopping(send, () => page.nowMs) };
}

test("a stop that got lost is sent again, until the answer has ended", () => {
  const { page, stopping } = made();
  const turn = { id: 7 };
  stopping.tick(turn);
  assert.deepEqual(page.sent, [], "nobody has asked for it");
  assert.equal(stopping.begin(turn), true);
  page.nowMs += AGAIN_MS - 1;
  stopping.tick(turn);
  assert.equal(page.sent.length, 1);
  page.nowMs += 1;
  stopping.tick(turn);
  stopping.tick(turn);
  assert.deepEqual(page.sent, [{ type: "stop", turn: 7 }, { type: "stop", turn: 7 }]);
  page.nowMs += AGAIN_MS;
  stopping.tick(null);
  assert.equal(page.sent.length, 2);
});

test("without a connection it goes out when there is one again", () => {
  const { page, stopping } = made();
  const turn = { id: 7 };
  page.isOpen = false;
  assert.equal(stopping.begin(turn), false);
  assert.equal(turn.isStopping, undefined, "the button is still to be pressed");
  page.isOpen = true;
  stopping.begin(turn);
  page.isOpen = false;
  page.nowMs += 4 * AGAIN_MS;
  stopping.tick(turn);
  page.isOpen = true;
  stopping.tick(turn);
  assert.equal(page.sent.length, 2);
});
