"""What a simulated month comes to: cost and its split, waits, shares, a timeline.

    simulate(plan, budget=…)  → Result

``budget`` bounds the requests simulated over all runs. If the month fits, every run is
a whole month with a seed of its own; else it is a sample of windows (see sampling),
and the intervals say how well it is known.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planning.fleet.bounded import in_time, most_starts
from planning.fleet.costs import Costs, costs_of
from planning.fleet.fleet_state import BUSY
from planning.fleet.means import Mean, mean_of, quantile, share_above
from planning.fleet.per_token import (
    INPUT,
    OUTPUT,
    api_usd,
    per_million,
    per_million_of,
    tokens_served,
)
from planning.fleet.plan import MONTH_S, Plan
from planning.fleet.request_file import RequestFile
from planning.fleet.rules import cold_cv_of, lead_s, rules_of
from planning.fleet.sampling import affordable, busy_with_others, schedule_of
from planning.fleet.simulation import Counts, generator, run
from planning.fleet.workload import mean_work, workload_of

PREVIEW_BUDGET = 450_000
"""Requests: within 300 ms on one core, arrivals included."""
MONTH_BUDGET = 45_000_000
"""Requests: less than ten seconds."""
PERCENTILES = (50, 95, 99)
LOST = ("num_refused", "num_gave_up", "num_timed_out", "num_cut_off")


@dataclass(frozen=True)
class Result:
    """Estimates over the runs; seconds, US dollars and per cent of a month."""

    plan: Plan
    is_whole_month: bool
    num_runs: int
    num_requests_simulated: int
    share_simulated: float
    """Seconds simulated ÷ seconds of a month, of one run."""
    memory_s: float
    """Lead-in of the windows: a queue that grows for longer is seen too short."""
    requests: Mean
    """A month."""
    tokens: Mean
    """A month, input and output, as far as they were computed."""
    input_tokens: Mean
    """A month, of all requests that came, as the next two."""
    cached_tokens: Mean
    output_tokens: Mean
    prompt_workers: Mean
    """Workers that the prompts of all requests would keep busy by themselves."""
    cost_usd: Mean
    usd_per_million_tokens: Mean | None
    usd_per_m_input: Mean | None
    """Per million prompt tokens, those from the prefix cache counted in: the bill,
    divided as the workers' time is (see token_cost). None, as the next one, where none
    were computed, or on cards of their own."""
    usd_per_m_output: Mean | None
    api_usd: Mean
    """What a hosted API asks for all requests that came, at the plan's prices."""
    costs: dict[str, Mean]
    """The cost by Costs' lines; their means add up to the cost's mean."""
    wait_s: dict[int, Mean | None]
    """Until a worker begins with the prompt, by percentile."""
    wait_mean_s: Mean | None
    late_pct: Mean | None
    """Share of the requests that waited for longer than the goal."""
    later_pct: Mean | None
    """That waited for longer than the plan's late_after_s; None: it has none."""
    first_token_s: dict[int, Mean | None]
    """Until the prompt is done (TTFT), by percentile."""
    total_s: dict[int, Mean | None]
    cold_pct: Mean
    """Share of the requests served that waited for a start."""
    busy_pct: Mean
    """Share of the workers' seconds in which they served someone."""
    places_pct: Mean
    """Share of the places of ready workers in use: how full the batches are."""
    lost_pct: Mean
    """Refused by a full queue, given up, ended by a time-out or by an interruption."""
    timed_out_pct: Mean
    interruptions: Mean
    """A month."""
    retried_pct: Mean
    """Requests that an interruption sent back to the queue, once each time."""
    cut_off_pct: Mean
    """Lost by interruptions."""
    waiting_at_end: Mean
    in_service: Mean
    """Mean number."""
    workers: Mean
    """Mean number, starting ones included."""

    @property
    def is_short_sighted(self) -> bool:
        """Whether a sample's windows are too short to see how long the waits are."""
        wait = self.wait_s[99]
        is_long = wait is not None and wait.mean > self.memory_s / 2
        return not self.is_whole_month and (is_long or self.lost_pct.mean > 0)

    @property
    def meets_slo(self) -> bool:
        """Whether the goals are met, by the means."""
        wait = self.wait_s[95]
        goals = self.plan.goals
        return (
            wait is not None
            and wait.mean <= goals.slo_wait_s
            and self.lost_pct.mean <= goals.max_drop_pct
        )


