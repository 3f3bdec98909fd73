/** What the panel says: states and figures as sentences. Pure, no DOM. */

const THIN = "\u202f";

/** Each step says something at least every two seconds; silence for so long is told. */
const SILENT_S = 10;
/** Of a question; mentor/prompts.py has the same. */
export const MOST_CHARS = 2_000;

/** The state of a turn, in the engine's own words, and how long nothing was heard.
 * @param {object} turn as kept by Transcript; ``heardS`` is when something came last
 * @param {object|null} engine EngineStatus of its host
 * @param {number} nowS seconds since 1970
 */
export function stateSentence(turn, engine, nowS) {
  return stepSentence(turn, engine, nowS) + silenceWords(turn, nowS);
}

/** Whether a turn's step has been silent for so long that it is said. */
export function isSilent({ state, heardS }, nowS) {
  return state === "open" && nowS - heardS >= SILENT_S;
}

function silenceWords(turn, nowS) {
  if (!isSilent(turn, nowS)) return "";
  const seconds = `${number(Math.floor(nowS - turn.heardS))}${THIN}s`;
  if (turn.live?.phase) return `; nothing was heard of it for ${seconds}`;
  return turn.course === null ? `, for ${seconds}` : `, for ${seconds}; what gets lost is sent again`;
}

function stepSentence(turn, engine, nowS) {
  if (turn.state === "stopped") return stoppedSentence(turn);
  if (turn.state === "failed") return "Failed";
  if (turn.state === "answered") return "";
  if (turn.course === null) return "Looking it up in the course";
  if (turn.isStopping) return "Stopping: waiting for the engine to say so";
  const live = turn.live ?? {};
  switch (live.phase) {
    case "engine_starting":
      return startingSentence(engine, nowS);
    case "waiting":
      return waitingSentence(live);
    case "prefill":
      return promptSentence(live);
    case "decode":
      return `Answering, ${count(live.num_output_tokens, "token")} so far`;
    case "accepted":
      return "An engine host has your question";
    default:
      return engine && engine.state !== "ready"
        ? startingSentence(engine, nowS)
        : "Handed over, no engine host has it yet";
  }
}

/**
 * "2nd of 5 waiting, about 12 s", "…, 5 to 40 s", "…, at most about 60 s": a forecast of the
 * engine host, never more exact.
 */
function waitingSentence({ place, num_waiting: all, ...wait }) {
  if (!place) return "Waiting";
  const where = `${ordinal(place)} of ${number(Math.max(place, all ?? 0))} waiting`;
  return `${where}, ${waitInWords(wait)}`;
}

function waitInWords({ least_wait_s: least, wait_s: most, is_wait_bound: isBound }) {
  if (most === null || most === undefined) return "how long is unknown";
  const seconds = `${number(most)}${THIN}s`;
  if (isBound) return `at most about ${seconds}`;
  return (least ?? most) < most ? `${number(least)} to ${seconds}` : `about ${seconds}`;
}

function ordinal(n) {
  const teen = n % 100 >= 11 && n % 100 <= 13;
  return `${number(n)}${teen ? "th" : (["th", "st", "nd", "rd"][n % 10] ?? "th")}`;
}

/** A status with its start on this browser's clock, which may be wrong by days.
 * @param {object|undefined} before the last one of this host  @param {number} nowS */
export function onOurClock(status, before, nowS) {
  const skewS = Math.min(before?.skewS ?? Infinity, nowS - status.updated_at);
  return { ...status, skewS, started_at: status.started_at && status.started_at + skewS };
}

