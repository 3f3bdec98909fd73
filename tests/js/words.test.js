import assert from "node:assert/strict";
import { test } from "node:test";

import { roundUp } from "../../static/js/lab/charts.js";
import { Engines } from "../../static/js/lab/engines.js";
import { noDemoWords, randomWords, readsOnlyWords, recordedWords } from "../../static/js/lab/header.js";
import { cardCells, cardsSentence, memoryRows, memorySentence, partsOf } from "../../static/js/lab/memory.js";
import { whenWords } from "../../static/js/lab/time.js";
import * as words from "../../static/js/lab/words.js";
import { Yours } from "../../static/js/lab/yours.js";
import { firstPool } from "./golden.js";

const THIN = "\u202f";
const status = {
  engine_host_id: "one", state: "starting", updated_at: 1000, started_at: 990,
  expected_start_s: 25, engine_run: 1,
  phases: [
    { name: "import vLLM", started_s: 0, seconds: 6.2 },
    { name: "load weights", started_s: 6.2, seconds: null },
  ],
};

test("a block's tag names owner, logical index, fill and references", () => {
  const pool = firstPool(({ totals }) => totals.used > 3);
  const id = pool.stateCodes.indexOf(3);
  const [{ shortId, logicalIndex }] = pool.ownersOf(id);
  assert.equal(
    words.blockWords(pool, id, (one) => one === shortId),
    `block ${id} · used · request ${words.requestName(shortId)} (yours), logical ` +
      `${logicalIndex} · ${pool.fillOf(id)} of ${pool.blockSize} tokens · ref 1`,
  );
  assert.match(words.blockWords(pool, 0), /null block/);
});

test("an own block's tag ends with its words, another's has none", () => {
  const pool = firstPool(({ totals }) => totals.used > 3);
  const id = pool.stateCodes.indexOf(3);
  const [{ shortId, logicalIndex }] = pool.ownersOf(id);
  const textOf = (one, index) =>
    one === shortId && index === logicalIndex ? "Why is it\nslow?" : "not of this block";
  const isMine = (one) => one === shortId;
  assert.match(words.blockWords(pool, id, isMine, textOf), / · ref 1 · “Why is it↵slow\?”$/);
  assert.match(words.blockWords(pool, id, () => false, textOf), / · ref 1$/);
  assert.match(words.blockWords(pool, id, isMine, () => ""), / · ref 1$/);
});

test("a starting engine says its phase and its seconds", () => {
  assert.equal(words.engineWords(status, 1002), `starting (load weights, 12${THIN}s)`);
  assert.deepEqual(words.phaseRows(status, 1000)[1], {
    name: "load weights", isRunning: true, seconds: 1000 - 990 - 6.2,
  });
  assert.match(words.startForecast(status, 1000), /about 15.s left/);
  assert.match(words.startForecast(status, 1020), /longer than the last start/);
  assert.equal(words.engineWords(null, 0), "no engine answers");
  assert.equal(words.engineWords({ ...status, state: "ready" }, 0), "ready");
});

test("what is not known is said to be unknown", () => {
  assert.equal(words.seconds(null), "unknown");
  assert.equal(words.bytes(undefined), "unknown");
  assert.equal(words.seconds(0.042), `42${THIN}ms`);
  assert.equal(words.bytes(3 * 2 ** 29), `1.50${THIN}GiB`);
});

test("a request waits, reads the prompt, answers, ends", () => {
  const request = { state: 0, finish: 0, numComputedTokens: 0, numPromptTokens: 10 };
  assert.equal(words.requestWords(request, 3), "waiting (3)");
  assert.equal(words.requestWords({ ...request, state: 1 }, 0), "reading the prompt");
  assert.equal(words.requestWords({ ...request, state: 1, numComputedTokens: 10 }, 0), "answering");
  assert.equal(words.requestWords({ ...request, state: 2 }, 1), "preempted, waiting (1)");
  assert.equal(words.requestWords({ ...request, state: 3, finish: 3 }, 0), "stopped");
  assert.equal(words.requestName(2623), "a3f");
});

