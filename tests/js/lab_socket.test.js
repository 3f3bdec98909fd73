/** LabSocket: what is asked for before there is a connection. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { TOO_LATE } from "../../static/js/lab/begun.js";
import { KEPT_MS, LabSocket } from "../../static/js/lab/socket.js";

globalThis.addEventListener = () => {};
globalThis.document = { addEventListener() {} };
globalThis.WebSocket = class {
  static OPEN = 1;
  static made = [];
  readyState = 0;
  sent = [];
  constructor() { WebSocket.made.push(this); }
  send(text) { this.sent.push(JSON.parse(text)); }
  open() {
    this.readyState = 1;
    this.onopen();
  }
};

/** What goes out, and what the page hears, when the connection stands after so long. */
function asked(context, waitMs) {
  context.mock.timers.enable({ apis: ["Date", "setInterval", "setTimeout"], now: 1_000_000 });
  const heard = [];
  const socket = new LabSocket("ws://x/", { frame() {}, message: (one) => heard.push(one), state() {} });
  assert.equal(socket.send({ type: "why", short_id: "1" }), false);
  assert.equal(socket.send({ type: "demo", name: "batch" }), false);
  context.mock.timers.setTime(1_000_000 + waitMs);
  const wire = WebSocket.made.at(-1);
  wire.open();
  return { heard, sent: wire.sent };
}

test("a demonstration goes out by itself, once; what asks again by itself does not", (context) => {
  const { heard, sent } = asked(context, KEPT_MS - 1);
  assert.deepEqual(sent, [{ type: "demo", name: "batch" }]);
  assert.deepEqual(heard, []);
});

test("what was kept for too long is not begun behind anybody's back, and that is said", (context) => {
  const { heard, sent } = asked(context, KEPT_MS);
  assert.deepEqual(sent, []);
  assert.deepEqual(heard, [{ type: "error", sentence: TOO_LATE }]);
});
