import assert from "node:assert/strict";
import { test } from "node:test";

import { isChanged } from "../../static/js/courseware/near.js";

const select = (selectedIndex, ...defaults) => ({
  selectedIndex,
  options: defaults.map((defaultSelected) => ({ defaultSelected })),
});
const form = (...elements) => ({ elements });

test("a form as it came is not changed", () => {
  const box = { type: "checkbox", checked: true, defaultChecked: true };
  const text = { type: "number", value: "8", defaultValue: "8" };
  assert.equal(isChanged(form(select(0, false, false), select(1, false, true), box, text, {})), false);
});

test("each kind of field tells that it was changed", () => {
  assert.ok(isChanged(form(select(1, false, false))));
  assert.ok(isChanged(form(select(0, false, true))));
  assert.ok(isChanged(form({ type: "radio", checked: true, defaultChecked: false })));
  assert.ok(isChanged(form({ type: "number", value: "9", defaultValue: "8" })));
});