/** "Engine starting: load weights, 12 s so far, about 8 s left". */
export function startingSentence(engine, nowS) {
  if (!engine) return "Engine starting";
  if (engine.state === "failed" || engine.state === "unavailable") {
    return `The engine does not start: ${engine.reason ?? "no reason was given"}`;
  }
  if (engine.state === "not answering") return engine.reason ?? "The engine does not answer";
  const parts = [];
  const running = (engine.phases ?? []).filter((phase) => phase.seconds === null);
  if (running.length) parts.push(running[running.length - 1].name);
  if (engine.started_at) {
    const elapsed = Math.max(0, Math.round(nowS - engine.started_at));
    parts.push(`${elapsed}${THIN}s so far`);
    const left = Math.round((engine.expected_start_s ?? 0) - elapsed);
    if (left > 0) parts.push(`about ${left}${THIN}s left (estimated)`);
  }
  const start = engine.state === "restarting" ? "Engine starting again" : "Engine starting";
  return parts.length ? `${start}: ${parts.join(", ")}` : start;
}

/** How far the engine's words may be trusted; beside their heading. */
export function checkSentence(turn) {
  if (turn.state === "open") return "as they are made, not checked yet";
  if (!turn.num_sentences) return "not checked";
  const { num_supported: supported, num_sentences: all } = turn;
  if (supported === all) return "checked: the course says so too";
  return `checked: ${number(supported)} of ${count(all, "sentence")} as the course says`;
}

/** Why a question is too long to be sent, as the server would say it; "" where it is not.
 * Longer ones would not even be read there. */
export function tooLongWords(question) {
  const length = [...question.trim()].length;
  if (length <= MOST_CHARS) return "";
  const [has, most] = [length, MOST_CHARS].map((one) => one.toLocaleString("en"));
  return `Your question has ${has} characters; at most ${most} are allowed.`;
}

/** What is said when an answer has ended. */
export function endSentence(turn) {
  if (!turn.answer) return turn.error;
  return `The engine’s words are complete. ${checkSentence(turn)}. ${turn.error}`.trim();
}

/** Why no block lights up although a question was asked; "" where one does. */
export function quietSentence(turn) {
  const kind = turn.course?.kind ?? "answer";
  if (kind === "answer") return "";
  if (kind === "talk") return "The engine was not asked, so no block lights up.";
  if (kind === "measured") {
    return turn.course.measured.is_seen
      ? "This was measured, not generated: no request was made for it, so no block lights up."
      : "";
  }
  const why =
    kind === "offer"
      ? "the course has several answers near this question"
      : "the course does not answer this question";
  return `The engine was not asked, so no block lights up: ${why}.`;
}

/** What stands before questions to choose from. */
export function offersLabel(kind) {
  if (kind === "offer") return "Did you mean";
  return kind === "near" ? "What it does say" : "You could ask";
}

/** What the lab showed, as plain text, with what it is; "" where it was not asked. */
export function measuredText({ course }) {
  const measured = course?.measured;
  return measured ? `${measured.sentences.join(" ")} (${measured.mark})` : "";
}

/** What the course says, as plain text. */
export function courseText({ course }) {
  if (!course) return "";
  const sentences = course.sentences.map(({ text }) => text);
  const offers = course.offers.map(({ question }) => question);
  return [course.words, ...sentences, ...offers].filter(Boolean).join(" ");
}

/** Both voices as plain text, each named. @param {string} words the engine's as shown */
export function copyText(turn, words) {
  const parts = [turn.question];
  const measured = measuredText(turn);
  if (measured) parts.push(`Seen in the lab: ${measured}`);
  if (turn.course && courseText(turn)) parts.push(`From the course: ${courseText(turn)}`);
  if (turn.answer) parts.push(`In the engine’s words (${checkSentence(turn)}): ${words}`);
  return parts.join("\n\n");
}

function promptSentence(live) {
  if (live.num_prompt_tokens === null) return "Reading the prompt";
  const cached = live.num_cached_tokens
    ? `, ${number(live.num_cached_tokens)} of them from the prefix cache`
    : "";
  return `Reading the prompt, ${count(live.num_prompt_tokens, "token")}${cached}`;
}

