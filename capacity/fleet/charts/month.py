"""The queue over the month: the most at once as an area, the mean as a line."""

from typing import Any

import numpy as np

from capacity.fleet.charts.axes import LEFT, PLOT, Tick, round_step, short_number
from planning.fleet.month_queue import BIN_S, DAYS, MonthQueue
from planning.fleet.plan import DAY_S
from planning.fleet.simulation import Array

TOP, HEIGHT = 18.0, 110.0


def month_queue(found: MonthQueue | None) -> dict[str, Any] | None:
    """None without it."""
    if found is None:
        return None
    most = float(max(found.longest.max(), 1.0))
    step = round_step(most)
    return {
        "longest": f"{LEFT},{_y(0, most)} {_steps(found.longest, most)} "
        f"{LEFT + PLOT},{_y(0, most)}",
        "mean": _steps(found.mean, most),
        "ticks": [
            Tick(_y(k * step, most), short_number(k * step))
            for k in range(int(most / step + 1e-9) + 1)
        ],
        "days": [
            *(
                Tick(round(LEFT + PLOT * (day - 1) / DAYS, 1), f"day {day}")
                for day in range(1, DAYS - 6, 7)
            ),
            Tick(LEFT + PLOT, f"day {DAYS}"),
        ],
        "most": float(found.longest.max()),
        "most_day": int(np.argmax(found.longest)) * BIN_S // DAY_S + 1,
        "average": float(found.mean.mean()),
        "is_whole": found.is_whole_month,
        "pct": 100 * found.share_simulated,
        "rows": found.by_day(),
    }


def _y(value: float, most: float) -> float:
    return round(TOP + HEIGHT * (1 - value / most), 2)


def _steps(values: Array, most: float) -> str:
    width = PLOT / len(values)
    return " ".join(
        f"{LEFT + k * width:.1f},{_y(float(v), most)} "
        f"{LEFT + (k + 1) * width:.1f},{_y(float(v), most)}"
        for k, v in enumerate(values)
    )