test("a demonstration ends with what was measured", () => {
  const one = {
    num_prompt_tokens: 240, num_cached_tokens: 0, num_output_tokens: 32, ttft_s: 0.4,
    num_blocks_shared: 0, num_preemptions: 1, e2el_s: 2,
  };
  const two = { ...one, num_cached_tokens: 224, num_blocks_shared: 7, ttft_s: 0.05 };
  const end = { requests: [one, two], max_waiting: 3, trouble: null };
  const seen = { maxRunning: 2, maxWaiting: 5, evictions: 12 };
  assert.match(words.demoOutcome({ ...end, name: "twice" }, seen), /second 224 of 240 \(7 blocks\)/);
  assert.match(words.demoOutcome({ ...end, name: "eight" }, seen), /2 requests shared one step/);
  assert.match(
    words.demoOutcome({ ...end, name: "overflow" }, seen),
    /up to 5 waited at once; 2 preemptions, and 12 cached blocks evicted/,
  );
  const waves = [
    { num_requests: 1, ttft_s: 0.06, itl_s: 0.025, tokens_per_s: 36 },
    { num_requests: 30, ttft_s: 0.9, itl_s: 0.07, tokens_per_s: 300 },
  ];
  assert.match(
    words.demoOutcome({ ...end, name: "batch", waves }, seen),
    new RegExp(`30 requests at once gave 8.3 times .* 70${THIN}ms for a token instead of 25`),
  );
  assert.deepEqual(words.waveRows([{ ...waves[1], ttft_s: null, tokens_per_s: null }]), [
    ["30", "unknown", `70${THIN}ms`, "unknown"],
  ]);
  const nothing = { name: "eight", requests: [], max_waiting: 0, trouble: "A limit." };
  assert.equal(words.demoOutcome(nothing, seen), "Nothing was measured. A limit.");
  const failed = { ...one, ttft_s: null, e2el_s: null };
  for (const name of ["twice", "eight"]) {
    const end = { name, requests: [failed, failed], max_waiting: 0, trouble: "It died." };
    assert.equal(words.demoOutcome(end, seen), "Nothing was measured. It died.");
  }
});

test("a recording is labelled with machine, model, versions and date", () => {
  const label = recordedWords({
    machine: "2 cores", device: "CPU engine", model: "smollm2",
    versions: { vllm: "0.32.0" }, date: "2026-01-02T03:04:05+00:00",
  });
  assert.equal(label, "recorded · 2 cores · CPU engine · smollm2 · vllm 0.32.0 · 2026-01-02");
});

test("where in time we are, in words", () => {
  const span = { startMs: 0, endMs: 60_000, atMs: 47_600 };
  assert.equal(whenWords("live", span), "live");
  assert.equal(whenWords("past", span), `−12.4${THIN}s`);
  assert.equal(whenWords("recorded", span), `47.6 of 60.0${THIN}s`);
});

test("memory is drawn to scale, with the gap and what is free", () => {
  const gpu = {
    is_gpu: true, device: "H100", total_bytes: 100, used_bytes: 80, weights_bytes: 20,
    kv_cache_bytes: 40, graphs_bytes: 5, activations_bytes: 10, non_torch_bytes: 0,
    at_start_bytes: 4, gap_bytes: 5, utilisation_pct: 55, power_w: null, temperature_c: 40,
  };
  const shares = Object.fromEntries(partsOf(gpu).map(({ name, share }) => [name, share]));
  assert.deepEqual(shares, {
    weights: 0.2, kv: 0.4, graphs: 0.05, activations: 0.1, gap: 0.05, free: 0.2,
  });
  const rows = Object.fromEntries(memoryRows(gpu).map((row) => row.slice(0, 2)));
  assert.equal(rows.power, "unknown");
  assert.equal(rows.utilisation, `55${THIN}%`);
  const cpu = memoryRows({ ...gpu, is_gpu: false }).map((row) => row[0]);
  assert.ok("CUDA graphs" in rows && !cpu.includes("CUDA graphs"));
  assert.ok(!cpu.some((words) => words.startsWith("of the gap")));
  assert.match(memorySentence({ ...gpu, is_gpu: false }), /^CPU engine: there is no GPU/);
});

