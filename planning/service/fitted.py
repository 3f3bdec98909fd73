"""A step's seconds by constants that were fitted to an engine, instead of a card's.

    step = own + prompt tokens × a + their pairs × b + requests that decode × c
               + tokens they have cached × d

The same terms as the roofline's, each linear: on a processor reading and arithmetic do
not hide behind each other. A request's way to the engine adds a constant to its TTFT.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass

from planning.service.descent import descend
from planning.service.steps import Request, replay


@dataclass(frozen=True)
class Burst:
    """Requests sent at once: so many, of that prompt."""

    prompt: int
    at_once: int


@dataclass(frozen=True)
class Seen:
    """What a burst's requests saw, medians [s]."""

    ttft_s: float
    itl_s: float


@dataclass(frozen=True)
class FittedCost:
    """Seconds of each term."""

    step_s: float
    token_s: float
    pair_s: float
    request_s: float
    cached_s: float
    entry_s: float
    """Of a request, before the engine's scheduler sees it."""

    def seconds(
        self, chunks: Sequence[tuple[int, int]], contexts: Sequence[float]
    ) -> float:
        """Of a step, as steps.StepCost says."""
        tokens = sum(last - first for first, last in chunks)
        pairs = sum((last * last - first * first) / 2 for first, last in chunks)
        return (
            self.step_s
            + self.token_s * tokens
            + self.pair_s * pairs
            + self.request_s * len(contexts)
            + self.cached_s * sum(contexts)
        )


START = FittedCost(12e-3, 3e-4, 1e-7, 5e-4, 1e-6, 5e-3)


@dataclass(frozen=True)
class Engine:
    """What of an engine's settings decides its steps, and how long answers are."""

    budget: int
    """max_num_batched_tokens."""
    max_num_seqs: int
    output: int


def burst_of(cost: FittedCost, burst: Burst, engine: Engine) -> Seen:
    """What the requests of a burst see on an engine with that cost."""
    requests = [Request(0.0, burst.prompt, engine.output) for _ in range(burst.at_once)]
    replay(cost, requests, engine.budget, engine.max_num_seqs)
    return Seen(
        cost.entry_s + statistics.median(one.ttft_s for one in requests),
        statistics.median(one.itl_s for one in requests),
    )


def fit(seen: Mapping[Burst, Seen], engine: Engine) -> FittedCost:
    """The cost under which these bursts look most as they did; a few are enough."""

    def misfit(values: Sequence[float]) -> float:
        cost = FittedCost(*values)
        return sum(
            math.log(guess / truth) ** 2
            for burst, one in seen.items()
            for guess, truth in zip(
                astuple(burst_of(cost, burst, engine)), astuple(one), strict=True
            )
        )

    found = descend(astuple(START), misfit, width=0.4, rounds=30, narrower=0.88)
    return FittedCost(*found)
