import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

class FakeSocket {
  static OPEN = 1;
  static CLOSED = 3;
  static all = [];
  readyState = 0;
  sent = [];

  constructor() {
    FakeSocket.all.push(this);
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  open() {
    this.readyState = 1;
    this.onopen();
  }
  close() {}
}

const wakes = [];
globalThis.addEventListener = (_, wake) => wakes.push(wake);
globalThis.document = { addEventListener() {} };
globalThis.WebSocket = FakeSocket;
const { LabSocket } = await import("../../static/js/lab/socket.js");

beforeEach(() => {
  FakeSocket.all = [];
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
});
afterEach(() => mock.timers.reset());

test("a socket that never opens gives way to one that does, and what was asked goes out", () => {
  const states = [];
  const lab = new LabSocket("ws://x/", { frame() {}, message() {}, state: (one) => states.push(one) });
  assert.equal(lab.send({ type: "demo", name: "batch" }), false);
  for (let i = 0; i < 15; i += 1) mock.timers.tick(1_000);
  assert.equal(FakeSocket.all.length, 2);
  mock.timers.tick(1_000);
  mock.timers.tick(1_000);
  wakes[0]();
  assert.equal(FakeSocket.all.length, 3, "the network is back: not over the old one");
  FakeSocket.all[2].open();
  assert.deepEqual(FakeSocket.all[2].sent, [{ type: "demo", name: "batch" }]);
  assert.deepEqual(states, ["closed", "closed", "open"]);
});
