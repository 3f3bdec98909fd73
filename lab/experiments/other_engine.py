"""Settings with which an engine is started: a run that changes one goes to a second
engine beside the main one, which was started with it.

    settings=(…, TOKEN_BUDGET),
    run=on_its_engine(run),
"""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import replace

from lab.experiments.bench import Bench, RunRefused
from lab.experiments.experiment import Choice, Run, Values
from lab.experiments.outcome import Outcome
from lab.messages import EngineStatus
from lab.second.settings import SecondSettings
from lab.second.visit import Visit, second_engine

AS_IT_IS = "main"
OFF = "off"
HELP = (
    "Another one starts a second engine for the run, one at a time for the class. It "
    "has half of the cores or a part of the card."
)
STARTED_ELSEWHERE = (
    "This engine is asked by its address, and no other can be started beside it: "
    "choose “the main engine’s”."
)
WATCH_IT = "The run goes to the second engine: choose it above the blocks to watch."
MEASURED_THERE = (
    "It ran on a second engine beside the main one: its times are to be held against "
    "those of a second engine."
)


def _choice(name: str, label: str, options: Mapping[str, str]) -> Choice:
    offered = {AS_IT_IS: "the main engine’s", **options}
    return Choice(name, label, offered, AS_IT_IS, HELP)


TOKEN_BUDGET = _choice(
    "budget",
    "Token budget of a step",
    {str(number): f"{number:,} tokens" for number in (64, 128, 256, 1_024)},
)
BLOCK_SIZE = _choice(
    "block_size",
    "Size of a block",
    {str(number): f"{number} tokens" for number in (32, 64, 128)},
)
"""Sizes that the kernels of a CPU and of a card both know."""
NUM_BLOCKS = _choice(
    "num_blocks",
    "KV cache",
    {str(number): f"{number} blocks" for number in (32, 64, 128)},
)
PREFIX_CACHING = _choice("prefix_caching", "Prefix caching", {OFF: "off"})


def wanted_of(values: Values, main: EngineStatus) -> SecondSettings:
    """In what the engine of a run differs from the main one."""

    def number(setting: Choice) -> int | None:
        value = values.get(setting.name, AS_IT_IS)
        return None if value == AS_IT_IS else int(value)

    budget, most = number(TOKEN_BUDGET), main.max_concurrent_requests
    return SecondSettings(
        block_size=number(BLOCK_SIZE),
        num_blocks=number(NUM_BLOCKS),
        max_num_batched_tokens=budget,
        # vLLM wants a token of the budget for each request in a step.
        max_concurrent_requests=min(budget, most) if budget and most else None,
        has_prefix_caching=values.get(PREFIX_CACHING.name) != OFF,
    )


def on_its_engine(run: Run) -> Run:
    """The run, on a second engine where its settings want another than the main one."""

    async def run_there(bench: Bench, values: Values) -> Outcome:
        wanted = wanted_of(values, bench.status)
        if wanted == SecondSettings():
            return await run(bench, values)
        if bench.status.by_address:
            raise RunRefused(STARTED_ELSEWHERE)
        async with (
            second_engine(bench.learner_id, wanted, bench.say) as visit,
            bench.on(await visit.until_ready()),
        ):
            await bench.say(WATCH_IT)
            outcome = await _unless_over(visit, run(bench, values))
        return replace(outcome, says=f"{outcome.says} {MEASURED_THERE}")

    return run_there


async def _unless_over(visit: Visit, run: Awaitable[Outcome]) -> Outcome:
    """The outcome; raises SecondRefused where the engine ends before there is one."""
    work = asyncio.ensure_future(run)
    over = asyncio.ensure_future(visit.until_over())
    try:
        await asyncio.wait({work, over}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            over.result()
        return await work
    finally:
        work.cancel()
        over.cancel()
        await asyncio.gather(work, over, return_exceptions=True)
