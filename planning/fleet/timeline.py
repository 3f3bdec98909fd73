"""A stretch of the month as it goes: workers and queue over time."""

from dataclasses import dataclass

import numpy as np

from planning.fleet.bounded import in_time, most_starts
from planning.fleet.fleet_state import (
    BIN_MAX_QUEUE,
    BIN_QUEUE,
    BIN_READY,
    BIN_SERVICE,
    BIN_STARTING,
    new_fleet,
)
from planning.fleet.plan import DAY_S, MONTH_S, Plan
from planning.fleet.request_file import RequestFile
from planning.fleet.rules import cold_cv_of, lead_s, rules_of
from planning.fleet.sampling import Window
from planning.fleet.simulation import Array, Counts, generator, run_window
from planning.fleet.workload import Workload, mean_work, workload_of

NUM_BINS = 180
MAX_REQUESTS = 100_000
SHORTEST_S = 60.0
AT_LEAST = 3
"""So many times MAX_REQUESTS are simulated so that it lasts SHORTEST_S, and no more."""


@dataclass(frozen=True)
class Timeline:
    """Means of equal bins; ``longest_queue`` is the most that waited in one."""

    start_s: float
    """Of the month."""
    bin_s: float
    ready: Array
    starting: Array
    in_service: Array
    queue: Array
    longest_queue: Array


def timeline_of(plan: Plan, recorded: RequestFile | None = None) -> Timeline:
    """A day, or what of it ``MAX_REQUESTS`` allow; with crowds, around the first.
    Raises BadSetting."""
    return in_time(lambda most: _timeline_of(plan, recorded, most), MAX_REQUESTS)


def _timeline_of(plan: Plan, recorded: RequestFile | None, most: int) -> Timeline:
    workload, rules = workload_of(plan, recorded), rules_of(plan)
    rules |= {"most_starts": most_starts(MAX_REQUESTS)}
    start, length = _stretch(workload, most)
    lead = min(lead_s(rules, mean_work(plan, recorded).total_s), start, length)
    bin_s = length / NUM_BINS
    num_lead_bins = int(np.ceil(lead / bin_s))
    zero = max(start - num_lead_bins * bin_s, 0.0)
    num_bins = NUM_BINS + num_lead_bins
    fleet = new_fleet(rules | {"num_bins": num_bins, "bin_s": bin_s})
    window = Window(zero, zero + num_bins * bin_s)
    random, cold_cv = generator(plan.seed, 0), cold_cv_of(plan)
    run_window(fleet, workload, window, random, cold_cv, Counts())
    bins = np.array(fleet["bins"][num_bins - NUM_BINS : num_bins])
    return Timeline(
        start_s=zero + num_lead_bins * bin_s,
        bin_s=bin_s,
        ready=bins[:, BIN_READY],
        starting=bins[:, BIN_STARTING],
        in_service=bins[:, BIN_SERVICE],
        queue=bins[:, BIN_QUEUE],
        longest_queue=bins[:, BIN_MAX_QUEUE],
    )


def _stretch(workload: Workload, most: int) -> tuple[float, float]:
    """Start and length [s]: around a crowd, with a third of it before."""
    if workload.rare:
        begin, end = workload.rare[0]
        length = min((end - begin) * 2, _affordable(workload.rare_rate_per_s, most))
        return min(max(begin - length / 4, 0.0), MONTH_S - length), length
    return DAY_S, min(DAY_S, _affordable(workload.rate_per_s, most))


def _affordable(rate_per_s: float, most: int) -> float:
    """Seconds: whatever the rate is, the requests in them are bounded."""
    longest = most / rate_per_s
    return max(longest, min(SHORTEST_S, AT_LEAST * longest))
