import assert from "node:assert/strict";
import { test } from "node:test";

import {
  costSentence,
  droppedSentence,
  duration,
  figures,
  sourceLine,
  MOST_CHARS,
  onOurClock,
  startingSentence,
  tooLongWords,
  stateSentence,
} from "../../static/js/mentor/words.js";

const plain = (text) => text.replaceAll("\u202f", " ");
const open = (live, more = {}) => ({ state: "open", live, ...more });
const measured = {
  engine: "SmolLM2 on CPU engine",
  measured_at: "2026-11-23T18:00:00+00:00",
  finish_reason: "stop",
  ttft_s: 0.4123,
  output_tokens_per_s: 41.26,
  num_prompt_tokens: 1512,
  num_cached_tokens: 1024,
  num_output_tokens: 1,
  num_blocks: 48,
  num_blocks_shared: 32,
  block_seconds: 61.234,
};

test("each state of a turn has its words", () => {
  const said = (turn, engine = null) => plain(stateSentence(turn, engine, 112));
  assert.equal(said(open(undefined)), "Handed over, no engine host has it yet");
  assert.equal(said(open({ phase: "accepted" })), "An engine host has your question");
  const waits = { phase: "waiting", place: 3, num_waiting: 5, wait_s: 12, is_wait_bound: false };
  assert.equal(said(open(waits)), "3rd of 5 waiting, about 12 s");
  assert.equal(said(open({ ...waits, least_wait_s: 12 })), "3rd of 5 waiting, about 12 s");
  assert.equal(
    said(open({ ...waits, least_wait_s: 4, wait_s: 35 })),
    "3rd of 5 waiting, 4 to 35 s",
  );
  assert.equal(
    said(open({ ...waits, place: 22, num_waiting: 21, is_wait_bound: true })),
    "22nd of 22 waiting, at most about 12 s",
  );
  assert.equal(
    said(open({ ...waits, place: 11, num_waiting: 12, wait_s: null })),
    "11th of 12 waiting, how long is unknown",
  );
  assert.equal(
    said(open({ phase: "prefill", num_prompt_tokens: 1512, num_cached_tokens: 1024 })),
    "Reading the prompt, 1,512 tokens, 1,024 of them from the prefix cache",
  );
  assert.equal(
    said(open({ phase: "prefill", num_prompt_tokens: null })),
    "Reading the prompt",
  );
  assert.equal(said(open({ phase: "decode", num_output_tokens: 1 })), "Answering, 1 token so far");
  assert.match(said(open({ phase: "decode" }, { isStopping: true })), /^Stopping/);
  assert.equal(said({ state: "answered" }), "");
  assert.equal(said({ state: "failed" }), "Failed");
});

test("a stopped answer says what it gave back", () => {
  const stopped = { state: "stopped", measured };
  assert.equal(
    plain(stateSentence(stopped, null, 0)),
    "Stopped after 1 token: its 48 blocks were given back",
  );
  const early = { state: "stopped", measured: { ...measured, num_output_tokens: 0, num_blocks: 0 } };
  assert.equal(
    plain(stateSentence(early, null, 0)),
    "Stopped after 0 tokens: it held no blocks",
  );
});

test("a starting engine shows its phase, its seconds and an estimate of the rest", () => {
  const engine = {
    state: "starting",
    started_at: 100,
    expected_start_s: 20,
    phases: [
      { name: "import", started_s: 0, seconds: 6 },
      { name: "load weights", started_s: 6, seconds: null },
    ],
  };
  const said = plain(startingSentence(engine, 112));
  assert.equal(said, "Engine starting: load weights, 12 s so far, about 8 s left (estimated)");
  assert.equal(plain(startingSentence({ ...engine, phases: [] }, 130)), "Engine starting: 30 s so far");
  assert.equal(startingSentence({ state: "restarting" }, 0), "Engine starting again");
  assert.match(startingSentence({ state: "failed", reason: "No memory." }, 0), /No memory\./);
});

test("a turn that no host has yet shows why when the engine is not ready", () => {
  assert.match(stateSentence(open(undefined), { state: "starting" }, 0), /^Engine starting/);
});

