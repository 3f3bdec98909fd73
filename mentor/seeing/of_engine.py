"""Answers about the engine as a whole: its batch, its pace, its settings."""

import time

from lab.messages import EngineStatus
from mentor.seeing.sight import (
    Said,
    Sight,
    capital,
    count,
    is_are,
    mib,
    names,
    percent,
    plural,
    seconds,
)

SHORT_S = 10.0
"""The pace is that of the last ten seconds."""


def hit_rate(seen: Sight) -> Said:
    """In tokens, as vLLM counts."""
    hits, queries = seen.state.prefix_hit_tokens, seen.state.prefix_query_tokens
    if not queries:
        return Said(["No prompt was looked up in the prefix cache since the start."])
    return Said(
        [
            f"The hit rate of the prefix cache is {percent(hits, queries)} so far: "
            f"{count(hits)} of {count(queries)} prompt tokens since this engine "
            "started came from it."
        ]
    )


def geometry(seen: Sight) -> Said:
    """Blocks, tokens, bytes."""
    state, size = seen.state, seen.state.block_size
    facts = [
        f"A block of this engine holds {size} tokens; it has {count(state.num_blocks)} "
        f"blocks, {count(seen.num_usable)} without the null block.",
        f"Together they hold {count(seen.num_usable * size)} tokens.",
    ]
    given = seen.status.kv_cache_bytes
    if given:
        facts.append(f"The operator gave the KV cache {mib(given)}.")
    return Said(facts)


def engine(seen: Sight) -> Said:
    """As the host told of itself."""
    status = seen.status
    vllm = status.versions.get("vllm")
    parts = [
        f"This is {status.model_in_words or 'a model without a name'}",
        f"served by vLLM {vllm}" if vllm else "served by vLLM, its version unknown",
        f"on the {status.device}" if status.device else "on an unknown device",
        f"at host {status.engine_host_id}",
    ]
    facts = [f"{', '.join(parts)}."]
    if status.machine:
        facts.append(f"The machine is {status.machine}.")
    deep = [f"Weights are {status.dtype}."] if status.dtype else []
    rest = [f"{name} {version}" for name, version in status.versions.items()]
    return Said(facts, [*deep, f"Versions: {', '.join(rest)}."] if rest else deep)


def limits(seen: Sight) -> Said:
    """Settings, those that the host told."""
    status = seen.status
    rows = [
        ("requests at once", status.max_concurrent_requests),
        ("tokens of context", status.max_model_len),
        ("tokens of an answer", status.max_output_tokens),
        ("tokens in one step", status.max_num_batched_tokens),
    ]
    known = [f"{count(value)} {what}" for what, value in rows if value]
    unknown = [what for what, value in rows if not value]
    facts = [f"At most: {', '.join(known)}."] if known else []
    if unknown:
        facts.append(f"The host does not say: {', '.join(unknown)}.")
    return Said(facts)


def ready(seen: Sight) -> Said:
    """The state, and who uses it."""
    status, state = seen.status, seen.state
    running, waiting = len(state.running), len(state.waiting)
    load = f"{plural(running, 'request')} running, {count(waiting)} waiting"
    return Said(
        [f"The engine on host {status.engine_host_id} is {status.state}: {load}."]
    )


def start_time(seen: Sight) -> Said:
    """The cold start's phases."""
    status = seen.status
    timed = [(phase.name, phase.seconds) for phase in status.phases if phase.seconds]
    if not timed:
        return Said(["How long this engine's start took its host does not say."])
    total = sum(lasted for _, lasted in timed)
    longest = max(timed, key=lambda row: row[1])
    facts = [
        f"The start of this engine took {seconds(total)}; longest was “{longest[0]}”, "
        f"{seconds(longest[1])}."
    ]
    if status.started_at:
        facts.append(f"It began {seconds(seen.state.at - status.started_at)} before.")
    rows = [f"{phase} {seconds(lasted)}" for phase, lasted in timed]
    return Said(facts, [f"Its phases: {', '.join(rows)}."])