def simulate(
    plan: Plan, budget: int = MONTH_BUDGET, recorded: RequestFile | None = None
) -> Result:
    """Simulate a month of ``plan``; raises BadSetting. ``recorded`` is the file of the
    pattern file."""
    workload, rules = workload_of(plan, recorded), rules_of(plan)
    lead = lead_s(rules, mean_work(plan, recorded).total_s)
    most = affordable(rules, budget)

    def simulated(num_requests: int) -> Result:
        schedule = schedule_of(workload, num_requests, lead, busy_with_others(rules))
        bound = {"most_starts": most_starts(most, schedule.num_runs)}
        runs = []
        for place in range(schedule.num_runs):
            random = generator(plan.seed, place)
            windows = schedule.windows(place, random)
            runs.append(run(rules | bound, workload, windows, random, cold_cv_of(plan)))
        return result_of(plan, runs, is_whole=schedule.sample is None)

    return in_time(simulated, most)


def result_of(plan: Plan, runs: list[Counts], *, is_whole: bool) -> Result:
    """Estimates from what the runs counted."""
    costs = [costs_of(plan, one) for one in runs]

    def of(value: Callable[[Counts], float]) -> Mean:
        return mean_of([value(one) for one in runs])

    def share(part: Callable[[Counts], float], whole: str) -> Mean:
        return of(lambda one: 100 * part(one) / max(one[whole], 1.0))

    return Result(
        plan=plan,
        is_whole_month=is_whole,
        num_runs=len(runs),
        num_requests_simulated=sum(one.num_simulated for one in runs),
        share_simulated=runs[0].seconds_simulated / MONTH_S,
        memory_s=runs[0].memory_s,
        requests=of(lambda one: one["num_arrived"]),
        tokens=of(lambda one: tokens_served(plan, one)),
        input_tokens=of(lambda one: one.num_input_tokens),
        cached_tokens=of(lambda one: one.num_cached_tokens),
        output_tokens=of(lambda one: one.num_output_tokens),
        prompt_workers=of(
            lambda one: (
                (one.num_input_tokens - one.num_cached_tokens)
                / plan.service.prefill_tokens_per_s
                / one.month_s
            )
        ),
        cost_usd=mean_of([one.total for one in costs]),
        usd_per_million_tokens=per_million(
            costs, [tokens_served(plan, r) for r in runs]
        ),
        usd_per_m_input=per_million_of(plan, costs, runs, INPUT),
        usd_per_m_output=per_million_of(plan, costs, runs, OUTPUT),
        api_usd=of(lambda one: api_usd(plan, one)),
        costs=_by_line(costs),
        wait_s={p: _percentile(runs, "waits", p) for p in PERCENTILES},
        wait_mean_s=_mean_wait(runs),
        late_pct=_late_pct(runs, plan.goals.slo_wait_s),
        later_pct=_late_pct(runs, plan.goals.late_after_s),
        first_token_s={p: _percentile(runs, "firsts", p) for p in PERCENTILES},
        total_s={p: _percentile(runs, "totals", p) for p in PERCENTILES},
        cold_pct=share(lambda one: one["num_cold"], "num_started"),
        busy_pct=of(_busy_pct),
        places_pct=of(
            lambda one: (
                100
                * one["area_service"]
                / max(one["area_ready"] * plan.service.concurrency, 1e-9)
            )
        ),
        lost_pct=share(lambda one: sum(one[name] for name in LOST), "num_arrived"),
        timed_out_pct=share(lambda one: one["num_timed_out"], "num_arrived"),
        interruptions=of(lambda one: one["num_interruptions"]),
        retried_pct=share(lambda one: one["num_retried"], "num_arrived"),
        cut_off_pct=share(lambda one: one["num_cut_off"], "num_arrived"),
        waiting_at_end=of(lambda one: one.num_waiting),
        in_service=of(lambda one: one["area_service"] / one.month_s),
        workers=of(
            lambda one: (one["area_ready"] + one["area_starting"]) / one.month_s
        ),
    )


def _mean_wait(runs: list[Counts]) -> Mean | None:
    begun = [one.tally["waits"].sum() for one in runs]
    if min(begun) <= 0:
        return None
    pairs = zip(runs, begun, strict=True)
    return mean_of([one["wait_s"] / number for one, number in pairs])


def _late_pct(runs: list[Counts], seconds: float | None) -> Mean | None:
    if seconds is None:
        return None
    shares = [share_above(one.tally["waits"], seconds) for one in runs]
    known = [100 * share for share in shares if share is not None]
    return mean_of(known) if known else None


def _by_line(costs: list[Costs]) -> dict[str, Mean]:
    return {
        name: mean_of([one.lines[name] for one in costs]) for name in costs[0].lines
    }


def _busy_pct(counts: Counts) -> float:
    seconds: npt.NDArray[np.float64] = counts.tally["seconds"]
    return float(100 * seconds[:, BUSY].sum() / max(seconds.sum(), 1e-9))


def _percentile(runs: list[Counts], name: str, percentile: int) -> Mean | None:
    values = [quantile(one.tally[name], percentile / 100) for one in runs]
    known = [value for value in values if value is not None]
    return mean_of(known) if known else None