test("a sample that knows only the used bytes shows them and what is free", () => {
  const parts = partsOf({ total_bytes: 100, used_bytes: 30 });
  assert.deepEqual(parts.map(({ name, share }) => [name, share]), [["others", 0.3], ["free", 0.7]]);
});

test("a silent host leaves the list with the next hello", () => {
  const engines = new Engines();
  engines.greet({ hosts: [status, { ...status, engine_host_id: "two", state: "ready" }], trouble: null }, 0);
  assert.equal(engines.statusOf(null).engine_host_id, "two");
  assert.equal(engines.isHopeless, false);
  engines.greet({ hosts: [{ ...status, state: "failed" }], trouble: "Redis is away." }, 0);
  assert.equal(engines.statusOf("two").engine_host_id, "one");
  assert.equal(engines.isHopeless, true);
  assert.equal(engines.trouble, "Redis is away.");
});

test("a host that went is told of for a minute, and no longer chosen", () => {
  const engines = new Engines();
  const two = { ...status, engine_host_id: "two", state: "ready" };
  engines.greet({ hosts: [status, two], trouble: null }, 0);
  engines.chosen = "two";
  assert.deepEqual(engines.gone(0), []);
  engines.greet({ hosts: [status], trouble: null }, 1_000);
  assert.deepEqual(engines.gone(61_000), ["two"]);
  assert.equal(engines.chosen, null);
  assert.deepEqual(engines.gone(61_001), []);
  engines.greet({ hosts: [status, two], trouble: null }, 70_000);
  engines.greet({ hosts: [status], trouble: null }, 80_000);
  engines.note(two, 81_000);
  assert.deepEqual(engines.gone(81_000), [], "it is back");
});

test("a new run of a host is noticed, and its clock is allowed for", () => {
  const engines = new Engines();
  assert.equal(engines.note(status, 1_005_000), false);
  assert.equal(engines.hostNowS(status, 1_006_000), 1001);
  assert.equal(engines.note({ ...status, engine_run: 2 }, 1_006_000), true);
});

test("yours are kept by host, the newest of them, and forgotten with its run", () => {
  const yours = new Yours();
  yours.add("one", 7, "Send it twice");
  assert.equal(yours.of("one").get(7), "Send it twice");
  assert.equal(yours.of("two").size, 0);
  for (let id = 8; id < 8 + 256; id++) yours.add("one", id);
  assert.deepEqual([yours.of("one").size, yours.of("one").has(7)], [256, false]);
  yours.forget("one");
  assert.equal(yours.of("one").size, 0);
});

test("axes end at round numbers", () => {
  assert.deepEqual([0, 1, 3, 17, 20, 51, 700].map(roundUp), [1, 1, 5, 20, 20, 100, 1000]);
});

test("an engine with random weights says that its text means nothing", () => {
  const shape = { ...status, model: "llama-3.1-8b", has_random_weights: true };
  assert.match(randomWords(shape), /shape of llama-3.1-8b: blocks.* real, the text means nothing/);
  assert.equal(randomWords(status), "");
  assert.equal(randomWords(null), "");
  assert.match(readsOnlyWords({ reads_only: true }), /sends it nothing/);
  assert.match(readsOnlyWords({ by_address: true }), /blocks are not seen/);
  assert.equal(readsOnlyWords({}), "");
  assert.match(noDemoWords({ reads_only: true }), /no demonstration/);
  assert.match(noDemoWords({ by_address: true }), /no demonstration/);
  assert.equal(noDemoWords({}) + noDemoWords(null), "");
});

test("every card says what NVML tells of it, and what it does not is unknown", () => {
  const card = {
    rank: 1, used_bytes: 2 ** 30, total_bytes: 2 ** 31, utilisation_pct: 87, power_w: null,
    temperature_c: 56, pcie_sent_bytes_per_s: 2 ** 20, pcie_received_bytes_per_s: null,
    nvlink_sent_bytes_per_s: null, nvlink_received_bytes_per_s: null,
  };
  const cells = cardCells(card);
  assert.equal(cells[0], "rank 1");
  assert.equal(cells[3], "unknown");
  assert.match(cells[5], /\/s out, unknown in$/);
  assert.equal(cardsSentence([card]), "");
  assert.match(cardsSentence([card, card]), /^2 cards, one rank each/);
});
