import assert from "node:assert/strict";
import { test } from "node:test";

function pageWith(forms) {
  const kept = { "servelab:question": "What is a block?" };
  globalThis.sessionStorage = { clear: () => delete kept["servelab:question"] };
  globalThis.document = { querySelectorAll: () => forms };
  return kept;
}

class Form extends EventTarget {}

test("who leaves takes an unsent question along", async () => {
  const form = new Form();
  const kept = pageWith([form]);
  await import("../../static/js/courseware/leaving.js");
  assert.equal(kept["servelab:question"], "What is a block?");
  form.dispatchEvent(new Event("submit"));
  assert.deepEqual(kept, {});
});

test("a forbidden store holds nobody back", () => {
  const form = new Form();
  pageWith([form]);
  globalThis.sessionStorage = {
    clear() {
      throw new Error("SecurityError");
    },
  };
  form.dispatchEvent(new Event("submit"));
});
