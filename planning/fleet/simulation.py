"""Simulating a plan: its rules for the event loop, and runs over windows of the month.

A whole month is one window. Where that would be too many requests, a run takes windows
spread over the month, each after a lead-in that is not counted, and all of the rare
stretches (crowds) that it must not miss. The same seed gives the same result.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from planning.fleet import event_loop
from planning.fleet.fleet_state import (
    INF,
    NO_SCALER,
    QUEUE_DELAY,
    REQUEST_COUNT,
    TALLY,
    Fleet,
    begin_window,
    new_fleet,
    reset,
)
from planning.fleet.plan import DAY_S, MONTH_S, Plan
from planning.fleet.workload import Workload, log_normal

Array = npt.NDArray[np.float64]
NUM_COLD_FACTORS = 1024


@dataclass(frozen=True)
class Window:
    """A stretch of the month and how much of it that stands for."""

    start_s: float
    end_s: float
    weight: float = 1.0
    lead_s: float = 0.0


@dataclass
class Counts:
    """What the event loop counted, summed over weighted windows."""

    tally: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    seconds_simulated: float = 0.0
    num_simulated: int = 0
    """Requests that came in the windows, each counted once."""
    memory_s: float = 0.0
    """The longest lead-in."""
    month_s: float = 0.0
    """Weighted length of the windows: what the counts stand for."""
    num_input_tokens: float = 0.0
    num_output_tokens: float = 0.0
    in_system_s: float = 0.0
    """What each request spent here, from their own times: Little's other side."""
    num_in_service: float = 0.0
    num_waiting: float = 0.0
    num_carried_in: float = 0.0

    def __getitem__(self, name: str) -> float:
        return float(self.tally[name])

    def add(self, fleet: Fleet, window: Window) -> None:
        """Add what ``fleet`` counted in ``window``."""
        for name, *_ in TALLY:
            value = np.asarray(fleet[name], float) * window.weight
            self.tally[name] = self.tally.get(name, np.zeros_like(value)) + value
        self.num_in_service += window.weight * float(fleet["in_service"])
        self.num_waiting += window.weight * float(fleet["num_queued"])
        length = window.end_s - window.start_s
        self.seconds_simulated += length
        self.memory_s = max(self.memory_s, window.lead_s)
        self.num_simulated += int(fleet["num_arrived"])
        self.month_s += window.weight * length


def rules_of(plan: Plan, num_bins: int = 0, bin_s: float = 3600.0) -> dict[str, float]:
    """The plan as the event loop's rules: seconds, counts and shares."""
    provisioned, serverless = plan.provisioned, plan.serverless
    num_provisioned = provisioned.instances if plan.has_provisioned else 0
    num_serverless = serverless.max_workers if plan.has_serverless else 0
    has_autoscaler = plan.has_provisioned and provisioned.autoscaler == "on"
    by_delay = serverless.scaler == "queue_delay"
    scaler = QUEUE_DELAY if by_delay else REQUEST_COUNT
    value = serverless.queue_delay_s if by_delay else serverless.requests_per_worker
    ping_min = serverless.ping_every_min if plan.has_serverless else None
    return {
        "num_provisioned": num_provisioned,
        "num_workers": num_provisioned + num_serverless,
        "num_kept": serverless.min_workers if plan.has_serverless else 0,
        "concurrency": plan.service.concurrency,
        "slowdown": plan.service.slowdown_pct / 100,
        "max_queue": plan.goals.max_queue,
        "give_up_s": INF if plan.goals.give_up_s is None else plan.goals.give_up_s,
        "idle_timeout_s": serverless.idle_timeout_s,
        "scaler": scaler if plan.has_serverless else NO_SCALER,
        "scaler_value": value,
        "cold_start_s": serverless.cold_start_s,
        "bills_cold": serverless.bills_cold_start == "yes",
        "bills_idle": serverless.bills_idle == "yes",
        "rounding_s": serverless.rounding_s,
        "ping_every_s": 0.0 if ping_min is None else ping_min * 60,
        "ping_s": serverless.ping_s,
        "has_autoscaler": has_autoscaler,
        "min_instances": provisioned.min_instances
        if has_autoscaler
        else num_provisioned,
        "target": provisioned.target_pct / 100,
        "tick_s": provisioned.look_every_s,
        "start_up_s": provisioned.start_up_min * 60,
        "cool_down_s": provisioned.cool_down_min * 60,
        "bin_s": bin_s,
        "num_bins": num_bins,
    }


