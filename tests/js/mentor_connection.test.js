import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { NO_LEARNER } from "../../static/js/close_codes.js";
import { Connection, backoffMs } from "../../static/js/mentor/connection.js";

class FakeSocket extends EventTarget {
  static OPEN = 1;
  static all = [];
  readyState = 0;
  sent = [];

  constructor(url) {
    super();
    this.url = url;
    FakeSocket.all.push(this);
  }
  send(text) {
    this.sent.push(text);
  }
  open() {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }
  close(code) {
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event("close"), { code }));
  }
}

/** Time goes on second by second, as it does while a machine is awake. */
function pass(seconds) {
  for (let i = 0; i < seconds; i += 1) mock.timers.tick(1_000);
}

let states;
let opened;
let connection;

beforeEach(() => {
  globalThis.WebSocket = FakeSocket;
  FakeSocket.all = [];
  states = [];
  opened = 0;
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
  connection = new Connection("ws://x/", {
    onopen: () => (opened += 1),
    onmessage: () => {},
    onstate: (state) => states.push(state),
  });
});
afterEach(() => mock.timers.reset());

test("the wait doubles, is never below half of that and has an end", () => {
  assert.deepEqual([0, 1, 2].map((n) => backoffMs(n, () => 1)), [500, 1000, 2000]);
  assert.equal(backoffMs(3, () => 0), 2000);
  assert.equal(backoffMs(50, () => 1), 15_000);
});

test("a lost connection comes back by itself and says so", () => {
  connection.connect();
  FakeSocket.all[0].open();
  FakeSocket.all[0].close(1006);
  assert.deepEqual(states, ["connecting", "connected", "waiting"]);
  mock.timers.tick(500);
  FakeSocket.all[1].open();
  assert.equal(opened, 2);
});

test("nothing is sent while there is no connection, and the caller knows", () => {
  connection.connect();
  assert.equal(connection.send({ type: "ask" }), false);
  FakeSocket.all[0].open();
  assert.equal(connection.send({ type: "ask" }), true);
  assert.deepEqual(FakeSocket.all[0].sent, ['{"type":"ask"}']);
});

test("connecting twice opens one socket", () => {
  connection.connect();
  connection.connect();
  assert.equal(FakeSocket.all.length, 1);
});

test("a session that has ended is not tried again", () => {
  connection.connect();
  FakeSocket.all[0].open();
  FakeSocket.all[0].close(NO_LEARNER);
  mock.timers.tick(60_000);
  assert.equal(FakeSocket.all.length, 1);
  assert.equal(states.at(-1), "refused");
});

test("a half-dead socket is left for a new one, and its late close changes nothing", () => {
  connection.connect();
  FakeSocket.all[0].open();
  pass(10);
  assert.deepEqual(FakeSocket.all[0].sent, ['{"type":"ping"}']);
  FakeSocket.all[0].close = () => {};
  pass(8);
  assert.equal(FakeSocket.all.length, 2);
  FakeSocket.all[1].open();
  FakeSocket.all[0].dispatchEvent(Object.assign(new Event("close"), { code: 1006 }));
  assert.equal(states.at(-1), "connected");
});

test("a socket that never opens is left for a new one, at once when the network is back", () => {
  connection.connect();
  FakeSocket.all[0].close = () => {};
  pass(15);
  assert.equal(FakeSocket.all.length, 2);
  FakeSocket.all[1].close = () => {};
  pass(3);
  connection.wake();
  assert.equal(FakeSocket.all.length, 3);
  FakeSocket.all[0].dispatchEvent(Object.assign(new Event("close"), { code: 1006 }));
  FakeSocket.all[2].open();
  assert.equal(states.at(-1), "connected");
  assert.equal(opened, 1);
});

test("a pong keeps it, and is nobody's message", () => {
  const messages = [];
  const quiet = new Connection("ws://x/", {
    onopen() {},
    onmessage: (message) => messages.push(message),
    onstate() {},
  });
  quiet.connect();
  const socket = FakeSocket.all.at(-1);
  socket.open();
  for (let i = 0; i < 4; i += 1) {
    mock.timers.tick(10_000);
    socket.dispatchEvent(Object.assign(new Event("message"), { data: '{"type":"pong"}' }));
  }
  assert.equal(FakeSocket.all.length, 1);
  assert.deepEqual(messages, []);
});

test("a wake-up asks a socket that looks open, and connects a closed one at once", () => {
  connection.connect();
  FakeSocket.all[0].open();
  connection.wake();
  assert.deepEqual(FakeSocket.all[0].sent, ['{"type":"ping"}']);
  FakeSocket.all[0].close(1006);
  connection.wake();
  assert.equal(FakeSocket.all.length, 2);
});
