"""How far the hardware calculator is from what real vLLM engines logged.

The rows of planning/catalog/vllm_logs.yaml, each judged by constants fitted to the
others (leave one out), and those of vllm_logs_others.yaml, judged by the constants as
they are; those of them that no rule was written after are told apart (_unseen). Those
of vllm_logs_2026.yaml (_newer) are judged by the others of that file, and told apart by
the memory of the card. Or the rows of any file in the same format: --option logs=PATH.
"""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.interval import bootstrap_interval
from planning.catalog.rows import CATALOG
from planning.catalog.safe_yaml import load_unique
from planning.errors import PlanningError
from planning.memory.refit import without, without_newer
from planning.memory.startup_log import Comparison, compare, estimate_of

BUNDLED = CATALOG / "vllm_logs.yaml"
OTHERS = CATALOG / "vllm_logs_others.yaml"
NEWER = CATALOG / "vllm_logs_2026.yaml"
BIG_CARD_GIB = 36
"""Cards sold as 40 GB and more see at least this."""
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Judged:
    """One log and what the estimate made of it; None: refused."""

    row: Row
    found: Comparison | None


def run(options: dict[str, Any]) -> list[dict[str, Any]]:
    """Errors over all rows; a row that is refused counts as an interval that missed."""
    if path := options.get("logs"):
        return figures([judged(row) for row in read(Path(path))])
    both = bundled()
    unseen = [one for one in both if is_unseen(one.row)]
    newer = left_out_newer()
    big = [one for one in newer if one.row["total_gpu_memory_gib"] >= BIG_CARD_GIB]
    small = [one for one in newer if one not in big]
    return [
        *figures(both),
        *figures(unseen, "_unseen"),
        *figures(newer, "_newer"),
        *figures(big, "_newer_from_40_gb"),
        *figures(small, "_newer_below_40_gb"),
    ]


def read(path: Path) -> list[Row]:
    """The observations of a file."""
    rows: list[Row] = load_unique(path.read_text(encoding="utf-8"))["observations"]
    return rows


def bundled() -> list[Judged]:
    """All shipped logs: those fitted to, each by the others, and the rest."""
    fitted = read(BUNDLED)
    left_out = [
        judged(row, [other for other in fitted if other is not row]) for row in fitted
    ]
    return left_out + [judged(row) for row in read(OTHERS)]


def left_out_newer() -> list[Judged]:
    """The logs of 2026, each by the constants that the others of them give."""
    rows = read(NEWER)
    return [_judged_newer(row, [o for o in rows if o is not row]) for row in rows]


def _judged_newer(row: Row, others: Sequence[Row]) -> Judged:
    found = without_newer(estimate_of(row), row.get("informed", ()), others)
    return Judged(row, compare(row, found))


def is_unseen(row: Row) -> bool:
    """Whether neither a constant nor a rule comes from this log."""
    is_fitted = "source" not in row
    return not is_fitted and not row.get("informed")


def judged(row: Row, fitted: Sequence[Row] | None = None) -> Judged:
    """The estimate for a log's settings, its constants refitted to ``fitted``."""
    try:
        found = estimate_of(row)
    except PlanningError:
        return Judged(row, None)
    if fitted is not None:
        found = without(found, fitted)
    return Judged(row, compare(row, found))


def figures(of: Sequence[Judged], suffix: str = "") -> list[dict[str, Any]]:
    """What the criteria name, in per cent."""
    found = [one.found for one in of if one.found]
    weights = [abs(e) for c in found if (e := c.weights_error_pct) is not None]
    pools = [abs(e) for c in found if (e := c.pool_error_pct) is not None]
    widths = [w for c in found if (w := c.pool_width_pct) is not None]
    exact = _percents(c.are_blocks_explained for c in found)
    covered = _percents(c.is_pool_covered for c in found)
    covered += [0.0 for one in of if not one.found]
    return [
        _result("weights_error_pct" + suffix, weights),
        _result("kv_bytes_exact" + suffix, exact),
        _result("pool_mae_pct" + suffix, pools),
        _result("interval_coverage" + suffix, covered),
        _result("interval_width_pct_median" + suffix, widths, statistics.median),
    ]


def _percents(truths: Iterable[bool | None]) -> list[float]:
    return [100.0 * truth for truth in truths if truth is not None]


def _result(
    name: str,
    values: list[float],
    statistic: Callable[[Sequence[float]], float] = statistics.fmean,
) -> dict[str, Any]:
    value, low, high = bootstrap_interval(values or [float("nan")], statistic)
    return {"name": name, "value": value, "unit": "%", "interval": [low, high]}
