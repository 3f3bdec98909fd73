"""Geometry of the drawings: the bill's split, the timeline, the break-even curve.

All in the coordinates of a view box; templates/capacity/fleet/charts/ draw them.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from planning.fleet.break_even import Curve, crossing
from planning.fleet.results import Result
from planning.fleet.simulation import Array
from planning.fleet.summary import COST_LABELS
from planning.fleet.timeline import Timeline

WIDTH = 640
LEFT, RIGHT = 56, 8
PLOT = WIDTH - LEFT - RIGHT


@dataclass(frozen=True)
class Tick:
    """A line of an axis with its label."""

    at: float
    text: str


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


def timeline(found: Timeline) -> dict[str, Any]:
    """Two panels over one time axis: workers above, the queue below."""
    up = found.ready + found.starting
    workers = _Panel(18, 110, float(max(up.max(), 1)))
    queue = _Panel(160, 70, float(max(found.longest_queue.max(), 1)))
    hours = found.bin_s * len(up) / 3600
    return {
        "ready": workers.area(found.ready),
        "up": workers.area(up),
        "used": workers.line(found.in_service / _places(found)),
        "queue": queue.area(found.longest_queue),
        "worker_ticks": workers.ticks(),
        "queue_ticks": queue.ticks(),
        "hours": _hour_ticks(found.start_s, hours),
        "rows": _rows(found),
        "span": _span(found.start_s, hours),
        "most_up": float(up.max()),
        "most_queue": float(found.longest_queue.max()),
    }


def _places(found: Timeline) -> float:
    """So that the line of requests fits the panel of workers: requests per worker."""
    return float(max(found.in_service.max() / max((found.ready).max(), 1), 1))


@dataclass(frozen=True)
class _Panel:
    top: float
    height: float
    most: float

    def y(self, value: float) -> float:
        return round(self.top + self.height * (1 - value / self.most), 2)

    def _steps(self, values: Array) -> str:
        width = PLOT / len(values)
        points = []
        for k, value in enumerate(values):
            y = self.y(float(value))
            points.append(
                f"{LEFT + k * width:.1f},{y} {LEFT + (k + 1) * width:.1f},{y}"
            )
        return " ".join(points)

    def area(self, values: Array) -> str:
        """Points of a polygon that stands on the axis."""
        base = self.y(0)
        return f"{LEFT},{base} {self._steps(values)} {LEFT + PLOT},{base}"

    def line(self, values: Array) -> str:
        """Points of a line."""
        return self._steps(values)

    def ticks(self) -> list[Tick]:
        """Zero, and round numbers up to the most."""
        step = _round_step(self.most)
        count = int(self.most / step + 1e-9)
        return [Tick(self.y(k * step), _short(k * step)) for k in range(count + 1)]


def _round_step(most: float) -> float:
    """1, 2 or 5 times a power of ten, two to five of them up to ``most``."""
    power = 10.0 ** math.floor(math.log10(max(most, 1e-9) / 2))
    for factor in (1, 2, 5, 10):
        if most / (factor * power) <= 4:
            return max(factor * power, 1.0 if most >= 1 else factor * power)
    return 10 * power


def _hour_ticks(start_s: float, hours: float) -> list[Tick]:
    ticks = []
    for k in range(5):
        second = start_s + hours * 3600 * k / 4
        clock = f"{int(second % 86_400 // 3600):02d}:{int(second % 3600 // 60):02d}"
        if hours < 0.5:
            clock += f":{int(second % 60):02d}"
        ticks.append(Tick(round(LEFT + PLOT * k / 4, 1), clock))
    return ticks


def _span(start_s: float, hours: float) -> str:
    day = int(start_s // 86_400) + 1
    if hours >= 20:
        return f"day {day} of the month"
    length = f"{hours:.1f} h" if hours >= 1 else f"{hours * 60:.0f} min"
    return f"{length} of day {day}"


def _rows(found: Timeline, num: int = 12) -> list[dict[str, Any]]:
    """The timeline as a table of a dozen rows."""
    rows = []
    edges = np.linspace(0, len(found.ready), num + 1).astype(int)
    for begin, end in pairwise(edges):
        second = found.start_s + begin * found.bin_s
        rows.append(
            {
                "at": f"{int(second % 86_400 // 3600):02d}:"
                f"{int(second % 3600 // 60):02d}:{int(second % 60):02d}",
                "ready": float(found.ready[begin:end].mean()),
                "starting": float(found.starting[begin:end].mean()),
                "in_service": float(found.in_service[begin:end].mean()),
                "queue": float(found.longest_queue[begin:end].max()),
            }
        )
    return rows


def _short(value: float) -> str:
    """Short enough for an axis: 200, 2k, 20k, 2M."""
    if value >= 1e6:
        return f"{value / 1e6:g}M"
    return f"{value / 1e3:g}k" if value >= 1e3 else f"{value:g}"


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
        "usd_ticks": [Tick(y(10.0**k), f"${_short(10.0**k)}") for k in decades],
        "rate_ticks": [
            Tick(x(points[k].rate_per_s), f"{points[k].rate_per_s:.2g}")
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
