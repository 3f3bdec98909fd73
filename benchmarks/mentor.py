"""What the stack adds to the engine: chats through WebSockets ÷ straight prompts.

A stack of its own is started. Throughput is measured with the sentences checked
and without, interleaved. Every prompt is warm in the prefix cache before it is
measured, in both arms. TTFT added is the browser's TTFT less what the engine host
measured for the same request. Stop is measured to the stamp of the scheduler's step
after which no block lists the request (one machine, one clock). Sizes are
benchmarks.scale's: on a card each of 256 chats asks several questions in a row, and a
prefill is over too soon to be stopped.
"""

import asyncio
import random
import time
from itertools import cycle, islice
from typing import Any

from benchmarks import checks
from benchmarks.chats import Answer, Chat, open_chats
from benchmarks.interval import bootstrap_interval, mean_interval, percentile
from benchmarks.scale import Scale, scale_of
from benchmarks.stack import Running, running
from mentor.commands import MAX_SELECTED_CHARS

CHECKED, UNCHECKED = "throughput_ratio", "throughput_ratio_unchecked"
PREFILL_TOKENS = 1_900
"""Computed for a question that is stopped in its prefill, whatever else is cached."""
NUM_DIGITS = 1_980
"""The bundled model's tokenizer makes one token of each digit."""
SETTINGS = {"ENGINE_MAX_MODEL_LEN": "4096"}
QUESTIONS = (
    "What is PagedAttention?",
    "Why are cold starts slow?",
    "When is serverless cheaper than a provisioned GPU?",
    "How much GPU memory does a 70B model need?",
    "What is the KV cache?",
    "How does vLLM share blocks between requests?",
    "What is preemption?",
    "What does keeping a worker warm cost?",
    "Which card fits a 7B model?",
    "What is continuous batching?",
    "How much memory did earlier engines waste?",
    "What is internal fragmentation?",
    "What happens when the blocks run out?",
    "How can a cold start be made shorter?",
    "What is the prefix cache?",
    "Why is the attention kernel slower?",
)


def run(options: dict[str, Any]) -> list[dict[str, Any]]:
    """``chats``, ``rounds``, ``pairs``, ``single`` and ``stops`` in ``options`` change
    sizes and repeats; what is repeated 0 times is left out."""
    scale = scale_of("mentor", options)
    with running(scale, SETTINGS) as stack:
        return asyncio.run(_measure(stack, scale))


async def _measure(stack: Running, scale: Scale) -> list[dict[str, Any]]:
    num_stops, num_late = scale["stops"], min(scale["stops"], scale["prefill_stops"])
    async with open_chats(stack.url, scale["chats"]) as chats:
        ratios = await _ratios(stack, chats, scale)
        course, added = await _single(chats, scale["single"])
        in_decode = await _stops(stack, chats, num_stops, _stop_in_decode)
        in_prefill = await _stops(stack, chats, num_late, _stop_in_prefill)
    status = stack.ready_status() or {}
    conditions = (
        f"{scale['chats']} chats of {scale['rounds']} questions, "
        f"{status.get('model')} on {status.get('device')}"
    )
    return [
        *(row for name in ratios for row in _ratio(name, ratios[name], conditions)),
        *_percentile("course_ms_p95", course, 95),
        *_percentile("added_ttft_ms_p50", added, 50),
        *_percentile("added_ttft_ms_p95", added, 95),
        *_percentile("stop_ms_p95", in_decode, 95),
        *_percentile("stop_prefill_ms_p95", in_prefill, 95),
    ]


def _ratio(name: str, ratios: list[float], conditions: str) -> list[dict[str, Any]]:
    if not ratios:
        return []
    value, low, high = mean_interval(ratios)
    found = {"name": name, "value": value, "unit": "through / straight"}
    return [{**found, "interval": [low, high], "conditions": conditions}]


def _percentile(name: str, values: list[float], rank: float) -> list[dict[str, Any]]:
    if not values:
        return []
    value, low, high = bootstrap_interval(values, lambda v: percentile(v, rank))
    return [{"name": name, "value": value, "unit": "ms", "interval": [low, high]}]


