/** ClassRun: what a class sees of the run that its staff began. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { ClassRun } from "../../static/js/lab/class_run.js";

const form = (run) => `<form><input name="run" value="${run}"></form>`;
const result = (words) => `<div class="class-result">${words}</div>`;

/** HTML of a form and a result, in which a result can take another's place. */
class Box {
  dataset = { url: "/lab/class/" };
  innerHTML = "";
  addEventListener() {}
  querySelector() {
    const found = /<div class="class-result">.*<\/div>/.exec(this.innerHTML)?.[0];
    if (!found) return null;
    const replaceWith = (other) => (this.innerHTML = this.innerHTML.replace(found, other.found));
    return { found, replaceWith };
  }
}

globalThis.document = { createElement: () => new Box() };

function made(shown) {
  const box = new Box();
  box.innerHTML = shown;
  return { box, run: new ClassRun(box) };
}

const server = (answer) => (globalThis.fetch = async () => answer);
const OURS = { has: (name) => name === "X-Log-Id", get: () => "text/html" };
const drawn = (text) => server({ ok: true, headers: OURS, text: async () => text });

test("who missed the end while the connection was away sees it", async () => {
  const { box, run } = made(form("a") + result("so far"));
  drawn(result("the end"));
  await run.catchUp();
  assert.equal(box.innerHTML, result("the end"));
});

test("a form that is being filled in stays, but not another run's", async () => {
  const { box, run } = made(`${form("a")}typed${result("so far")}`);
  drawn(form("a") + result("further"));
  await run.catchUp();
  assert.equal(box.innerHTML, `${form("a")}typed${result("further")}`);
  drawn(form("b") + result("begun"));
  await run.catchUp();
  assert.equal(box.innerHTML, form("b") + result("begun"));
});

test("a server that is away changes nothing, and the next message is looked at", async () => {
  const { box, run } = made(result("so far"));
  globalThis.fetch = async () => { throw new TypeError("away"); };
  await run.take({ kind: "end" });
  server({ ok: false, status: 503, headers: OURS, text: async () => "away" });
  await run.take({ kind: "end" });
  assert.equal(box.innerHTML, result("so far"));
  drawn(result("the end"));
  await run.take({ kind: "end" });
  assert.equal(box.innerHTML, result("the end"));
});
