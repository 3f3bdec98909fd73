"""A stretch of the month: workers above, the queue below, and both as a table."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from capacity.fleet.charts.axes import LEFT, PLOT, Tick, round_step, short_number
from planning.fleet.simulation import Array
from planning.fleet.timeline import Timeline


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
        step = round_step(self.most)
        count = int(self.most / step + 1e-9)
        return [
            Tick(self.y(k * step), short_number(k * step)) for k in range(count + 1)
        ]


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
