"""95 % intervals of repeated measurements."""

import math
import statistics
from collections.abc import Callable, Sequence
from random import Random

_NUM_RESAMPLES = 1000


def mean_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean and its 95 % interval (normal approximation: 20 values or more)."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return mean, mean, mean
    half = 1.96 * statistics.stdev(values) / math.sqrt(len(values))
    return mean, mean - half, mean + half


def bootstrap_interval(
    values: Sequence[float],
    statistic: Callable[[Sequence[float]], float],
    seed: int = 0,
) -> tuple[float, float, float]:
    """Any statistic (a median, a percentile) and its 95 % bootstrap interval."""
    random = Random(seed)
    resampled = sorted(
        statistic(random.choices(values, k=len(values))) for _ in range(_NUM_RESAMPLES)
    )
    low = resampled[round(0.025 * (_NUM_RESAMPLES - 1))]
    high = resampled[round(0.975 * (_NUM_RESAMPLES - 1))]
    return statistic(values), low, high


def percentile(values: Sequence[float], rank: float) -> float:
    """The value below which ``rank`` per cent lie (nearest rank)."""
    ordered = sorted(values)
    at = math.ceil(rank / 100 * len(ordered)) - 1
    return ordered[min(max(at, 0), len(ordered) - 1)]
