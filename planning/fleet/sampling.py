"""Which windows of a month are simulated: all of it, or a systematic sample.

A whole month is one window. Where that would be too many requests, a run takes windows
spread over the month, each after a lead-in that is not counted, and all of the rare
stretches (crowds) that it must not miss.
"""

from dataclasses import dataclass, field

import numpy as np

from planning.fleet.plan import MONTH_S
from planning.fleet.rules import Rules
from planning.fleet.workload import Workload

ENOUGH = 24_000_000
"""Requests after which a whole month is not repeated once more."""
NUM_RUNS = 8
MIN_RUNS = 2
MIN_SAMPLES = 3
"""Runs of a sample, each with a whole crowd where one fits."""
SLOWER_BY_DOUBLING = 0.1
"""How much slower the loop is on twice as many workers, measured (docs/fleet.md)."""
LOOK = 0.2
"""Of the time of a request on one worker, measured."""
USUAL_TICK_S = 5.0
"""Looks that are as rare as this take no time to speak of."""
MANY = 20
"""Workers that start together because a window begins leave a queue that a lead-in is
too short to forget."""
SAMPLES_A_RUN = 29
"""A prime and not a divisor of the days: the windows fall on all hours."""


@dataclass(frozen=True)
class Window:
    """A stretch of the month and how much of it that stands for."""

    start_s: float
    end_s: float
    weight: float = 1.0
    lead_s: float = 0.0
    warm_from: int | None = None
    """It begins with the workers that its traffic needs where these are so many more
    than at time 0 (see warm_start); None: it begins as the month does."""


def whole_month() -> list[Window]:
    """The month as one window, from an empty fleet."""
    return [Window(0.0, MONTH_S)]


@dataclass(frozen=True)
class Sample:
    """How to look at a month without simulating all of it."""

    num: int
    """Windows in what is not rare."""
    length_s: float
    lead_s: float
    rare_length_s: float
    """The most of a rare stretch."""
    warm_from: int = 0
    """See Window."""


@dataclass(frozen=True)
class Schedule:
    """What each of the independent runs looks at."""

    num_runs: int
    sample: Sample | None = None
    """None: at the whole month."""
    rare: list[tuple[float, float]] = field(default_factory=list)

    def windows(self, place: int, random: np.random.Generator) -> list[Window]:
        """Of the run at ``place``, from 0."""
        if self.sample is None:
            return whole_month()
        return sampled(self.rare, self.sample, place, random)


def schedule_of(
    workload: Workload, budget: int, lead_s: float, others_per_s: float = 0.0
) -> Schedule:
    """Whole months where ``budget`` requests are enough for MIN_RUNS of them, with what
    else happens counted as ``others_per_s`` requests."""
    a_month = (workload.rate_per_s + others_per_s) * MONTH_S
    if a_month * MIN_RUNS <= budget:
        num = min(budget, ENOUGH) / a_month
        return Schedule(int(min(max(num, MIN_RUNS), NUM_RUNS)))
    num_runs = NUM_RUNS
    if workload.rare:
        whole_crowds = budget / 2 / _crowd(workload)
        num_runs = int(min(max(whole_crowds, MIN_SAMPLES), NUM_RUNS))
    sample = _sample(workload, budget / num_runs, lead_s, others_per_s)
    return Schedule(num_runs, sample, workload.rare)


def affordable(rules: Rules, budget: int) -> int:
    """Requests in the time that ``budget`` takes on one worker: the loop's trees are as
    deep as the workers' number has binary digits."""
    doublings = float(np.log2(1 + rules["num_workers"]))
    return int(budget / (1 + SLOWER_BY_DOUBLING * doublings))


def busy_with_others(rules: Rules) -> float:
    """Looks of a quick autoscaler and interruptions, as requests that take as long."""
    looks = max(1 / rules["tick_s"] - 1 / USUAL_TICK_S, 0.0) * LOOK
    if not rules["has_autoscaler"]:
        looks = 0.0
    if rules["interrupted_every_s"] > 0:
        looks += rules["num_provisioned"] / rules["interrupted_every_s"]
    return looks


def _crowd(workload: Workload) -> float:
    """Requests of one rare stretch."""
    begin, end = workload.rare[0]
    return workload.rare_rate_per_s * (end - begin)


def _sample(
    workload: Workload, num_requests: float, lead: float, others_per_s: float
) -> Sample:
    """Windows with so many requests in all, half of them in rare stretches if any."""
    usual = num_requests / 2 if workload.rare else num_requests
    seconds = usual / (workload.rate_per_s + others_per_s)
    num = int(min(max(seconds / (4 * lead), 1), SAMPLES_A_RUN))
    rare_seconds = usual / workload.rare_rate_per_s
    if workload.rare and _crowd(workload) <= 2 * num_requests:
        rare_seconds = MONTH_S
    most = 0.75 * seconds / num
    warm_from = 0 if most < lead else MANY
    lead = min(lead, most)
    return Sample(num, seconds / num - lead, lead, rare_seconds, warm_from)


def sampled(
    rare: list[tuple[float, float]],
    sample: Sample,
    place: int,
    random: np.random.Generator,
) -> list[Window]:
    """One window somewhere in each equal part of what is not rare, and one in the rare
    stretch at ``place``, with thrice as long after it for the queue to end. The weights
    make them a month."""
    stretches = [(a, min(b + 3 * (b - a), MONTH_S)) for a, b in rare]
    rare_s = sum(b - a for a, b in stretches)
    if rare_s > MONTH_S / 4:
        stretches, rare_s = [], 0.0
    windows = []
    part = (MONTH_S - rare_s) / sample.num
    length_s = min(sample.length_s, part)
    for k in range(sample.num):
        start = k * part + random.random() * (part - length_s)
        for a, b in stretches:
            if start + length_s > a:
                start += b - a
        start = min(start, MONTH_S - length_s)
        end, weight = start + length_s, part / length_s
        windows.append(Window(start, end, weight, sample.lead_s, sample.warm_from))
    if stretches:
        begin, end = stretches[place % len(stretches)]
        length_s = min(sample.rare_length_s, end - begin)
        start = begin + random.random() * (end - begin - length_s)
        weight = rare_s / length_s
        lead_s, warm_from = min(sample.lead_s, length_s), sample.warm_from
        windows.append(Window(start, start + length_s, weight, lead_s, warm_from))
    return windows