test("figures have units, and what is not known is said to be unknown", () => {
  const values = Object.fromEntries(figures(measured).map(([name, value]) => [name, plain(value)]));
  assert.deepEqual(values, {
    TTFT: "412 ms",
    "decode speed": "41.3 tokens/s",
    "from the prefix cache": "1,024 of 1,512 prompt tokens",
    blocks: "48, 32 cached before",
    "block-seconds": "61.2",
    answer: "1 token",
  });
  const unknown = figures({ ...measured, ttft_s: null, output_tokens_per_s: null });
  assert.equal(unknown[0][1], "unknown");
  assert.equal(unknown[1][1], "unknown");
  assert.deepEqual(figures(null), []);
  assert.equal(plain(duration(1.5)), "1.50 s");
});

test("what an answer would have cost names the card, its price and every doubt", () => {
  const card = { id: "l4", name: "L4", price: "$0.70 an hour, here, 2026", doubts: "Old." };
  const costs = { l4: [1.59e-5, 2.12e-5, 2.65e-5] };
  assert.equal(
    costSentence({ ...measured, costs }, card),
    "On one L4: about $21 for a million such answers, $16 to $27 (estimated). " +
      "$0.70 an hour, here, 2026. Old.",
  );
  assert.match(costSentence({ ...measured, costs: null }, card), /unknown/);
  assert.match(costSentence({ ...measured, costs }, { ...card, id: "b200" }), /unknown/);
  assert.equal(costSentence(null, card), "");
  assert.equal(costSentence({ ...measured, costs }, null), "");
});

test("the source says measured, where and when", () => {
  const source = (more) => sourceLine({ state: "answered", measured: { ...measured, ...more } });
  assert.match(source({}), /^measured · SmolLM2 on CPU engine · 23 Nov 2026, \d\d:00:00$/);
  assert.match(source({ is_recorded: true }), /^recorded/);
  assert.match(source({ finish_reason: "length" }), /cut at the longest/);
});

test("a failed turn names its id in the logs", () => {
  const failed = { state: "failed", measured: null, log_id: "a3f" };
  assert.equal(sourceLine(failed), "log id a3f");
  assert.equal(sourceLine({ state: "open", measured: null, log_id: "a3f" }), "");
});

test("what no longer fits is said with its number", () => {
  assert.equal(droppedSentence({ num_turns_dropped: 0 }), "");
  assert.match(
    plain(droppedSentence({ num_turns_dropped: 1, context_tokens: 2048 })),
    /^One earlier answer no longer fits .* 2,048 tokens/,
  );
  assert.match(droppedSentence({ num_turns_dropped: 3, context_tokens: 1 }), /^3 earlier answers/);
});

test("a step that is silent says for how long, and which it is", () => {
  const said = (turn) => plain(stateSentence(turn, null, 112));
  const course = { kind: "answer" };
  assert.equal(said(open(undefined, { course: null, heardS: 103 })), "Looking it up in the course");
  assert.equal(
    said(open(undefined, { course: null, heardS: 100 })),
    "Looking it up in the course, for 12 s",
  );
  assert.equal(
    said(open(undefined, { course, heardS: 100 })),
    "Handed over, no engine host has it yet, for 12 s; what gets lost is sent again",
  );
  assert.equal(
    said(open({ phase: "decode", num_output_tokens: 7 }, { course, heardS: 90 })),
    "Answering, 7 tokens so far; nothing was heard of it for 22 s",
  );
  assert.equal(said({ state: "failed", heardS: 1 }), "Failed");
  const reason = "The engine has not answered for 10 s.";
  assert.equal(startingSentence({ state: "not answering", reason }, 0), reason);
});

test("an engine's start is told on a browser's clock that is wrong by a day", () => {
  const day = 86_400;
  const told = { state: "starting", started_at: 100, updated_at: 112 };
  const first = onOurClock(told, undefined, day + 112);
  assert.equal(plain(startingSentence(first, day + 113)), "Engine starting: 13 s so far");
  const late = onOurClock({ ...told, updated_at: 114 }, first, day + 117);
  assert.equal(plain(startingSentence(late, day + 117)), "Engine starting: 17 s so far");
});

test("a question that the server would not take is told so before it is sent", async () => {
  assert.equal(tooLongWords(`  ${"👩".repeat(MOST_CHARS)}  `), "", "characters, not halves of them");
  assert.equal(
    tooLongWords("x".repeat(20_000)),
    "Your question has 20,000 characters; at most 2,000 are allowed.",
  );
  const { readFile } = await import("node:fs/promises");
  const server = await readFile(new URL("../../mentor/prompts.py", import.meta.url), "utf8");
  assert.match(server, new RegExp(`MAX_QUESTION_CHARS = ${MOST_CHARS / 1_000}_000\\b`));
});
