"""What the stack adds to the engine: chats through WebSockets ÷ straight prompts.

A stack of its own is started. Every prompt is warm in the prefix cache before it is
measured, in both arms. TTFT added is the browser's TTFT less what the engine host
measured for the same request. Stop is measured to the stamp of the scheduler's step
after which no block lists the request (one machine, one clock).
"""

import asyncio
import random
import time
from typing import Any

from benchmarks.chats import Answer, Chat, open_chats
from benchmarks.interval import bootstrap_interval, mean_interval, percentile
from benchmarks.stack import Running, running

NUM_CHATS = 16
NUM_PAIRS = 10
NUM_SINGLE = 40
NUM_STOPS = 20
PREFILL_TOKENS = 2_000
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
    """``pairs``, ``single`` and ``stops`` in ``options`` change the repeats."""
    with running(SETTINGS) as stack:
        return asyncio.run(_measure(stack, options))


async def _measure(stack: Running, options: dict[str, Any]) -> list[dict[str, Any]]:
    async with open_chats(stack.url, NUM_CHATS) as chats:
        ratios = await _ratios(stack, chats, int(options.get("pairs", NUM_PAIRS)))
        added = await _added_ttft(chats, int(options.get("single", NUM_SINGLE)))
        num_stops = int(options.get("stops", NUM_STOPS))
        in_decode = await _stops(stack, chats, num_stops, _stop_in_decode)
        in_prefill = await _stops(stack, chats, num_stops, _stop_in_prefill)
    value, low, high = mean_interval(ratios)
    ratio = {"name": "throughput_ratio", "value": value, "unit": "through / straight"}
    return [
        {**ratio, "interval": [low, high]},
        _percentile("added_ttft_ms_p50", added, 50),
        _percentile("added_ttft_ms_p95", added, 95),
        _percentile("stop_ms_p95", in_decode, 95),
        _percentile("stop_prefill_ms_p95", in_prefill, 95),
    ]


def _percentile(name: str, values: list[float], rank: float) -> dict[str, Any]:
    value, low, high = bootstrap_interval(values, lambda v: percentile(v, rank))
    return {"name": name, "value": value, "unit": "ms", "interval": [low, high]}


async def _ratios(stack: Running, chats: list[Chat], num_pairs: int) -> list[float]:
    """Tokens/s through the stack ÷ straight, order alternating."""
    await _through(chats)
    ratios = []
    for pair in range(num_pairs):
        if pair % 2:
            through = await _through(chats)
            straight = await _straight(stack)
        else:
            straight = await _straight(stack)
            through = await _through(chats)
        ratios.append(through / straight)
        print(
            f"pair {pair + 1}: {through:.1f} tokens/s through the stack, "
            f"{straight:.1f} straight, {ratios[-1]:.4f}",
            flush=True,
        )
    return ratios


async def _through(chats: list[Chat]) -> float:
    began = time.perf_counter()
    answers = await asyncio.gather(
        *(chat.ask(question) for chat, question in zip(chats, QUESTIONS, strict=True))
    )
    seconds = time.perf_counter() - began
    return sum(answer.measured["num_output_tokens"] for answer in answers) / seconds


async def _straight(stack: Running) -> float:
    """The prompts of the last round of chats, again."""
    answer = await asyncio.to_thread(stack.ask_engine, "bench.replay", number=NUM_CHATS)
    if answer["failures"]:
        raise RuntimeError(f"A straight prompt failed: {answer['failures'][0]}")
    return float(answer["tokens"] / answer["seconds"])


async def _added_ttft(chats: list[Chat], number: int) -> list[float]:
    """Milliseconds, one chat at a time."""
    added = []
    for index in range(number):
        question = QUESTIONS[index % len(QUESTIONS)]
        answer = await chats[index % len(chats)].ask(question)
        added.append((answer.ttft_s - answer.measured["ttft_s"]) * 1e3)
    return added


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
    """Stopped before any token: digits at random, so that no prefix is cached."""
    digits = "".join(random.choices("0123456789", k=NUM_DIGITS))
    answer = await chat.begin(digits)
    if not await chat.read(answer, "prefill"):
        return None, answer
    await asyncio.sleep(random.uniform(0, 0.3))
    pressed_at = await chat.stop(answer)
    measured = answer.measured
    if measured["num_prompt_tokens"] < PREFILL_TOKENS:
        raise RuntimeError(
            f"The prompt had {measured['num_prompt_tokens']} tokens, not "
            f"{PREFILL_TOKENS:,}: NUM_DIGITS is too small for this model."
        )
    return (None if measured["num_output_tokens"] else pressed_at), answer
