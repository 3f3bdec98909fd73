"""How bursty a plan's requests are: the index of dispersion of the first of them."""

from dataclasses import dataclass

from planning.fleet.arrivals import CHUNK, dispersion
from planning.fleet.plan import DAY_S, Plan
from planning.fleet.request_file import RequestFile
from planning.fleet.simulation import generator
from planning.fleet.workload import workload_of

WINDOWS_S = (1, 10, 60)
NUM_REQUESTS = 30_000


@dataclass(frozen=True)
class Dispersion:
    """Variance ÷ mean of the counts in windows of one length; Poisson is 1."""

    window_s: int
    value: float


def burstiness(plan: Plan, recorded: RequestFile | None = None) -> list[Dispersion]:
    """Of the month's first requests, or of those around its first crowd; windows of
    which there are too few are left out."""
    workload = workload_of(plan, recorded)
    seconds = min(NUM_REQUESTS / workload.rate_per_s, DAY_S)
    start = max(workload.rare[0][0] - seconds / 2, 0.0) if workload.rare else 0.0
    random = generator(plan.seed, 0)
    times = next(workload.chunks(start, start + seconds, random)).times[:CHUNK]
    values = [(window_s, dispersion(times, window_s)) for window_s in WINDOWS_S]
    return [Dispersion(w, value) for w, value in values if value is not None]
