"""The fitted constant of the activation peak, refitted: how honest is the fit?

``without`` gives the estimate as it would be had the constant been fitted to other logs
only, which is what leaving one out is for. ``without_newer`` does the same for the two
constants of 0.21 and later: NEWER_NON_TORCH_GIB of one card, and MARLIN_GIB.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from planning.interval import GIB, Interval
from planning.memory.activations import BASE_GIB, activation_peak
from planning.memory.sizing import MemoryEstimate
from planning.memory.startup_log import estimate_of, settings_of

NEWER = ("NEWER_NON_TORCH_GIB", "MARLIN_GIB")
"""Constants that vllm_logs_2026.yaml was fitted to."""


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


def pool_error_gib(row: Mapping[str, Any]) -> float:
    """Estimated less logged KV pool of one row, GiB: what the overhead is short of."""
    return estimate_of(row).pool.value / GIB - float(row["available_kv_cache_gib"])


def without_newer(
    estimate: MemoryEstimate,
    informed: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
) -> MemoryEstimate:
    """The estimate with the newer constants fitted to these rows.

    ``informed``: which of them the log's own estimate uses, as in its row.
    """
    names = [name for name in NEWER if name in informed]
    shift = sum(fitted_shift_gib(name, rows) for name in names) * GIB
    pool = (estimate.pool - Interval.exact(shift)).at_least_zero()
    return replace(estimate, pool=pool)


def fitted_shift_gib(name: str, rows: Sequence[Mapping[str, Any]]) -> float:
    """By how much these rows would have the constant larger, GiB; 0 without any."""
    errors = [pool_error_gib(row) for row in rows if name in row.get("informed", ())]
    return statistics.fmean(errors) if errors else 0.0