function stoppedSentence(turn) {
  const measured = turn.measured;
  if (!measured) return "Stopped";
  const after = `Stopped after ${count(measured.num_output_tokens, "token")}`;
  if (!measured.num_blocks) return `${after}: it held no blocks`;
  return `${after}: its ${count(measured.num_blocks, "block")} were given back`;
}

/** Earlier turns that the model no longer sees; empty when it sees all. */
export function droppedSentence(turn) {
  const dropped = turn.num_turns_dropped;
  if (!dropped) return "";
  const which =
    dropped === 1 ? "One earlier answer no longer fits" : `${dropped} earlier answers no longer fit`;
  return (
    `${which} the model's context of ${number(turn.context_tokens)} tokens: ` +
    "the mentor answers without the oldest."
  );
}

/** [[name, value, explanation]] of a finished turn; unknown values say so. */
export function figures(measured) {
  if (!measured) return [];
  const m = measured;
  return [
    ["TTFT", duration(m.ttft_s), "from arrival at the engine to the first token"],
    ["decode speed", rate(m.output_tokens_per_s), "after the first token"],
    [
      "from the prefix cache",
      `${number(m.num_cached_tokens)} of ${number(m.num_prompt_tokens)} prompt tokens`,
      "prompt tokens whose KV was not computed again",
    ],
    [
      "blocks",
      m.num_blocks_shared
        ? `${number(m.num_blocks)}, ${number(m.num_blocks_shared)} cached before`
        : number(m.num_blocks),
      "physical blocks in its table, at most",
    ],
    [
      "block-seconds",
      m.block_seconds === null || m.block_seconds === undefined
        ? "unknown"
        : m.block_seconds.toPrecision(3),
      "blocks in its table, added up over the seconds it held them; a shared block counts whole",
    ],
    ["answer", count(m.num_output_tokens, "token"), "generated"],
  ];
}

/** What the answer would have cost on a rented card; "" before it was measured.
 * @param {{id, name, price, doubts}|null} card */
export function costSentence(measured, card) {
  if (!measured || !card) return "";
  const cost = measured.costs?.[card.id];
  if (!cost) return "What it would have cost is unknown: no catalogued model, or no token.";
  const [low, likely, high] = cost.map((usd) => dollars(usd * 1e6));
  return [
    `On one ${card.name}: about ${likely} for a million such answers,`,
    `${low} to ${high} (estimated).`,
    `${card.price}. ${card.doubts}`,
  ]
    .join(" ")
    .trim();
}

function dollars(usd) {
  return `$${Number(usd.toPrecision(2)).toLocaleString("en")}`;
}

/** "measured · SmolLM2 on CPU engine · 23 Nov 2026, 18:02:10"; a failed turn also
 * says under which id the logs have it. */
export function sourceLine({ state, measured, log_id: logId }) {
  const parts = measured ? measuredParts(measured) : [];
  if (state === "failed") parts.push(`log id ${logId}`);
  return parts.filter(Boolean).join(" · ");
}

function measuredParts(measured) {
  const parts = [measured.is_recorded ? "recorded" : "measured", measured.engine];
  const when = new Date(measured.measured_at);
  if (!Number.isNaN(when.getTime())) {
    parts.push(when.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" }));
  }
  if (measured.finish_reason === "length") parts.push("cut at the longest answer allowed");
  return parts;
}

/** "412 ms", "1.52 s", "unknown". */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "unknown";
  if (seconds < 1) return `${Math.round(seconds * 1000)}${THIN}ms`;
  return `${seconds.toFixed(2)}${THIN}s`;
}

function rate(perSecond) {
  if (perSecond === null || perSecond === undefined) return "unknown";
  return `${perSecond.toFixed(1)}${THIN}tokens/s`;
}

function number(value) {
  return value === null || value === undefined ? "unknown" : value.toLocaleString("en");
}

function count(value, noun) {
  return `${number(value)}${THIN}${noun}${value === 1 ? "" : "s"}`;
}
