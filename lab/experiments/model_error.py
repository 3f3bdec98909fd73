"""How far the planning model was off in a sweep, and how much is the machine's. Pure.

What a machine's other work holds up, no model of an engine foresees: the error is told
once as it is, and once with each load's own hold-ups (calibration.held_up) counted in.
"""

import statistics
from collections.abc import Callable, Sequence

from lab.experiments.outcome import Figure
from lab.experiments.points import Point

Off = Callable[[Point], tuple[float | None, float | None]]
UNEVEN = 1.25
"""From so many times the least held up load on it is said in words."""


def errors(points: Sequence[Point]) -> list[Figure]:
    """Over the points that it was not fitted to."""
    held = _held(points)
    return [
        *_of(points, lambda point: point.off, "the planning model’s error"),
        *_of(
            points,
            lambda point: point.off_counted,
            "with hold-ups counted in, its error",
        ),
        Figure("steps held up, least", min(held, default=None), "×", "derived"),
        Figure("steps held up, most", max(held, default=None), "×", "derived"),
    ]


def _of(points: Sequence[Point], off: Off, label: str) -> list[Figure]:
    figures = []
    for name, offs in zip(("throughput", "ITL"), _known(points, off), strict=True):
        median = statistics.median(offs) if offs else None
        figures.append(Figure(f"{label} in {name}, median", median, "%", "derived"))
        worst = max(offs, default=None)
        figures.append(Figure(f"{label} in {name}, largest", worst, "%", "derived"))
    return figures


def _known(points: Sequence[Point], off: Off) -> list[list[float]]:
    pairs = [off(point) for point in points]
    return [
        [abs(found) for one in pairs if (found := one[at]) is not None] for at in (0, 1)
    ]


def _held(points: Sequence[Point]) -> list[float]:
    return [one.held_up for one in points if one.held_up is not None]


def why_off(points: Sequence[Point]) -> list[str]:
    """A sentence where the machine did not give every load the same."""
    held = _held(points)
    if not held or max(held) < UNEVEN * min(held):
        return []
    throughput, _ = _known(points, lambda point: point.off_counted)
    then = f": {max(throughput):.0f} % at most" if throughput else ""
    return [
        "The machine did other work meanwhile: steps took "
        f"{min(held):.1f} to {max(held):.1f} times as long as undisturbed ones, from "
        "load to load, which no model of an engine foresees. With that counted in, its "
        f"error in throughput is what the model itself is off by{then}. Each run "
        "measures its constants anew: run it again when the machine has less to do."
    ]
