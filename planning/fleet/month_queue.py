"""How many wait, over the month: the mean and the most of each stretch of it.

All of the month is simulated where that is at most ``BUDGET`` requests. Else each
stretch is: of its middle, or from where a crowd begins in it, as long as the budget
allows, after a lead-in. What is left out may hold longer queues.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from planning.fleet.bounded import in_time, most_starts
from planning.fleet.fleet_state import BIN_MAX_QUEUE, BIN_QUEUE, new_fleet, reset
from planning.fleet.plan import MONTH_S, Plan
from planning.fleet.request_file import RequestFile
from planning.fleet.rules import Rules, cold_cv_of, lead_s, rules_of
from planning.fleet.sampling import MANY, Window, affordable, busy_with_others
from planning.fleet.simulation import Array, Counts, generator, run_window
from planning.fleet.workload import Workload, mean_work, workload_of

NUM_BINS = 180
"""Four hours each."""
BIN_S = MONTH_S / NUM_BINS
BUDGET = 4_000_000
DAYS = 30


class Day(NamedTuple):
    """Requests that wait on one day, from 1."""

    day: int
    mean: float
    longest: float


@dataclass(frozen=True)
class MonthQueue:
    """Requests that wait, by stretches of ``BIN_S`` seconds."""

    mean: Array
    longest: Array
    """The most at once."""
    share_simulated: float
    """Of the month; 1: all of it."""

    @property
    def is_whole_month(self) -> bool:
        """Whether every second was simulated."""
        return self.share_simulated == 1

    def by_day(self) -> list[Day]:
        """Mean and most of each day."""
        means = self.mean.reshape(DAYS, -1).mean(axis=1)
        longest = self.longest.reshape(DAYS, -1).max(axis=1)
        return [Day(d + 1, float(means[d]), float(longest[d])) for d in range(DAYS)]


def month_queue_of(
    plan: Plan, recorded: RequestFile | None = None, budget: int = BUDGET
) -> MonthQueue:
    """One month, with the plan's seed; raises BadSetting."""
    workload, rules = workload_of(plan, recorded), rules_of(plan)
    affords = affordable(rules, budget)
    rules |= {"most_starts": most_starts(affords)}
    per_s = workload.rate_per_s + busy_with_others(rules)
    work_s = mean_work(plan, recorded).total_s

    def simulated(most: int) -> MonthQueue:
        if per_s * MONTH_S <= most:
            return _whole(plan, rules, workload)
        length_s = min(most / NUM_BINS / per_s, BIN_S)
        return _sampled(plan, rules, workload, work_s, length_s)

    return in_time(simulated, affords)


def _whole(plan: Plan, rules: Rules, workload: Workload) -> MonthQueue:
    fleet = new_fleet(rules | {"num_bins": NUM_BINS, "bin_s": BIN_S})
    random, cold_cv = generator(plan.seed, 0), cold_cv_of(plan)
    run_window(fleet, workload, Window(0.0, MONTH_S), random, cold_cv, Counts())
    bins = np.array(fleet["bins"][:NUM_BINS])
    return MonthQueue(bins[:, BIN_QUEUE], bins[:, BIN_MAX_QUEUE], 1.0)


def _sampled(
    plan: Plan, rules: Rules, workload: Workload, work_s: float, length_s: float
) -> MonthQueue:
    """Half of each window's ``length_s`` at most is its lead-in; where that is too
    short for a start, or for its queue, it begins with the workers that it needs."""
    random, cold_cv = generator(plan.seed, 0), cold_cv_of(plan)
    wanted, most = lead_s(rules, work_s), length_s / 2
    lead, warm_from = min(wanted, most), 0 if most < wanted else MANY
    seen_s = length_s - lead
    fleet, mean, longest = new_fleet(rules), np.zeros(NUM_BINS), np.zeros(NUM_BINS)
    for place in range(NUM_BINS):
        start = _start(workload, place, seen_s)
        window = Window(start, start + seen_s, 1.0, lead, warm_from)
        reset(fleet, rules)
        run_window(fleet, workload, window, random, cold_cv, counts := Counts())
        mean[place] = counts["area_queue"] / seen_s
        longest[place] = float(fleet["bin_max_queue"])
    return MonthQueue(mean, longest, seen_s / BIN_S)


def _start(workload: Workload, place: int, seen_s: float) -> float:
    begin = place * BIN_S
    crowds = [at for at, _ in workload.rare if begin <= at < begin + BIN_S]
    middle = begin + (BIN_S - seen_s) / 2
    return min(crowds[0], begin + BIN_S - seen_s) if crowds else middle
