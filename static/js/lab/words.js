/**
 * Words: what the instrument says, as sentences. Pure.
 *
 * The voice of the engine is the same everywhere: starting (phase, seconds) · ready ·
 * waiting (place) · reading the prompt · answering · stopped · failed (why).
 */

import { Finish, RequestState } from "./frame.js";

const THIN = "\u202f";

/** 46592 as "46,592". */
export function count(number) {
  return number.toLocaleString("en-US", { maximumFractionDigits: 0 });
}

/** "1 block", "2 blocks". */
export function plural(number, word) {
  return `${count(number)} ${word}${number === 1 ? "" : "s"}`;
}

/** Seconds with a unit; milliseconds below one. */
export function seconds(value) {
  if (value === null || value === undefined) return "unknown";
  if (value < 0.9995) return `${Math.round(value * 1000)}${THIN}ms`;
  return `${value.toFixed(value < 10 ? 2 : 1)}${THIN}s`;
}

/** Bytes in the unit that fits: MiB or GiB. */
export function bytes(value) {
  if (value === null || value === undefined) return "unknown";
  const gib = value / 2 ** 30;
  if (gib >= 1) return `${gib.toFixed(gib < 10 ? 2 : 1)}${THIN}GiB`;
  return `${Math.round(value / 2 ** 20)}${THIN}MiB`;
}

/** The short name of a request: 2623 is "a3f". */
export function requestName(shortId) {
  return shortId.toString(16).padStart(3, "0");
}

/** What a live request is doing; place: in the waiting queue, from 1. */
export function requestWords(request, place) {
  switch (request.state) {
    case RequestState.WAITING:
      return `waiting (${place || "?"})`;
    case RequestState.PREEMPTED:
      return `preempted, waiting (${place || "?"})`;
    case RequestState.FINISHED:
      return finishWords(request.finish);
    default:
      return request.numComputedTokens < request.numPromptTokens
        ? "reading the prompt"
        : "answering";
  }
}

/** How a request ended. */
export function finishWords(finish) {
  const words = {
    [Finish.STOPPED]: "finished",
    [Finish.LENGTH]: "finished (length)",
    [Finish.ABORTED]: "stopped",
    [Finish.ERROR]: "failed",
    [Finish.REPETITION]: "finished (repetition)",
  };
  return words[finish] ?? "finished";
}

/**
 * The tag of one block: "block 417 · request a3f · logical 6 · 21 of 32 tokens · ref 2",
 * and of the learner's own its words.
 */
export function blockWords(pool, blockId, isYours = () => false, textOf = () => "") {
  const state = pool.stateOf(blockId);
  if (state === "null") return `block ${blockId} · null block, never handed out`;
  const owners = pool.ownersOf(blockId);
  const parts = [`block ${blockId}`, state];
  for (const owner of owners.slice(0, 3)) {
    const mark = isYours(owner.shortId) ? " (yours)" : "";
    parts.push(
      `request ${requestName(owner.shortId)}${mark}, logical ${owner.logicalIndex}`,
    );
  }
  if (owners.length > 3) parts.push(`and ${owners.length - 3} more`);
  if (state !== "free") {
    parts.push(
      pool.holdsState(blockId)
        ? "holds a state, not tokens"
        : `${pool.fillOf(blockId)} of ${pool.sizeOf(blockId)} tokens`,
    );
  }
  parts.push(`ref ${pool.refCnt[blockId]}`);
  const own = pool.holdsState(blockId) ? null : owners.find((one) => isYours(one.shortId));
  const text = own ? textOf(own.shortId, own.logicalIndex, pool.sizeOf(blockId)) : "";
  if (text) parts.push(`“${text.replaceAll("\n", "↵")}”`);
  return parts.join(" · ");
}

/** The state of an engine host in a few words; nowS: time on the host's clock. */
export function engineWords(status, nowS) {
  if (!status) return "no engine answers";
  switch (status.state) {
    case "starting":
    case "restarting": {
      const rows = phaseRows(status, nowS);
      const phase = rows.find((row) => row.isRunning)?.name;
      const since = status.started_at ? Math.max(0, nowS - status.started_at) : null;
      const parts = [phase, since === null ? null : `${Math.round(since)}${THIN}s`];
      const inside = parts.filter(Boolean).join(", ");
      const verb = status.state === "starting" ? "starting" : "starting again";
      return inside ? `${verb} (${inside})` : verb;
    }
    case "failed":
      return "failed";
    case "unavailable":
      return "cannot run here";
    default:
      return status.state;
  }
}

/** Phases of an engine's start: {name, seconds, isRunning}; a running one counts on. */
export function phaseRows(status, nowS) {
  return (status.phases ?? []).map(({ name, started_s, seconds: lasted }) => {
    const isRunning = lasted === null || lasted === undefined;
    const passed = nowS - (status.started_at ?? nowS) - started_s;
    return { name, isRunning, seconds: isRunning ? Math.max(0, passed) : lasted };
  });
}

