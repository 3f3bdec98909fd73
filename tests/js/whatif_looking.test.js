/** Looking: how a rehearsal stands, and a server that does not say so. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Looking } from "../../static/js/lab/whatif/looking.js";

/** What the server draws: an address while it goes on, and a sentence. */
class Result {
  innerHTML = "on it goes";
  sentence = { textContent: "It starts." };
  querySelector(name) {
    if (name === ".whatif-sentence") return this.sentence;
    return { dataset: { url: this.innerHTML === "over" ? undefined : "/how/" } };
  }
}

const OURS = { has: (name) => name === "X-Log-Id" };
const answers = (status, text = "on it goes", headers = OURS) => {
  globalThis.fetch = async (url, { signal }) => {
    assert.equal(url, "/how/");
    assert.ok(signal instanceof AbortSignal, "no look waits for ever");
    if (status === 0) throw new TypeError("away");
    return { ok: status === 200, status, headers, text: async () => text };
  };
};

test("it looks until it is over", async () => {
  const result = new Result();
  const looking = new Looking(result, () => 0);
  answers(200);
  assert.equal(await looking.look(), true);
  answers(200, "over");
  assert.equal(await looking.look(), true);
  assert.equal(result.innerHTML, "over");
  assert.equal(await looking.look(), false);
});

for (const status of [0, 502, 503]) {
  test(`a server that answers ${status || "nothing"} is named, and asked again`, async () => {
    let nowMs = 0;
    const result = new Result();
    const looking = new Looking(result, () => nowMs);
    answers(status);
    nowMs = 4_000;
    assert.equal(await looking.look(), true);
    assert.equal(result.sentence.textContent, "It starts.");
    nowMs = 9_000;
    assert.equal(await looking.look(), true);
    assert.match(result.sentence.textContent, /has not answered for 9\u202fs/);
    answers(200);
    await looking.look();
    nowMs = 10_000;
    answers(status);
    result.sentence.textContent = "drawn anew";
    await looking.look();
    assert.equal(result.sentence.textContent, "drawn anew", "it was heard a second ago");
  });
}

test("a network's sign-in page is not drawn as the result", async () => {
  const result = new Result();
  answers(200, "Pay for the network", { has: () => false });
  assert.equal(await new Looking(result, () => 0).look(), true);
  assert.equal(result.innerHTML, "on it goes");
});

test("what was deleted meanwhile is not asked for without an end", async () => {
  const result = new Result();
  answers(404);
  assert.equal(await new Looking(result, () => 0).look(), false);
  assert.match(result.sentence.textContent, /not there any more/);
});
