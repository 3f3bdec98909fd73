"""The fitted constant of the activation peak, refitted: how honest is the fit?

``without`` gives the estimate as it would be had the constant been fitted to other logs
only, which is what leaving one out is for.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from planning.interval import GIB, Interval
from planning.memory.activations import BASE_GIB, activation_peak
from planning.memory.sizing import MemoryEstimate
from planning.memory.startup_log import settings_of


def fitted_base_gib(rows: Sequence[Mapping[str, Any]]) -> float:
    """Mean of what each log's activation peak exceeds the computed parts by, GiB."""
    return BASE_GIB + statistics.fmean(activation_error_gib(row) for row in rows)


def activation_error_gib(row: Mapping[str, Any]) -> float:
    """Logged less estimated activation peak of one row, GiB."""
    peak = activation_peak(settings_of(row)).value / GIB
    return float(row["torch_peak_activation_gib"]) - peak


def without(
    estimate: MemoryEstimate, rows: Sequence[Mapping[str, Any]]
) -> MemoryEstimate:
    """The estimate with the constant fitted to these rows, its intervals as wide."""
    more = (fitted_base_gib(rows) - BASE_GIB) * GIB
    shift = Interval.exact(more)
    overhead = replace(
        estimate.overhead,
        activation=(estimate.overhead.activation + shift).at_least_zero(),
    )
    return replace(
        estimate, overhead=overhead, pool=(estimate.pool - shift).at_least_zero()
    )
