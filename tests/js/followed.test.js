import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Engines } from "../../static/js/lab/engines.js";
import { Followed } from "../../static/js/lab/followed.js";

const status = (id, more = {}) => ({ engine_host_id: id, state: "ready", updated_at: 1, ...more });

let engines;
let stage;
let told;
let followed;

beforeEach(() => {
  engines = new Engines();
  stage = { live: { engineHostId: null } };
  told = [];
  followed = new Followed(engines, stage, (one) => told.push(one?.engine_host_id ?? null));
  engines.greet({ hosts: [status("asked"), status("shown")], trouble: null }, 1_000);
});

test("before any frame it is the first that is ready, then the one whose frames come", () => {
  followed.note();
  stage.live.engineHostId = "shown";
  followed.note();
  assert.deepEqual(told, ["asked", "shown"]);
});

test("the learner's choice is told before its frames come", () => {
  stage.live.engineHostId = "shown";
  followed.note();
  engines.chosen = "asked";
  followed.note();
  assert.deepEqual(told, ["shown", "asked"]);
});

test("the same status is told once, another at once", () => {
  followed.note();
  followed.note();
  engines.note(status("asked", { state: "restarting" }), 2_000);
  engines.note(status("shown", { state: "restarting" }), 2_000);
  followed.note();
  assert.deepEqual(told, ["asked", "asked"]);
});

test("where no host is left, nobody is looked at", () => {
  engines.greet({ hosts: [], trouble: "away" }, 2_000);
  followed.note();
  assert.deepEqual(told, [null]);
});