def speed(seen: Sight) -> Said:
    """Tokens a second of all requests, over a stated time."""
    minute = seen.state.minute
    short = min(SHORT_S, minute.seconds)
    if not short:
        return Said(["The trace has just begun: there is no pace to tell yet."])
    now, whole = (
        minute.last_10_s_tokens / short,
        minute.num_sampled_tokens / minute.seconds,
    )
    return Said(
        [
            f"All requests together: {now:.1f} tokens/s over the last "
            f"{seconds(short)}, {whole:.1f} tokens/s over the last "
            f"{seconds(minute.seconds)}.",
            f"{capital(plural(len(seen.state.running), 'request'))} "
            f"{is_are(len(seen.state.running))} running.",
        ]
    )


def step_time(seen: Sight) -> Said:
    """From one call of the scheduler to the next."""
    state = seen.state
    if state.step_ms is None:
        return Said(["The engine was idle before its last step: that one has no time."])
    facts = [
        f"The last step came {state.step_ms:.1f} ms after the one before it; it had "
        f"{plural(state.step_tokens, 'token')} of "
        f"{plural(state.step_requests, 'request')}."
    ]
    steps, span = state.minute.num_steps, state.minute.seconds
    deep = [f"In the last {seconds(span)} there were {plural(steps, 'step')}."]
    return Said(facts, deep)


def step_contents(seen: Sight) -> Said:
    """Prefill, decode, or both."""
    state = seen.state
    reading = [r.short_id for r in state.running if r.phase == "reading"]
    answering = [r.short_id for r in state.running if r.phase == "answering"]
    if not state.running:
        return Said(["Nothing is computed now: the engine is idle."])
    facts = [
        f"The last step had {plural(state.step_tokens, 'token')} of "
        f"{plural(state.step_requests, 'request')}.",
        f"Prefill (reading a prompt): {names(reading) if reading else 'none'}; decode "
        f"(answering): {names(answering) if answering else 'none'}.",
    ]
    return Said(facts)


def step_now(seen: Sight) -> Said:
    """The scheduler's count."""
    state = seen.state
    facts = [f"The engine is at step {count(state.step)}, counted since its start."]
    if state.minute.seconds:
        facts.append(
            f"{count(state.minute.num_steps)} of these were in the last "
            f"{seconds(state.minute.seconds)}."
        )
    return Said(facts)


def last_minute(seen: Sight) -> Said:
    """An overview."""
    state, minute = seen.state, seen.state.minute
    taken = seen.num_usable - state.num_free
    return Said(
        [
            f"In the last {seconds(minute.seconds)}: "
            f"{plural(minute.num_steps, 'step')}, "
            f"{plural(minute.num_sampled_tokens, 'token')} sampled, "
            f"{plural(minute.num_arrived, 'request')} arrived and "
            f"{count(minute.num_finished)} ended, "
            f"{plural(minute.num_evictions, 'block')} evicted, "
            f"{plural(minute.num_preemptions, 'request')} preempted.",
            f"Now {count(len(state.running))} {is_are(len(state.running))} running and "
            f"{count(len(state.waiting))} waiting, and "
            f"{percent(taken, seen.num_usable)} of the cache is in use.",
        ]
    )


def not_ready(status: EngineStatus, now_s: float | None = None) -> str:
    """The sentence of an engine from which there is nothing to see yet."""
    who = f"the engine on host {status.engine_host_id}"
    if status.state in ("failed", "unavailable"):
        reason = f": {status.reason}" if status.reason else ""
        return f"I see no running engine: {who} {_cannot(status.state)}{reason}"
    running = [phase.name for phase in status.phases if phase.seconds is None]
    phase = f", in the phase “{running[-1]}”" if running else ""
    since = ""
    if status.started_at:
        now = time.time() if now_s is None else now_s
        since = f" for {seconds(max(0.0, now - status.started_at))}"
    verb = "stopped" if status.state == "stopped" else status.state
    return (
        f"I see no running engine yet: {who} has been {verb}{since}{phase}, so there "
        "is nothing to measure."
    )


def _cannot(state: str) -> str:
    return "did not start" if state == "failed" else "cannot run on its machine"
