import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { Heartbeat, PATIENCE_MS, QUIET_MS } from "../../static/js/heartbeat.js";

let told;
let beat;

beforeEach(() => {
  mock.timers.enable({ apis: ["setInterval", "Date"] });
  told = [];
  beat = new Heartbeat({ ping: () => told.push("ping"), lost: () => told.push("lost") });
});
afterEach(() => mock.timers.reset());

test("who is heard of is not asked", () => {
  beat.begin();
  for (let i = 0; i < 5; i += 1) {
    mock.timers.tick(QUIET_MS - 1_000);
    beat.heard();
  }
  assert.deepEqual(told, []);
});

test("who is silent is asked, and is lost without an answer", () => {
  beat.begin();
  mock.timers.tick(QUIET_MS);
  assert.deepEqual(told, ["ping"]);
  mock.timers.tick(PATIENCE_MS);
  assert.deepEqual(told, ["ping", "lost"]);
});

test("an answer is enough", () => {
  beat.begin();
  mock.timers.tick(QUIET_MS);
  beat.heard();
  mock.timers.tick(PATIENCE_MS);
  assert.deepEqual(told, ["ping"]);
});

test("after sleep it is asked at once, and once", () => {
  beat.begin();
  beat.ask();
  beat.ask();
  assert.deepEqual(told, ["ping"]);
  beat.end();
  mock.timers.tick(60_000);
  assert.deepEqual(told, ["ping"]);
  beat.ask();
  assert.deepEqual(told, ["ping"], "a closed one is not asked");
});
