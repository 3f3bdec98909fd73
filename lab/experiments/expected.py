"""What the planning model expects of a load on this engine. Pure.

Each step's seconds come from the card's roofline where the catalog knows card and model
(planning.service.roofline). It has no processors: there the constants of a linear step
(planning.service.fitted) follow from two measured loads. vLLM's scheduler is then gone
through step by step (planning.service.steps).
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from lab.experiments.percentiles import QUIET, percentile
from lab.messages import EngineStatus
from planning.catalog.gpus import gpu_of_device
from planning.errors import BadSetting
from planning.memory.model_catalog import find_model
from planning.service.answer_seconds import roofline_of
from planning.service.fitted import FittedCost
from planning.service.steps import Request, StepCost, replay


@dataclass(frozen=True)
class Served:
    """How a load was served, or is expected to be; medians over its requests [s]."""

    tokens_per_s: float | None
    """Output tokens of all."""
    itl_s: float | None
    """The mean of each request."""
    ttft_s: float | None
    e2el_s: float | None
    quiet_s: float | None = None
    """The lower quartile of all gaps between tokens: a step that nothing held up."""
    least_ttft_s: float | None = None


@dataclass(frozen=True)
class Shape:
    """The requests of a sweep, all alike, and what limits a step."""

    prompt: int
    output: int
    budget: int
    """Tokens of a step at most."""
    max_running: int


@dataclass(frozen=True)
class Pace:
    """How quickly whoever sends does so: no model of an engine knows that."""

    gap_s: float = 0.0
    """Between two arrivals of what is sent together."""
    turn_s: float = 0.0
    """From the end of a request to the arrival of the next in its place."""


NO_PACE = Pace()


@dataclass(frozen=True)
class Stretched:
    """The cost of steps that all take ``times`` as long."""

    cost: StepCost
    times: float

    def seconds(
        self, chunks: Sequence[tuple[int, int]], contexts: Sequence[float]
    ) -> float:
        """Of a step, as steps.StepCost says."""
        return self.times * self.cost.seconds(chunks, contexts)


def card_cost(status: EngineStatus) -> StepCost | None:
    """Of the card and the model; None where the catalog lacks one of them."""
    card = gpu_of_device(status.device)
    if card is None:
        return None
    try:
        return roofline_of(find_model(status.model), card)
    except BadSetting:
        return None


def in_lockstep(cost: StepCost, at_once: int, shape: Shape) -> Served:
    """So many that begin together, once."""
    return in_closed_loop(cost, at_once, at_once, shape)


def in_closed_loop(
    cost: StepCost, at_once: int, number: int, shape: Shape, pace: Pace = NO_PACE
) -> Served:
    """So many places, which between them send ``number`` requests, each its next one
    when its last has ended."""
    way = _way(cost)
    sent_s = [place * pace.gap_s for place in range(min(at_once, number))]
    requests = [Request(way + at, shape.prompt, shape.output) for at in sent_s]
    last_sent_s = sent_s[-1]

    def then(ended: Request) -> Request | None:
        nonlocal last_sent_s
        if len(requests) == number:
            return None
        last_sent_s = max(ended.last_s + pace.turn_s, last_sent_s + pace.gap_s)
        requests.append(Request(way + last_sent_s, shape.prompt, shape.output))
        return requests[-1]

    replay(cost, list(requests), shape.budget, shape.max_running, then)
    return _served(way, requests)


def as_they_come(cost: StepCost, arrivals: Sequence[float], shape: Shape) -> Served:
    """An open loop."""
    way = _way(cost)
    requests = [Request(way + at, shape.prompt, shape.output) for at in arrivals]
    replay(cost, requests, shape.budget, shape.max_running)
    return _served(way, requests)


def _way(cost: StepCost) -> float:
    if isinstance(cost, Stretched):
        return cost.times * _way(cost.cost)
    return cost.entry_s if isinstance(cost, FittedCost) else 0.0


def _served(way: float, requests: Sequence[Request]) -> Served:
    """``way``: how long before the scheduler saw it each came to the engine's host."""
    begin = min(one.arrival_s for one in requests) - way
    seconds = max(one.last_s for one in requests) - begin
    tokens = sum(one.output for one in requests)
    return Served(
        tokens / seconds if seconds else None,
        statistics.median(one.itl_s for one in requests),
        way + statistics.median(one.ttft_s for one in requests),
        way + statistics.median(one.last_s - one.arrival_s for one in requests),
        percentile((gap for one in requests for gap in one.gaps_s), QUIET),
        way + min(one.ttft_s for one in requests),
    )
