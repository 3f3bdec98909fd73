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

from planning.fleet.costs import instance_usd_per_h
from planning.fleet.plan import MAX_RATE_PER_S, MAX_WORKERS, Plan, Traffic
from planning.fleet.request_file import RequestFile
from planning.fleet.results import simulate
from planning.fleet.workload import Work, mean_work, workload_of

NUM_RATES = 9
SPAN = 10.0
"""The rates go from the plan's ÷ SPAN to the plan's × SPAN."""
LOWEST_PER_S, HIGHEST_PER_S = 1e-5, MAX_RATE_PER_S * (1 - 1e-9)
"""Limits of a plan; a file's rate is computed from its speed, hence just below."""
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
    """The curve around the plan. ``recorded`` is the file of the pattern file."""
    usual = workload_of(plan, recorded).rate_per_s
    factors = [SPAN ** (2 * k / (NUM_RATES - 1) - 1) for k in range(NUM_RATES)]
    rates = [min(max(usual * one, LOWEST_PER_S), HIGHEST_PER_S) for one in factors]
    return Curve(
        usual,
        tuple(
            _point(replace(plan, traffic=_at(plan.traffic, rate, usual)), recorded)
            for rate in dict.fromkeys(rates)
        ),
    )


def _at(traffic: Traffic, rate: float, usual: float) -> Traffic:
    if traffic.pattern != "file":
        return replace(traffic, rate_per_s=rate)
    return replace(traffic, file_speed=traffic.file_speed * rate / usual)


def _point(plan: Plan, recorded: RequestFile | None) -> Point:
    rate = workload_of(plan, recorded).rate_per_s
    num = instances_for(plan, rate, mean_work(plan, recorded))
    most = min(max(4 * num, plan.serverless.max_workers), MAX_WORKERS)
    serverless = replace(plan.serverless, max_workers=most)
    found = simulate(
        replace(plan, mode="serverless", serverless=serverless), BUDGET, recorded
    )
    usd = num * HOURS * instance_usd_per_h(plan)
    return Point(rate, found.cost_usd.mean, usd, num)


def instances_for(plan: Plan, rate_per_s: float, work: Work) -> int:
    """Instances that carry the rate with TARGET of their places, and of the time that
    prompts may take, in use.

    A batch of n decodes n / pace(n) as fast as one alone (see planning.fleet.batch);
    a prompt takes its seconds of the whole instance.
    """
    service = plan.service
    n = max(service.concurrency * TARGET, 1.0)
    token_cost = service.decode_tokens_per_s / service.prefill_tokens_per_s
    pace = max(1 + service.slowdown_pct / 100 * (n - 1), n * token_cost)
    busy_s = work.prefill_s / TARGET + work.decode_s * pace / n
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
