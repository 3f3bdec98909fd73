"""A step's cost fitted to an engine that is at hand, by a few loads of it. Pure.

A machine does other work too, and that holds some steps up, now more and now less: on
two cores with other work the mean step was measured at 1.8 to 2.9 times the lower
quartile, from one load to the next. So the constants are fitted to the lower quartile
of the gaps between tokens, and how much longer the mean is, is told apart: held up.
"""

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lab.experiments.expected import (
    Pace,
    Served,
    Shape,
    Stretched,
    in_closed_loop,
)
from lab.messages import RequestReport
from planning.service.fitted import FittedCost
from planning.service.steps import StepCost

ROUNDS = 12
CLOSE_S = 1e-6
"""Of a request in a step: nearer than that it is found."""


@dataclass(frozen=True)
class Probe:
    """A closed loop that was measured."""

    at_once: int
    number: int
    """Requests."""
    served: Served


def pace_of(
    alone: Sequence[RequestReport], crowd: Sequence[RequestReport], at_once: int
) -> Pace:
    """Of a place alone, which sends its next when the last has ended, and of
    ``at_once`` that begin together; 0 s where a time is unknown."""
    turns = [
        max(0.0, after.arrived_at - one.arrived_at - one.e2el_s)
        for one, after in itertools.pairwise(sorted(alone, key=_arrival))
        if after.arrived_at and one.arrived_at and one.e2el_s
    ]
    begun = sorted(map(_arrival, crowd))[:at_once]
    gap_s = (begun[-1] - begun[0]) / (len(begun) - 1) if len(begun) > 1 else 0.0
    return Pace(gap_s, statistics.median(turns) if turns else 0.0)


def _arrival(report: RequestReport) -> float:
    return report.arrived_at or 0.0


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


def fitted(
    alone: Probe,
    crowd: Probe,
    shape: Shape,
    pace: Pace,
    long: Shape | None = None,
    long_ttft_s: float | None = None,
) -> FittedCost | None:
    """The constants under which both loads, gone through step by step as they came,
    have the undisturbed steps that were measured; what reading takes by a longer prompt
    alone, where there was one. None where a time is unknown."""
    one, many = _undisturbed(alone.served), _undisturbed(crowd.served)
    cost = calibrated(one, many, crowd.at_once, shape.prompt)
    if cost is None or one.itl_s is None or many.itl_s is None or one.ttft_s is None:
        return None
    if long is not None and long_ttft_s is not None and long.prompt > shape.prompt:
        cost = replace(cost, token_s=_reading_s(cost, one, shape, long, long_ttft_s))
    for _ in range(ROUNDS):
        found = in_closed_loop(cost, crowd.at_once, crowd.number, shape, pace).quiet_s
        more = (many.itl_s - (found or many.itl_s)) / (crowd.at_once - 1)
        each = min(max(0.0, cost.request_s + more), one.itl_s)
        own = one.itl_s - each
        read_s = own * math.ceil(shape.prompt / shape.budget)
        way = max(0.0, one.ttft_s - read_s - shape.prompt * cost.token_s)
        cost = replace(cost, step_s=own, request_s=each, entry_s=way)
        if abs(more) < CLOSE_S:
            break
    return cost


def _undisturbed(served: Served) -> Served:
    return replace(
        served,
        itl_s=served.itl_s if served.quiet_s is None else served.quiet_s,
        ttft_s=served.ttft_s if served.least_ttft_s is None else served.least_ttft_s,
    )


def _reading_s(
    cost: FittedCost, alone: Served, shape: Shape, long: Shape, long_ttft_s: float
) -> float:
    """Seconds of a token of a prompt: a longer prompt differs by its tokens, and by
    further steps where it does not fit one; the way to the engine is the same."""
    assert alone.ttft_s is not None
    steps = math.ceil(long.prompt / long.budget) - math.ceil(
        shape.prompt / shape.budget
    )
    longer_s = long_ttft_s - alone.ttft_s - steps * cost.step_s
    most = max(0.0, alone.ttft_s - cost.step_s) / shape.prompt
    return min(max(0.0, longer_s / (long.prompt - shape.prompt)), most)


def held_up(measured: Served | None, undisturbed: Served | None) -> float | None:
    """How many times as long as undisturbed the steps of a load took in the mean: the
    mean ÷ lower quartile of its gaps, by that of the model, whose gaps differ too where
    a prompt is read in some. None where a time is unknown; at least 1."""
    spreads = [
        one.itl_s / one.quiet_s
        for one in (measured, undisturbed)
        if one is not None and one.itl_s and one.quiet_s
    ]
    return max(1.0, spreads[0] / spreads[1]) if len(spreads) == 2 else None


def stretched(cost: StepCost, times: float | None) -> StepCost:
    """The same cost on a machine that holds steps up so much."""
    return cost if times is None else Stretched(cost, times)
