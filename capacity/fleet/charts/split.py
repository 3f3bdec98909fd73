"""The bill's split: one bar, a part for each line."""

from typing import Any

from capacity.fleet.charts.axes import LEFT, PLOT
from planning.fleet.results import Result
from planning.fleet.summary import COST_LABELS


def split(result: Result, most_usd: float) -> list[dict[str, Any]]:
    """Parts of the bill on one bar, ``most_usd`` as wide as the plot."""
    parts, x = [], 0.0
    total = max(result.cost_usd.mean, 1e-12)
    for name, value in result.costs.items():
        width = PLOT * value.mean / max(most_usd, 1e-12)
        parts.append(
            {
                "name": name,
                "label": COST_LABELS[name],
                "x": round(LEFT + x, 2),
                "width": round(width, 2),
                "pct": 100 * value.mean / total,
                "usd": value.mean,
                "middle": round(LEFT + x + width / 2, 2),
                "has_label": width > 44,
                "is_narrow": width <= 110,
            }
        )
        x += width
    return parts