def lead_s(plan: Plan, work_s: float) -> float:
    """How long before a window its simulation begins: enough to forget the start."""
    rules = rules_of(plan)
    longest = 20 * work_s
    if plan.has_serverless:
        longest += rules["idle_timeout_s"] + 3 * rules["cold_start_s"]
    if rules["has_autoscaler"]:
        longest += rules["start_up_s"] + rules["cool_down_s"] + 2 * rules["tick_s"]
    return min(max(longest, 60.0), DAY_S / 4)


def run(
    rules: dict[str, float],
    workload: Workload,
    windows: list[Window],
    random: np.random.Generator,
    cold_cv: float = 0.0,
) -> Counts:
    """Simulate the windows one by one; what they counted, weighted."""
    counts = Counts()
    fleet = new_fleet(rules)
    for window in windows:
        reset(fleet, rules)
        run_window(fleet, workload, window, random, cold_cv, counts)
    return counts


def run_window(
    fleet: Fleet,
    workload: Workload,
    window: Window,
    random: np.random.Generator,
    cold_cv: float,
    counts: Counts,
) -> None:
    """Simulate one window from a fleet at its time 0, and add it to ``counts``.

    The fleet's clock begins with the lead-in, at ``start_s - lead_s``.
    """
    zero = max(window.start_s - window.lead_s, 0.0)
    factors = _ColdFactors(cold_cv, random)
    if window.start_s > zero:
        for chunk in workload.chunks(zero, window.start_s, random):
            event_loop.serve(fleet, chunk.times - zero, chunk.works, factors.of(fleet))
        event_loop.advance(fleet, window.start_s - zero, factors.of(fleet))
    ages_in = event_loop.book_all(fleet)
    begin_window(fleet)
    num_here = float(fleet["in_service"] + fleet["num_queued"])
    counts.num_carried_in += window.weight * num_here
    for chunk in workload.chunks(window.start_s, window.end_s, random):
        event_loop.serve(fleet, chunk.times - zero, chunk.works, factors.of(fleet))
        counts.num_input_tokens += window.weight * chunk.num_input_tokens
        counts.num_output_tokens += window.weight * chunk.num_output_tokens
    event_loop.advance(fleet, window.end_s - zero, factors.of(fleet))
    ages_out = event_loop.book_all(fleet)
    spent = float(fleet["total_s"] + fleet["gave_up_wait_s"]) + ages_out - ages_in
    counts.in_system_s += window.weight * spent
    counts.add(fleet, window)


class _ColdFactors:
    """Random factors of mean 1 for the cold starts, renewed when they are used up."""

    def __init__(self, cv: float, random: np.random.Generator) -> None:
        self._cv, self._random = cv, random
        self._factors = log_normal(1.0, cv, NUM_COLD_FACTORS if cv else 1, random)

    def of(self, fleet: Fleet) -> Array:
        if self._cv and fleet["next_cold"] >= NUM_COLD_FACTORS // 2:
            fleet["next_cold"] = 0
            self._factors = log_normal(1.0, self._cv, NUM_COLD_FACTORS, self._random)
        return self._factors


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
        windows.append(Window(start, start + length_s, part / length_s, sample.lead_s))
    if stretches:
        begin, end = stretches[place % len(stretches)]
        length_s = min(sample.rare_length_s, end - begin)
        start = begin + random.random() * (end - begin - length_s)
        weight = rare_s / length_s
        lead_s = min(sample.lead_s, length_s)
        windows.append(Window(start, start + length_s, weight, lead_s))
    return windows
