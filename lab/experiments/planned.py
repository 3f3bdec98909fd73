"""The planning model of one engine, asked for the loads of a sweep. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lab.experiments.calibration import Probe, fitted, held_up, pace_of, stretched
from lab.experiments.expected import (
    NO_PACE,
    Pace,
    Served,
    Shape,
    as_they_come,
    in_closed_loop,
)
from lab.experiments.points import Load, Point
from planning.service.steps import StepCost


@dataclass(frozen=True)
class Planned:
    """What steps cost, of which requests, who come at which pace."""

    cost: StepCost
    shape: Shape
    pace: Pace = NO_PACE
    usually_held_up: float | None = None
    """Of the loads that it was fitted to."""

    def expected(self, load: Load, times: float | None = None) -> Served:
        """Of a load whose steps are held up so many times."""
        cost = stretched(self.cost, times)
        if load.arrivals:
            return as_they_come(cost, load.arrivals, self.shape)
        at_once, number = int(load.number), load.num_requests
        return in_closed_loop(cost, at_once, number, self.shape, self.pace)

    def drawn(self, point: Point) -> Point:
        """With what is expected before it is measured."""
        expected = self.expected(point.load, self.usually_held_up)
        return replace(point, expected=expected)

    def drawn_all(self, points: Sequence[Point]) -> list[Point]:
        """Those that were measured already are compared too."""
        return [
            self.compared(one) if (one := self.drawn(point)).served else one
            for point in points
        ]

    def compared(self, point: Point) -> Point:
        """A measured one, with how much it was held up and what is expected then."""
        held = held_up(point.served, self.expected(point.load))
        return replace(
            point, held_up=held, counted=self.expected(point.load, held or 1.0)
        )


def planned_by(
    probes: Sequence[Point],
    shape: Shape,
    long: Shape | None = None,
    long_ttft_s: float | None = None,
) -> Planned | None:
    """Fitted to the smallest and the largest of these loads; None where a time of them
    is unknown."""
    one, many = probes[0], probes[-1]
    if one.served is None or many.served is None:
        return None
    at_once = int(many.load.number)
    pace = pace_of(one.reports, many.reports, at_once)
    alone = Probe(1, one.load.num_requests, one.served)
    crowd = Probe(at_once, many.load.num_requests, many.served)
    cost = fitted(alone, crowd, shape, pace, long, long_ttft_s)
    if cost is None:
        return None
    model = Planned(cost, shape, pace)
    held = [held_up(p.served, model.expected(p.load)) for p in probes]
    known = [times for times in held if times is not None]
    usual = math.exp(sum(map(math.log, known)) / len(known)) if known else None
    return replace(model, usually_held_up=usual)
