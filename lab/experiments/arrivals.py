"""When the requests of an open loop come: at a rate, whether or not others have ended.

Drawn as vLLM's own benchmark draws them (0.32, vllm/benchmarks/serve.py, get_request):
gaps of a gamma distribution of that shape, its ``--burstiness``; 1 is a Poisson
process, less comes in bursts. All gaps are then stretched so that the last request
comes when its rate says: a finite draw would have another rate. Pure.
"""

import random
from collections.abc import Mapping
from itertools import accumulate

BURSTINESS: Mapping[str, float] = {"poisson": 1.0, "bursts": 0.25}
"""Shape of the gamma distribution; a gap's standard deviation is its mean ÷ √shape."""


def arrivals(
    rate_per_s: float, number: int, shape: float, seed: str
) -> tuple[float, ...]:
    """Seconds from the beginning at which each of ``number`` requests comes, in order;
    the same for the same seed."""
    draw = random.Random(seed)
    gaps = [draw.gammavariate(shape, 1.0) for _ in range(number)]
    stretch = number / rate_per_s / sum(gaps)
    return tuple(accumulate(gap * stretch for gap in gaps))


def rate_of(arrived: list[float]) -> float | None:
    """Requests a second as they came, on any clock: gaps ÷ the time between the first
    and the last."""
    if len(arrived) < 2 or max(arrived) == min(arrived):
        return None
    return (len(arrived) - 1) / (max(arrived) - min(arrived))
