"""Contiguous against paged: the same requests, in blocks and in one region each.

The engine serves them in blocks: measured. The same arrivals, lengths and steps go
through a contiguous allocator of as many tokens (lab.allocators.shadow): computed.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence

from lab.allocators.observed import Observed
from lab.allocators.shadow import NeverFits, Served, Shadow
from lab.experiments.bench import Bench, RunEnded, RunRefused, pause
from lab.experiments.contiguous_outcome import outcome
from lab.experiments.contiguous_sides import ALLOCATOR_WORDS, RESERVATION_WORDS, Memory
from lab.experiments.experiment import (
    Choice,
    Experiment,
    Number,
    Question,
    Values,
    seen_engine,
)
from lab.experiments.other_engine import BLOCK_SIZE, on_its_engine
from lab.experiments.outcome import Outcome
from lab.experiments.prompts import ask, text_of
from lab.messages import Generation

LEAST_OUTPUT = 16
MIXED, EQUAL = "mixed", "equal"
TURN = 0.618034
"""Of the golden section: lengths that follow each other are spread evenly."""
TELL_EVERY_S = 1.0
LOST = (
    "Not all of the engine's frames came, so that some requests were not seen to their "
    "end and nothing can be compared. Run it again."
)


def plan(bench: Bench, values: Values) -> list[Generation]:
    """The requests, with answers of the chosen lengths."""
    room = bench.pool
    number, prompt = int(values["number"]), int(values["prompt"])
    output = int(values["output"])
    if output > room.max_output_tokens:
        raise RunRefused(
            f"This engine answers with at most {room.max_output_tokens:,} tokens."
        )
    if prompt > room.longest_prompt_tokens(output):
        raise RunRefused(
            "Prompt and answer together do not fit this engine, whose requests hold "
            f"{room.max_model_len:,} tokens."
        )
    if number > room.max_requests:
        raise RunRefused(f"{room.max_requests} requests at a time are allowed.")
    return [
        ask(text_of(prompt, bench.nonce, index), length)
        for index, length in enumerate(output_lengths(number, output, values))
    ]


def output_lengths(number: int, longest: int, values: Values) -> list[int]:
    """Tokens of each answer: all the same, or from a quarter of the longest on."""
    if values["lengths"] == EQUAL:
        return [longest] * number
    least = max(LEAST_OUTPUT, longest // 4)
    return [round(least + (longest - least) * (at * TURN % 1)) for at in range(number)]


async def run(bench: Bench, values: Values) -> Outcome:
    """Send them at once; read all frames until the last has left the engine."""
    generations = plan(bench, values)
    memory = Memory(
        allocator=str(values["allocator"]),
        reservation=str(values["reservation"]),
        block_size=bench.pool.block_size,
        num_tokens=bench.pool.pool_tokens,
        longest=bench.room.max_model_len,
        max_running=bench.room.max_running,
    )
    async with bench.following() as seen:
        await bench.say(f"{len(generations)} requests at once.")
        sent = [await bench.send(one) for one in generations]
        telling = asyncio.create_task(
            _tell(bench, Live(memory, seen.observed), sent, generations)
        )
        try:
            reports = await bench.ended(sent)
        finally:
            telling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await telling
        own = {one.short_id: one for one in reports if one.short_id is not None}
        if len(own) < len(reports) or not await seen.until_gone(list(own)):
            raise RunEnded(LOST)
    for short_id, report in own.items():
        served = seen.observed.served[short_id]
        served.num_prompt = report.num_prompt_tokens
        served.num_output = report.num_output_tokens
    return await asyncio.to_thread(outcome, memory, seen.observed, set(own), reports)


class Live:
    """The shadow while the engine still serves: a request's answer has the length
    that was asked for, and in memory the tokens that the last frame told."""

    def __init__(self, memory: Memory, observed: Observed) -> None:
        self._observed = observed
        self._shadow: Shadow | None = memory.shadow()
        self._known: set[int] = set()
        self._coming: deque[Served] = deque()
        self._first = 0

    def look(self, num_output: dict[int, int]) -> str:
        """How it stands, in words; ``num_output`` of each own request, by short id."""
        observed = self._observed
        for short_id in sorted(num_output.keys() - self._known):
            if short_id in observed.served:
                served = observed.served[short_id]
                served.num_output = num_output[short_id]
                self._first = self._first or served.arrival
                self._known.add(short_id)
                self._coming.append(served)
        if not self._known:
            return ""
        newest = observed.frames[-1]
        mine = [one for one in newest.requests if one.short_id in self._known]
        held = sum(bool(one.block_ids) for one in mine)
        paged = f"In blocks {held} in memory, {len(mine) - held} wait."
        return f"{paged} {self._catch_up(newest.step)}"

    def _catch_up(self, step: int) -> str:
        if self._shadow is None:
            return ""
        moment = None
        try:
            while self._shadow.num_steps <= step - self._first:
                while self._coming and (
                    self._coming[0].arrival - self._first <= self._shadow.num_steps
                ):
                    self._shadow.arrive(self._coming.popleft())
                moment = self._shadow.step()
        except NeverFits:
            self._shadow = None
        if moment is None:
            return ""
        return (
            f"In regions, computed: {moment.num_held} in memory, "
            f"{moment.num_waiting} wait."
        )


async def _tell(
    bench: Bench, live: Live, sent: Sequence[str], generations: Sequence[Generation]
) -> None:
    while True:
        await pause(TELL_EVERY_S)
        asked = {
            short_id: generation.max_tokens
            for request_id, generation in zip(sent, generations, strict=True)
            if (short_id := bench.under_way.event(request_id).get("short_id"))
            is not None
        }
        if sentence := live.look(asked):
            await bench.say(sentence)


CONTIGUOUS = Experiment(
    id="contiguous",
    title="Contiguous against paged",
    why=(
        "Before pages, a server set one region of memory aside for each request. How "
        "many requests would such a memory hold at once, of the very ones that your "
        "engine serves in blocks?"
    ),
    question=Question(
        asks="How many of the requests will regions of the same memory hold at once, "
        "at most?",
        unit="requests",
        most=64,
    ),
    settings=(
        Choice(
            "reservation",
            "Set aside for each",
            RESERVATION_WORDS,
            "max",
            "Pow2 rounds the answer up to a power of two. Oracle was told its length.",
        ),
        Choice("allocator", "Allocator", ALLOCATOR_WORDS, "buddy"),
        Number("number", "Requests", 24, 2, 64),
        Number(
            "prompt",
            "Prompt of each",
            96,
            20,
            4_000,
            "tokens",
            "About: the engine counts them.",
        ),
        Number("output", "Longest answer", 160, LEAST_OUTPUT, 512, "tokens"),
        Choice(
            "lengths",
            "Lengths of the answers",
            {MIXED: "mixed", EQUAL: "all the same"},
            MIXED,
            "Mixed: from a quarter of the longest on.",
        ),
        BLOCK_SIZE,
    ),
    button="Serve them",
    watch=(
        "Watch the real blocks: each request takes one when it needs it, wherever one "
        "is free. The line here tells how many regions of the same memory would hold."
    ),
    run=on_its_engine(run),
    unable=seen_engine,
    claims=("waste-systems",),
    assumes=(
        "Blocks are measured: every frame of the engine tells who holds which block "
        "and how many tokens. A step is known to a frame, which sums up a few.",
        "Regions are computed, of the same size in tokens, from these requests: when "
        "each came, its prompt and answer, its tokens after each of its steps.",
        "In regions too the first to come is the first served, and at most as many are "
        "in memory as the engine takes into a step. One that does not fit waits, and "
        "all behind it.",
        "In memory a request takes as many steps as it took in the engine, with the "
        "same tokens after each; what a preempted one computed twice counts once. "
        "Times are in steps: how long a step would take with fewer requests in it is "
        "not said.",
        "External fragmentation is free memory that would be enough for the next "
        "request if it were in one piece. What is too little for it anyhow counts as "
        "free; the paper counts both, and a buddy's rounding, as external.",
        "Requests of others in the engine are shown in the blocks and left out of the "
        "regions.",
    ),
    changes=(
        "A longer context: max sets all of it aside, blocks do not.",
        "Answers of one length, told beforehand: oracle then wastes what is still to "
        "come, and the pieces between regions.",
        "Larger blocks: the empty rest of each request's last block is all that pages "
        "waste.",
        "More requests than even blocks hold: then these wait as well, and memory is "
        "full of tokens on one side only.",
    ),
)
