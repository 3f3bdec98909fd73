/** Between a button of the lab and the first word of the server there is always a word. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { AWAY, BROKE, SLOW_MS, TOO_LATE } from "../../static/js/lab/begun.js";
import { Demos } from "../../static/js/lab/demos.js";
import { Experiments } from "../../static/js/lab/experiments.js";

class Node {
  textContent = "";
  hidden = false;
  disabled = false;
  dataset = {};
  tBodies = [{ replaceChildren() {} }];
  #on = {};
  addEventListener(name, run) { this.#on[name] = run; }
  fire(name) { this.#on[name]({ preventDefault() {} }); }
  querySelector() { return this; }
}

globalThis.FormData = class { *[Symbol.iterator]() { yield ["experiment", "prefix"]; } };

/** Both kinds, with what is pressed and what is read of each. */
const kinds = {
  demonstration(send, now) {
    const [button, words] = [new Node(), new Node()];
    button.dataset.demo = "batch";
    const parts = { buttons: [button], stop: new Node(), words, table: new Node() };
    const one = new Demos(parts, send, now);
    const begin = () => one.begin({ name: "batch", watch: "Watch." }, null);
    return { one, button, words, begin, press: () => button.fire("click") };
  },
  experiment(send, now) {
    const [form, run, state] = [new Node(), new Node(), new Node()];
    const parts = { card: new Node(), form, run, stop: new Node(), link: new Node(), state, results: new Node() };
    const one = new Experiments(parts, send, now);
    const begin = () => one.begin({ run_id: "1", watch: "Watch." });
    return { one, button: run, words: state, begin, press: () => form.fire("submit") };
  },
};

for (const [name, made] of Object.entries(kinds)) {
  const ready = () => {
    const sent = [];
    let nowMs = 0;
    const kind = made((command) => sent.push(command) > 0, () => nowMs);
    kind.one.allow("");
    return { sent, ...kind, wait: (ms) => ((nowMs += ms), kind.one.allow("")) };
  };

  test(`a ${name} that the server does not begin is waited for in words, and sent once`, () => {
    const { sent, button, words, press, wait, begin, one } = ready();
    press();
    wait(200);
    assert.equal(button.disabled, true, "not to be pressed twice");
    wait(SLOW_MS);
    assert.match(words.textContent, /has not begun it for 5\u202fs/);
    wait(4_000);
    assert.match(words.textContent, /for 9\u202fs/);
    begin();
    one.allow("");
    assert.equal(words.textContent, "Watch.");
    assert.equal(sent.length, 1);
  });

  test(`a ${name} whose connection breaks before it has begun is named`, () => {
    const { button, words, press, wait, one } = ready();
    press();
    wait(6_000);
    one.lose();
    one.allow("The page is not connected yet.");
    assert.equal(words.textContent, `${BROKE} The page is not connected yet.`);
    assert.equal(button.disabled, true);
    one.allow("");
    assert.equal(words.textContent, BROKE, "it is still to be read when the connection is back");
    assert.equal(button.disabled, false);
    one.lose();
    assert.equal(words.textContent, BROKE);
  });

  test(`a ${name} whose connection breaks later, or that is refused, is another sentence`, () => {
    const { button, words, press, begin, one } = ready();
    press();
    begin();
    one.lose();
    one.allow("Away.");
    assert.match(words.textContent, /^The connection broke, .* Away\.$/);
    one.allow("");
    press();
    assert.equal(one.refuse("Paused."), true);
    one.allow("");
    assert.equal(words.textContent, "Paused.");
    assert.equal(button.disabled, false);
  });

  test(`a ${name} pressed while the connection is away says so until it begins, or does not`, () => {
    const { button, words, begin, one, press } = readyAway(made);
    press();
    one.allow("");
    assert.equal(words.textContent, AWAY);
    begin();
    assert.equal(words.textContent, "Watch.");
    one.lose();
    one.allow("");
    press();
    one.refuse(TOO_LATE);
    one.allow("");
    assert.equal(words.textContent, TOO_LATE);
    assert.equal(button.disabled, false);
  });
}

function readyAway(made) {
  const kind = made(() => false, () => 0);
  kind.one.allow("");
  return kind;
}

test("one stop is for all requests, and is sent again until none is under way", () => {
  const sent = [];
  let nowMs = 0;
  const stop = new Node();
  const parts = { buttons: [], stop, words: new Node(), table: new Node() };
  const one = new Demos(parts, (command) => sent.push(command) > 0, () => nowMs);
  for (let number = 0; number < 39; number += 1) one.track(String(number), true);
  stop.fire("click");
  const tick = (ms) => ((nowMs += ms), one.allow(""));
  tick(4_900);
  assert.deepEqual(sent, [{ type: "stop" }]);
  tick(200);
  tick(200);
  assert.equal(sent.length, 2);
  for (let number = 0; number < 39; number += 1) one.track(String(number), false);
  tick(60_000);
  one.track("next", true);
  tick(60_000);
  assert.equal(sent.length, 2, "what begins later is not stopped");
});
