/** Recording: what the page says of each step, and of one that nobody answers. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Recording } from "../../static/js/lab/record/recording.js";

class Node {
  textContent = "";
  hidden = false;
  disabled = false;
  dataset = { beginUrl: "begin" };
  #on = {};
  addEventListener(name, run) { this.#on[name] = run; }
  press() { this.#on.click(); }
  focus() {}
  select() {}
}

const told = (state, more = {}) => ({
  state, elapsed_s: 0, most_s: 600, state_url: "state", stop_url: "stop", duration_s: 3, sentence: "", ...more,
});

/** A page whose server answers as ``answers`` has it by address. */
function made(context, answers) {
  context.mock.timers.enable({ apis: ["Date", "setInterval"], now: 1_000_000 });
  const names = ["form", "button", "words", "kept", "title", "replay"];
  const parts = Object.fromEntries(names.map((name) => [name, new Node()]));
  const engine = { isReady: true, status: { engine_host_id: "a" }, onChange() {} };
  const ask = async (url) => answers[url]();
  new Recording(parts, engine, ask);
  const settle = async () => { for (let turn = 0; turn < 10; turn += 1) await null; };
  const press = () => (parts.button.press(), settle());
  const wait = async (seconds) => {
    for (let half = 0; half < 2 * seconds; half += 1) {
      context.mock.timers.tick(500);
      await settle();
    }
  };
  return { parts, press, wait };
}

test("each step that is not answered is named: the host, then the file", async (context) => {
  let answered;
  const answers = {
    begin: () => told("recording"), state: () => told("recording"),
    stop: () => new Promise((resolve) => (answered = () => resolve(told("recording")))),
  };
  const { parts, press, wait } = made(context, answers);
  await press();
  await wait(1);
  assert.equal(parts.words.textContent, "recording 0:01 of at most 10:00");
  await press();
  assert.equal(parts.words.textContent, "Stopping.");
  await wait(6);
  assert.equal(parts.words.textContent, "Stopping: the engine’s host has not answered for 6\u202fs.");
  answered();
  await wait(3);
  assert.equal(parts.words.textContent, "Stopping: its file has not arrived for 9\u202fs.");
  answers.state = () => { throw new Error("The server does not answer."); };
  await wait(2);
  assert.equal(parts.words.textContent, "The server does not answer.");
  answers.state = () => told("failed", { sentence: "It has not arrived." });
  await wait(2);
  assert.equal(parts.words.textContent, "It has not arrived.");
  assert.equal(parts.button.textContent, "Record");
});

test("why it was not stopped stays to be read, until Stop is pressed again", async (context) => {
  const answers = {
    begin: () => told("recording"), state: () => told("recording"),
    stop: () => { throw new Error("Not stopped."); },
  };
  const { parts, press, wait } = made(context, answers);
  await press();
  await press();
  await wait(10);
  assert.match(parts.words.textContent, /^Not stopped\. recording 0:10/);
  assert.equal(parts.button.disabled, false);
  answers.stop = () => told("kept");
  await press();
  assert.match(parts.words.textContent, /^Kept/);
});

test("while a host is asked to begin that is said", async (context) => {
  const { parts, press } = made(context, { begin: () => new Promise(() => {}) });
  await press();
  assert.equal(parts.words.textContent, "Asking the engine’s host to record.");
});
