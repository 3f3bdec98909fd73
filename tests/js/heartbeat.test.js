import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { Heartbeat, OPENING_MS, PATIENCE_MS, QUIET_MS } from "../../static/js/heartbeat.js";

let told;
let beat;

beforeEach(() => {
  mock.timers.enable({ apis: ["setInterval", "Date"] });
  told = [];
  beat = new Heartbeat({ ping: () => told.push("ping"), lost: () => told.push("lost") });
});
afterEach(() => mock.timers.reset());

/** Time goes on second by second, as it does while a machine is awake. */
function pass(ms) {
  for (let at = 0; at < ms; at += 1_000) mock.timers.tick(Math.min(1_000, ms - at));
}

test("who is heard of is not asked", () => {
  beat.begin();
  for (let i = 0; i < 5; i += 1) {
    pass(QUIET_MS - 1_000);
    beat.heard();
  }
  assert.deepEqual(told, []);
});

test("who is silent is asked, and is lost without an answer", () => {
  beat.begin();
  pass(QUIET_MS);
  assert.deepEqual(told, ["ping"]);
  pass(PATIENCE_MS);
  assert.deepEqual(told, ["ping", "lost"]);
});

test("an answer is enough", () => {
  beat.begin();
  pass(QUIET_MS);
  beat.heard();
  pass(PATIENCE_MS);
  assert.deepEqual(told, ["ping"]);
});

test("after sleep it is asked at once, and once", () => {
  beat.begin();
  beat.ask();
  beat.ask();
  assert.deepEqual(told, ["ping"]);
  beat.end();
  pass(60_000);
  assert.deepEqual(told, ["ping"]);
  beat.ask();
  assert.deepEqual(told, ["ping"], "a closed one is not asked");
});

test("a socket that does not open is lost, and one that opens is not", () => {
  beat.opening();
  pass(OPENING_MS - 1_000);
  assert.deepEqual(told, []);
  pass(2_000);
  assert.deepEqual(told, ["lost"]);
  beat.opening();
  pass(OPENING_MS - 1_000);
  beat.begin();
  pass(2_000);
  assert.deepEqual(told, ["lost"]);
});

test("one that was on its way when the network changed is given up at once", () => {
  beat.opening();
  beat.ask();
  assert.deepEqual(told, [], "it has only begun");
  pass(3_000);
  beat.ask();
  assert.deepEqual(told, ["lost"]);
});

test("a machine that slept asks at once", () => {
  beat.begin();
  mock.timers.tick(60_000);
  assert.equal(told[0], "ping");
});

test("a clock that was set back by a day keeps nobody waiting", () => {
  let now = 86_400_000;
  beat = new Heartbeat({ ping: () => told.push("ping"), lost: () => told.push("lost") }, () => now);
  beat.begin();
  now = 1_000;
  mock.timers.tick(1_000);
  assert.deepEqual(told, ["ping"]);
  for (let i = 0; i <= PATIENCE_MS / 1_000; i += 1) {
    now += 1_000;
    mock.timers.tick(1_000);
  }
  assert.deepEqual(told, ["ping", "lost"]);
  beat.end();
});
