"""One run: its windows of the month, one after the other, and what was counted.

The same generator gives the same counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from planning.fleet import event_loop
from planning.fleet.bounded import TooManyStarts
from planning.fleet.fleet_state import TALLY, Fleet, begin_window, new_fleet, reset
from planning.fleet.interruptions import begin_interruptions
from planning.fleet.rules import Rules
from planning.fleet.sampling import Window
from planning.fleet.warm_start import begin_warm
from planning.fleet.workload import Chunk, Workload, log_normal

Array = npt.NDArray[np.float64]
NUM_COLD_FACTORS = 1024


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
    num_cached_tokens: float = 0.0
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


def generator(seed: int, place: int) -> np.random.Generator:
    """An independent generator for each place of one seed."""
    sequence = np.random.SeedSequence(entropy=seed, spawn_key=(place,))
    return np.random.Generator(np.random.PCG64(sequence))


def run(
    rules: Rules,
    workload: Workload,
    windows: list[Window],
    random: np.random.Generator,
    cold_cv: float = 0.0,
) -> Counts:
    """Simulate the windows one by one; what they counted, weighted. Raises
    TooManyStarts."""
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
    """Simulate one window from a fleet at its time 0, and add it to ``counts``; raises
    TooManyStarts.

    The fleet's clock begins with the lead-in, at ``start_s - lead_s``.
    """
    zero = max(window.start_s - window.lead_s, 0.0)
    factors = _ColdFactors(cold_cv, random)
    if fleet["interrupted_every_s"] > 0:
        begin_interruptions(fleet, int(random.integers(1, 2**31 - 2)))
    if window.start_s > zero:
        chunks = workload.chunks(zero, window.start_s, random)
        if window.warm_from is not None:
            chunks = _begun_warm(fleet, chunks, window, window.start_s - zero)
        for chunk in chunks:
            _serve(fleet, chunk, zero, factors)
        event_loop.advance(fleet, window.start_s - zero, factors.of(fleet))
    ages_in = event_loop.book_all(fleet)
    begin_window(fleet)
    num_here = float(fleet["in_service"] + fleet["num_queued"])
    counts.num_carried_in += window.weight * num_here
    for chunk in workload.chunks(window.start_s, window.end_s, random):
        _serve(fleet, chunk, zero, factors)
        counts.num_input_tokens += window.weight * chunk.num_input_tokens
        counts.num_output_tokens += window.weight * chunk.num_output_tokens
        counts.num_cached_tokens += window.weight * chunk.num_cached_tokens
    event_loop.advance(fleet, window.end_s - zero, factors.of(fleet))
    _check_starts(fleet)
    ages_out = event_loop.book_all(fleet)
    spent = float(fleet["total_s"] + fleet["gave_up_wait_s"]) + ages_out - ages_in
    counts.in_system_s += window.weight * spent
    counts.add(fleet, window)


def _begun_warm(
    fleet: Fleet, chunks: Iterator[Chunk], window: Window, length_s: float
) -> Iterator[Chunk]:
    """The chunks, after the workers that they need are up."""
    found = list(chunks)
    begin_warm(fleet, found, length_s, window.warm_from or 0)
    return iter(found)


def _serve(fleet: Fleet, chunk: Chunk, zero: float, factors: "_ColdFactors") -> None:
    times, cold = chunk.times - zero, factors.of(fleet)
    event_loop.serve(fleet, times, chunk.prefills, chunk.decodes, cold)
    _check_starts(fleet)


def _check_starts(fleet: Fleet) -> None:
    if fleet["num_starts"] >= fleet["most_starts"]:
        raise TooManyStarts


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
