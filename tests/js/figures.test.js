import assert from "node:assert/strict";
import { test } from "node:test";

import { cheapest, serverlessUsd } from "../../static/js/courseware/break_even.js";
import { pagedKinds, paths, regionKinds, words } from "../../static/js/courseware/cells.js";

test("a block of a paged request holds tokens, all others are free", () => {
  const moment = { tables: [[0, 20, [3, 1]]], waiting: 0, finished: 0 };
  assert.deepEqual(pagedKinds(moment, 4), ["free", "tokens", "free", "tokens"]);
});

test("a region is tokens, then what will be used, then what never is", () => {
  const moment = { regions: [[0, 17, 40, 1, 5]], waiting: 0, finished: 0 };
  assert.deepEqual(regionKinds(moment, 7, 16), [
    "free", "tokens", "tokens", "reserved", "internal", "internal", "free",
  ]);
});

test("each kind of cell is one path, in rows", () => {
  const found = paths(["tokens", "free", "tokens"], 2);
  assert.equal(found.tokens, "M0,0h9v9h-9zM0,10h9v9h-9z");
  assert.equal(found.reserved, "");
});

test("a side says who runs, and never more than all of the memory", () => {
  const shared = { tables: [[0, 32, [1, 2]], [1, 32, [1, 2]]], waiting: 3, finished: 4 };
  assert.equal(words(shared, 16), "2 running, 3 waiting, 4 done. 100\u202f% of what is taken holds tokens.");
  assert.equal(words({ tables: [], waiting: 0, finished: 1 }, 16), "0 running, 0 waiting, 1 done.");
});

test("the cheapest offer is the one of the fewest dollars", () => {
  assert.equal(serverlessUsd(4.2, 30), 2.1);
  const pod = { name: "pod", usd: 2.69 };
  assert.equal(cheapest([{ name: "serverless", usd: 2.68 }, pod]), "serverless");
  assert.equal(cheapest([{ name: "serverless", usd: 2.7 }, pod]), "pod");
});
