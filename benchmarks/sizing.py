"""How far the hardware calculator is from what real vLLM engines logged.

The rows of lab/planning/catalog/vllm_logs.yaml, each judged by constants fitted to the
others (leave one out), or those of any file in the same format: --option logs=PATH,
judged by the constants as they are.
"""

import statistics
from pathlib import Path
from typing import Any

import yaml

from benchmarks.interval import bootstrap_interval, mean_interval
from lab.planning.errors import PlanningError
from lab.planning.observation import Comparison, compare, estimate_of
from lab.planning.refit import without
from lab.planning.rows import CATALOG

BUNDLED = CATALOG / "vllm_logs.yaml"


def run(options: dict[str, Any]) -> list[dict[str, Any]]:
    """Errors over all rows; a row that is refused counts as an interval that missed."""
    path = Path(options.get("logs", BUNDLED))
    rows = yaml.safe_load(path.read_text(encoding="utf-8"))["observations"]
    found = [
        _judged(row, rows if path == BUNDLED else None, at)
        for at, row in enumerate(rows)
    ]
    judged = [one for one in found if one is not None]
    weights = _values(abs(e) for c in judged if (e := c.weights_error_pct) is not None)
    pools = _values(abs(e) for c in judged if (e := c.pool_error_pct) is not None)
    covered = [100.0 * c.is_pool_covered for c in judged if c.is_pool_covered in (0, 1)]
    covered += [0.0] * (len(found) - len(judged))
    widths = _values(w for c in judged if (w := c.pool_width_pct) is not None)
    median = bootstrap_interval(widths, statistics.median)
    return [
        _result("weights_error_pct", mean_interval(weights)),
        _result("pool_mae_pct", mean_interval(pools)),
        _result("interval_coverage", mean_interval(covered)),
        _result("interval_width_pct_median", median),
    ]


def _judged(
    row: dict[str, Any], fitted: list[dict[str, Any]] | None, at: int
) -> Comparison | None:
    try:
        found = estimate_of(row)
    except PlanningError:
        return None
    if fitted is not None:
        found = without(found, [other for i, other in enumerate(fitted) if i != at])
    return compare(row, found)


def _values(numbers: Any) -> list[float]:
    return list(numbers) or [float("nan")]


def _result(name: str, value: tuple[float, float, float]) -> dict[str, Any]:
    middle, low, high = value
    return {"name": name, "value": middle, "unit": "%", "interval": [low, high]}
