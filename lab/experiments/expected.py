"""What the planning model expects of a load on this engine. Pure.

Each step's seconds come from the card's roofline where the catalog knows card and model
(planning.service.roofline). It has no processors: there the constants of a linear step
(planning.service.fitted) follow from two measured loads. vLLM's scheduler is then gone
through step by step (planning.service.steps).
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Shape:
    """The requests of a sweep, all alike, and what limits a step."""

    prompt: int
    output: int
    budget: int
    """Tokens of a step at most."""
    max_running: int


def card_cost(status: EngineStatus) -> StepCost | None:
    """Of the card and the model; None where the catalog lacks one of them."""
    card = gpu_of_device(status.device)
    if card is None:
        return None
    try:
        return roofline_of(find_model(status.model), card)
    except BadSetting:
        return None


def calibrated(
    alone: Served, crowd: Served, at_once: int, prompt: int
) -> FittedCost | None:
    """Of an engine that served one request, and ``at_once`` of them in lockstep:

        ITL(n) = own + n × c             so  c = (ITL(n) − ITL(1)) ÷ (n − 1)
        TTFT(n) = way + own + n × prompt × a
                                         so  a = (TTFT(n) − TTFT(1)) ÷ (n − 1) ÷ prompt

    A request's cached tokens are within c. ``way`` is what it takes to the scheduler;
    where TTFT(n) is unknown it is within a. None where another time is unknown.
    """
    if alone.itl_s is None or crowd.itl_s is None or alone.ttft_s is None:
        return None
    each = max(0.0, (crowd.itl_s - alone.itl_s) / (at_once - 1))
    own = max(0.0, alone.itl_s - each)
    reading = max(0.0, alone.ttft_s - own)
    if crowd.ttft_s is None:
        return FittedCost(own, reading / prompt, 0.0, each, 0.0, 0.0)
    one_more = max(0.0, crowd.ttft_s - alone.ttft_s) / (at_once - 1)
    token = min(one_more, reading) / prompt
    return FittedCost(own, token, 0.0, each, 0.0, reading - token * prompt)


def in_lockstep(cost: StepCost, at_once: int, shape: Shape) -> Served:
    """A closed loop: so many that begin together, and again when they have ended."""
    requests = [Request(0.0, shape.prompt, shape.output) for _ in range(at_once)]
    return _served(cost, requests, shape)


def as_they_come(cost: StepCost, arrivals: Sequence[float], shape: Shape) -> Served:
    """An open loop."""
    return _served(
        cost, [Request(at, shape.prompt, shape.output) for at in arrivals], shape
    )


def _served(cost: StepCost, requests: list[Request], shape: Shape) -> Served:
    replay(cost, requests, shape.budget, shape.max_running)
    way = cost.entry_s if isinstance(cost, FittedCost) else 0.0
    begin = min(one.arrival_s for one in requests)
    seconds = way + max(one.last_s for one in requests) - begin
    return Served(
        len(requests) * shape.output / seconds if seconds else None,
        statistics.median(one.itl_s for one in requests),
        way + statistics.median(one.ttft_s for one in requests),
        way + statistics.median(one.last_s - one.arrival_s for one in requests),
    )
