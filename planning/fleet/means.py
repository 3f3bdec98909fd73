"""Means and confidence intervals over independent runs; quantiles of histograms."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from planning.fleet.fleet_state import BUCKETS_PER_OCTAVE, LEAST_S


@dataclass(frozen=True)
class Mean:
    """A mean over runs and its interval; all three the same where there is one run."""

    mean: float
    low: float
    high: float

    @property
    def half(self) -> float:
        """Half the interval: what stands after ±."""
        return (self.high - self.low) / 2


def mean_of(values: Sequence[float], confidence: float = 0.95) -> Mean:
    """Mean of independent runs, with Student's interval."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return Mean(mean, mean, mean)
    error = float(np.std(values, ddof=1)) / float(np.sqrt(len(values)))
    half = student_t(confidence, len(values) - 1) * error
    return Mean(mean, mean - half, mean + half)


@lru_cache(maxsize=256)
def student_t(confidence: float, freedom: int) -> float:
    """Two-sided quantile of Student's t.

    With t = sqrt(freedom) x tan(angle) its density goes as cos(angle)^(freedom - 1),
    which is integrated over a fine grid.
    """
    angles = np.linspace(0.0, np.pi / 2, 200_001)
    density = np.cos(angles) ** (freedom - 1)
    area = np.concatenate(([0.0], np.cumsum((density[1:] + density[:-1]) / 2)))
    angle = np.interp(confidence, area / area[-1], angles)
    return float(np.sqrt(freedom) * np.tan(angle))


def quantile(histogram: npt.NDArray[np.float64], share: float) -> float | None:
    """Seconds below which ``share`` of a histogram lies (fleet_state.NUM_BUCKETS).

    Right to the width of a bucket, 0.54 %; None for an empty histogram.
    """
    below = np.cumsum(histogram)
    if below[-1] <= 0:
        return None
    wanted = share * below[-1]
    place = int(np.searchsorted(below, wanted))
    if place == 0:
        return 0.0
    inside = (wanted - below[place - 1]) / (below[place] - below[place - 1])
    return float(LEAST_S * 2 ** ((place - 1 + inside) / BUCKETS_PER_OCTAVE))


def share_above(histogram: npt.NDArray[np.float64], seconds: float) -> float | None:
    """Share of a histogram that lies above ``seconds``; None for an empty one."""
    total = float(histogram.sum())
    if total <= 0:
        return None
    if seconds <= LEAST_S:
        return float(histogram[1:].sum()) / total
    place = np.log2(seconds / LEAST_S) * BUCKETS_PER_OCTAVE + 1
    whole = min(int(place), len(histogram) - 1)
    inside = histogram[whole] * (1 - min(place - whole, 1.0))
    return float(histogram[whole + 1 :].sum() + inside) / total