/** About how much longer a start takes, from the last one here; "" when unknown. */
export function startForecast(status, nowS) {
  if (!status?.expected_start_s || !status.started_at) return "";
  const left = status.expected_start_s - (nowS - status.started_at);
  return left > 1
    ? `about ${Math.round(left)}${THIN}s left, as the last start took ` +
        `${Math.round(status.expected_start_s)}${THIN}s`
    : `longer than the last start, which took ${Math.round(status.expected_start_s)}${THIN}s`;
}

/** One sentence on the pool. */
export function poolSentence(pool) {
  const { free, cached, used, shared } = pool.totals;
  const sizes = pool.groups.length > 1
    ? ` for ${pool.groups.length} KV-cache groups` : ` of ${pool.blockSize} tokens`;
  return (
    `The pool has ${plural(pool.numBlocks, "block")}${sizes}: ` +
    `${count(used)} used, ${count(shared)} shared, ${count(cached)} cached, ` +
    `${count(free)} free, and the null block.`
  );
}

/** One sentence on the requests in the engine. */
export function requestsSentence(pool) {
  const { numRunning = 0, numWaiting = 0 } = pool.counters ?? {};
  if (numRunning + numWaiting === 0) return "No request is in the engine.";
  return `${plural(numRunning, "request")} running, ${count(numWaiting)} waiting.`;
}

/** One sentence on one request, for the text view. */
export function requestSentence(pool, request, yoursLabel) {
  const place = pool.waiting.indexOf(request.shortId) + 1;
  const whose = yoursLabel === undefined ? "" : ` (yours${yoursLabel && `: ${yoursLabel}`})`;
  const ids = pool.blocksOf(request);
  const shown = ids.slice(0, 24).join(", ") + (ids.length > 24 ? ", …" : "");
  const blocks = ids.length
    ? ` in ${plural(ids.length, "block")}: ${shown}.`
    : ", no blocks.";
  return (
    `Request ${requestName(request.shortId)}${whose}, ` +
    `${requestWords(request, place)}: ${plural(request.numComputedTokens, "token")} computed, ` +
    `prompt of ${count(request.numPromptTokens)}, ${count(request.numCachedTokens)} from ` +
    `the prefix cache${blocks}`
  );
}

/**
 * What a demonstration showed, from measured numbers.
 * @param {object} end   the "demo.end" message: figures of the RequestReports
 * @param {object} seen  of the frames meanwhile: {maxRunning, maxWaiting, evictions,
 *   preemptions}, null where unknown
 */
export function demoOutcome(end, seen) {
  const told = {
    twice: outcomeOfTwice,
    eight: outcomeOfEight,
    batch: outcomeOfBatch,
    overflow: outcomeOfOverflow,
  };
  const words = end.requests.length ? told[end.name]?.(end, seen) : null;
  return [words ?? "Nothing was measured.", end.trouble].filter(Boolean).join(" ");
}

function outcomeOfTwice({ requests }) {
  const [first, second] = requests;
  if (!second || first.ttft_s === null || second.ttft_s === null) return null;
  return (
    `Measured: the first took ${count(first.num_cached_tokens)} of its ` +
    `${count(first.num_prompt_tokens)} prompt tokens from the cache, the second ` +
    `${count(second.num_cached_tokens)} of ${count(second.num_prompt_tokens)} ` +
    `(${plural(second.num_blocks_shared, "block")}). First token after ` +
    `${seconds(first.ttft_s)}, then after ${seconds(second.ttft_s)}.`
  );
}

function outcomeOfEight({ requests }, seen) {
  const times = requests.map((one) => one.e2el_s).filter((s) => s !== null);
  if (!times.length) return null;
  return (
    `Measured: up to ${plural(seen.maxRunning, "request")} shared one step. The first ` +
    `left after ${seconds(Math.min(...times))}, the last after ` +
    `${seconds(Math.max(...times))}, ` +
    `${count(requests.reduce((sum, one) => sum + one.num_output_tokens, 0))} tokens in all.`
  );
}

function outcomeOfBatch({ waves }) {
  const [first, last] = [waves[0], waves.at(-1)];
  if (waves.length < 2 || !first.tokens_per_s || !last.tokens_per_s) return null;
  return (
    `Measured: ${plural(last.num_requests, "request")} at once gave ` +
    `${(last.tokens_per_s / first.tokens_per_s).toFixed(1)} times the tokens a second of ` +
    `one alone, and each waited ${seconds(last.itl_s)} for a token instead of ` +
    `${seconds(first.itl_s)}.`
  );
}

/** The cells of each wave of requests, for a small table. */
export function waveRows(waves) {
  return waves.map((wave) => [
    count(wave.num_requests),
    seconds(wave.ttft_s),
    seconds(wave.itl_s),
    wave.tokens_per_s === null ? "unknown" : count(Math.round(wave.tokens_per_s)),
  ]);
}

function outcomeOfOverflow(end, seen) {
  const preemptions = end.requests.reduce((sum, one) => sum + one.num_preemptions, 0);
  return (
    `Measured: of ${plural(end.requests.length, "request")} up to ` +
    `${count(Math.max(end.max_waiting, seen.maxWaiting))} waited at once; ` +
    `${plural(preemptions, "preemption")}, and ${plural(seen.evictions, "cached block")} ` +
    "evicted."
  );
}
