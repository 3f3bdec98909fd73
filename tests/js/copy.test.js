import assert from "node:assert/strict";
import { test } from "node:test";

import { typed } from "../../static/js/courseware/copy.js";

test("code is copied as it stands", () => {
  assert.equal(typed("$ a\n# b", "bash"), "$ a\n# b");
});

test("of a console only what was typed is copied", () => {
  assert.equal(typed("$ curl x\n{}\n$ echo 2\n2", "console"), "curl x\necho 2");
  assert.equal(typed("no prompt", "console"), "no prompt");
});
