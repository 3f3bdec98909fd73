"""The break-even curve: cost over traffic."""

import math
from typing import Any

from capacity.fleet.charts.axes import LEFT, PLOT, Tick, short_number
from planning.fleet.break_even import Curve, crossing


def curve(found: Curve | None) -> dict[str, Any] | None:
    """Cost over traffic, both axes by ratios; None without a curve."""
    if found is None:
        return None
    points = found.points
    values = [p.serverless_usd for p in points] + [p.provisioned_usd for p in points]
    low = 10 ** math.floor(math.log10(max(min(values), 0.1)))
    high = 10 ** math.ceil(math.log10(max(values)))
    first, last = points[0].rate_per_s, points[-1].rate_per_s

    def x(rate: float) -> float:
        return round(LEFT + PLOT * math.log(rate / first) / math.log(last / first), 2)

    def y(usd: float) -> float:
        share = math.log(max(usd, low) / low) / math.log(high / low)
        return round(16 + 200 * (1 - share), 2)

    crosses = crossing(points)
    decades = range(round(math.log10(low)), round(math.log10(high)) + 1)
    return {
        "serverless": " ".join(
            f"{x(p.rate_per_s)},{y(p.serverless_usd)}" for p in points
        ),
        "provisioned": " ".join(
            f"{x(p.rate_per_s)},{y(p.provisioned_usd)}" for p in points
        ),
        "dots": [{"x": x(p.rate_per_s), "y": y(p.serverless_usd)} for p in points],
        "points": points,
        "usd_ticks": [Tick(y(10.0**k), f"${short_number(10.0**k)}") for k in decades],
        "rate_ticks": [
            Tick(x(points[k].rate_per_s), _two_digits(points[k].rate_per_s))
            for k in range(0, len(points), 2)
        ],
        "here": x(min(max(found.rate_per_s, first), last)),
        "crosses": crosses,
        "crosses_x": x(crosses) if crosses else None,
        "is_serverless_cheaper": points[-1].serverless_usd
        <= points[-1].provisioned_usd,
        "end_serverless_y": y(points[-1].serverless_usd),
        "end_provisioned_y": y(points[-1].provisioned_usd),
    }


def _two_digits(rate_per_s: float) -> str:
    """0.019, 1.9, 190 or 1,900, never 1.9e+02."""
    return f"{float(f'{rate_per_s:.2g}'):,g}"