async def _ratios(
    stack: Running, chats: list[Chat], scale: Scale
) -> dict[str, list[float]]:
    """Tokens/s through the stack ÷ straight, by result: with the engine's sentences
    checked and without. The order of the three moves on with each round."""
    rounds = scale["rounds"]

    async def through(is_checked: bool) -> float:
        checks.switch(stack.data_dir, is_checked)
        return await _through(chats, rounds)

    await through(True)
    ways = {
        "straight": lambda: _straight(stack, len(chats), rounds),
        CHECKED: lambda: through(True),
        UNCHECKED: lambda: through(False),
    }
    ratios: dict[str, list[float]] = {CHECKED: [], UNCHECKED: []}
    for pair in range(scale["pairs"]):
        names = list(islice(cycle(ways), pair % 3, pair % 3 + 3))
        speeds = {name: await ways[name]() for name in names}
        for name, found in ratios.items():
            found.append(speeds[name] / speeds["straight"])
        print(
            f"pair {pair + 1}: {speeds[CHECKED]:.1f} tokens/s through the stack, "
            f"{speeds[UNCHECKED]:.1f} without checks, {speeds['straight']:.1f} "
            f"straight, {ratios[CHECKED][-1]:.4f} and {ratios[UNCHECKED][-1]:.4f}",
            flush=True,
        )
    checks.switch(stack.data_dir, on=True)
    return ratios


async def _through(chats: list[Chat], rounds: int) -> float:
    began = time.perf_counter()
    tokens = await asyncio.gather(
        *(_ask_in_a_row(chat, first, rounds) for first, chat in enumerate(chats))
    )
    return sum(tokens) / (time.perf_counter() - began)


async def _ask_in_a_row(chat: Chat, first: int, rounds: int) -> int:
    """Output tokens of all answers; chats begin with questions of their own."""
    tokens = 0
    start = first % len(QUESTIONS)
    for question in islice(cycle(QUESTIONS), start, start + rounds):
        answer = await chat.ask(question)
        tokens += answer.measured["num_output_tokens"]
    return tokens


async def _straight(stack: Running, num_chats: int, rounds: int) -> float:
    """The prompts of the last chats, again."""
    answer = await asyncio.to_thread(
        stack.ask_engine, "bench.replay", number=num_chats * rounds, at_once=num_chats
    )
    if answer["failures"]:
        raise RuntimeError(f"A straight prompt failed: {answer['failures'][0]}")
    return float(answer["tokens"] / answer["seconds"])


async def _single(chats: list[Chat], number: int) -> tuple[list[float], list[float]]:
    """Milliseconds to the course's answer and added to the first token, one chat at a
    time."""
    course, added = [], []
    for index in range(number):
        question = QUESTIONS[index % len(QUESTIONS)]
        answer = await chats[index % len(chats)].ask(question)
        course.append(answer.course_s * 1e3)
        added.append((answer.ttft_s - answer.measured["ttft_s"]) * 1e3)
    return course, added


async def _stops(
    stack: Running, chats: list[Chat], number: int, way: Any
) -> list[float]:
    """Milliseconds from Stop to free; tries that ended by themselves do not count."""
    milliseconds: list[float] = []
    for index in range(3 * number):
        if len(milliseconds) == number:
            break
        pressed_at, answer = await way(chats[index % len(chats)])
        if pressed_at is None or answer.turn["state"] != "stopped":
            continue
        told = await asyncio.to_thread(
            stack.ask_engine, "bench.ended", short_id=answer.short_id
        )
        if told["stamp_s"] is not None:
            milliseconds.append((told["stamp_s"] - pressed_at) * 1e3)
    if len(milliseconds) < number:
        raise RuntimeError(f"Only {len(milliseconds)} of {number} stops could be used.")
    return milliseconds


async def _stop_in_decode(chat: Chat) -> tuple[float | None, Answer]:
    answer = await chat.begin(random.choice(QUESTIONS))
    if not await chat.read(answer, "decode", num_tokens=random.randint(2, 20)):
        return None, answer
    return await chat.stop(answer), answer


async def _stop_in_prefill(chat: Chat) -> tuple[float | None, Answer]:
    """Stopped before any token: about digits at random, which no prompt had before."""
    digits = "".join(random.choices("0123456789", k=NUM_DIGITS))
    about, rest = digits[:MAX_SELECTED_CHARS], digits[MAX_SELECTED_CHARS:]
    answer = await chat.begin(f"What is PagedAttention, and what is {rest}?", about)
    if not await chat.read(answer, "prefill"):
        return None, answer
    await asyncio.sleep(random.uniform(0, 0.3))
    pressed_at = await chat.stop(answer)
    measured = answer.measured
    _check_prefill(measured)
    return (None if measured["num_output_tokens"] else pressed_at), answer


def _check_prefill(measured: dict[str, Any]) -> None:
    computed = measured["num_prompt_tokens"] - measured["num_cached_tokens"]
    if computed < PREFILL_TOKENS:
        raise RuntimeError(
            f"{computed:,} tokens of the prompt were to be computed, not "
            f"{PREFILL_TOKENS:,}: NUM_DIGITS is too small for this model."
        )
