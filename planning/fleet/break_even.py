"""Where renting instances becomes cheaper than serverless, over traffic.

For each rate the plan's serverless part is simulated by itself. Beside it stands what
instances cost that carry the load at ``TARGET`` of their places: as many as needed,
all month. Serverless costs what is used; instances come in steps. A file of requests is
replayed slower or faster to get the other rates.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from planning.errors import BadSetting
from planning.fleet.costs import instance_usd_per_h
from planning.fleet.limits import MAX_WORKERS
from planning.fleet.plan import MAX_RATE_PER_S, Plan, Traffic
from planning.fleet.request_file import RequestFile
from planning.fleet.results import simulate
from planning.fleet.token_cost import pace
from planning.fleet.workload import Work, mean_work, workload_of

NUM_RATES = 9
SPAN = 10.0
"""The rates go from the plan's ÷ SPAN to the plan's × SPAN."""
LOWEST_PER_S, HIGHEST_PER_S = 1e-5, MAX_RATE_PER_S * (1 - 1e-9)
"""Limits of a plan; a file's rate is computed from its speed, hence just below."""
FEWEST = 2
BUDGET = 60_000
TARGET = 0.7
HOURS = 720


@dataclass(frozen=True)
class Point:
    """US dollars a month at one rate [requests/s]."""

    rate_per_s: float
    serverless_usd: float
    provisioned_usd: float
    num_instances: int


@dataclass(frozen=True)
class Curve:
    """Cost over a hundredfold of traffic, or less where it meets a limit."""

    rate_per_s: float
    """The plan's own."""
    points: tuple[Point, ...]
    """Ever higher rates, at least two."""


def break_even_curve(plan: Plan, recorded: RequestFile | None = None) -> Curve:
    """The curve around the plan, without rates at which it would take too long; raises
    BadSetting. ``recorded`` is the file of the pattern file."""
    usual = workload_of(plan, recorded).rate_per_s
    factors = [SPAN ** (2 * k / (NUM_RATES - 1) - 1) for k in range(NUM_RATES)]
    rates = [min(max(usual * one, LOWEST_PER_S), HIGHEST_PER_S) for one in factors]
    points: list[Point] = []
    for rate in dict.fromkeys(rates):
        there = replace(plan, traffic=_at(plan.traffic, rate, usual))
        try:
            points.append(_point(there, recorded))
        except BadSetting:
            if len(points) < FEWEST:
                raise
            break
    return Curve(usual, tuple(points))


def _at(traffic: Traffic, rate: float, usual: float) -> Traffic:
    if traffic.pattern != "file":
        return replace(traffic, rate_per_s=rate)
    return replace(traffic, file_speed=traffic.file_speed * rate / usual)


def _point(plan: Plan, recorded: RequestFile | None) -> Point:
    rate = workload_of(plan, recorded).rate_per_s
    num = workers_for(plan, rate, mean_work(plan, recorded))
    most = min(max(4 * num, plan.serverless.max_workers), MAX_WORKERS)
    serverless = replace(plan.serverless, max_workers=most)
    found = simulate(
        replace(plan, mode="serverless", serverless=serverless), BUDGET, recorded
    )
    num_instances = math.ceil(num / plan.provisioned.replicas)
    usd = num_instances * HOURS * instance_usd_per_h(plan)
    return Point(rate, found.cost_usd.mean, usd, num_instances)


def workers_for(plan: Plan, rate_per_s: float, work: Work) -> int:
    """Workers of instances that carry the rate with TARGET of their places, and of the
    time that prompts may take, in use.

    A batch of n decodes n / pace(n) as fast as one alone (see planning.fleet.batch);
    a prompt takes its seconds of the whole worker, or of cards of its own.
    """
    n = max(plan.service.concurrency * TARGET, 1.0)
    prompt_s = work.prefill_s / TARGET
    answer_s = work.decode_s * pace(plan.service, n) / n
    is_split = plan.service.is_split
    busy_s = max(prompt_s, answer_s) if is_split else prompt_s + answer_s
    return max(1, math.ceil(rate_per_s * busy_s))


def crossing(points: Sequence[Point]) -> float | None:
    """The rate from which on instances are cheaper; None where they never are, or
    always."""
    for before, after in pairwise(points):
        gaps = [one.serverless_usd - one.provisioned_usd for one in (before, after)]
        if gaps[0] <= 0 < gaps[1]:
            share = -gaps[0] / (gaps[1] - gaps[0])
            ratio = after.rate_per_s / before.rate_per_s
            return float(before.rate_per_s * ratio**share)
    return None
