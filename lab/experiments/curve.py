"""Throughput against latency: the points of a sweep, their knee, and the outcome. Pure.

The knee is the load with the largest throughput ÷ response time, the ratio that
Kleinrock calls power (ICC 1979) and whose maximum Jain takes for the knee (Ramakrishnan
and Jain, A Binary Feedback Scheme for Congestion Avoidance, SIGCOMM 1988; recalled):
before it, more load brings more throughput than waiting, beyond it more waiting.
"""

import statistics
from collections.abc import Callable, Sequence

from lab.experiments.arrivals import rate_of
from lab.experiments.expected import Served
from lab.experiments.model_error import errors, why_off
from lab.experiments.outcome import Figure, Mark, Outcome, Plot, Series, Table
from lab.experiments.percentiles import ms
from lab.experiments.points import Load as Load
from lab.experiments.points import Point
from lab.experiments.points import served as served

UNKNOWN = Served(None, None, None, None)
MEASURED, EXPECTED = "measured", "the planning model"


def power(one: Served | None) -> float | None:
    """Throughput ÷ response time."""
    if one is None or not one.tokens_per_s or not one.e2el_s:
        return None
    return one.tokens_per_s / one.e2el_s


def knee(points: Sequence[Point], of: Callable[[Point], Served | None]) -> Point | None:
    """The point of the largest power; None while nothing is known of one."""
    known = [(power(of(point)), point) for point in points]
    return max(
        ((p, point) for p, point in known if p is not None),
        key=lambda pair: pair[0],
        default=(0.0, None),
    )[1]


def _measured(point: Point) -> Served | None:
    return point.served


def _expected(point: Point) -> Served | None:
    return point.expected


def so_far(points: Sequence[Point], sentence: str) -> Outcome:
    """While it runs: what was expected, and the points that there are."""
    return Outcome(None, sentence, plots=_plots(points, None))


def outcome(
    points: Sequence[Point],
    unit: str,
    basis: str,
    probes: Sequence[Point] = (),
) -> Outcome:
    """Of all points, in the order of their loads. ``unit``: of a load; ``basis``: what
    the expectation rests on, a sentence; ``probes``: loads that only calibrated it."""
    first, last = points[0].served or UNKNOWN, points[-1].served or UNKNOWN
    times = _ratio(last.tokens_per_s, first.tokens_per_s)
    bend = knee(points, _measured)
    return Outcome(
        answer=times,
        says=" ".join([_says(points, unit, times, bend), basis, *why_off(points)]),
        figures=[
            Figure("tokens/s, of the smallest load", first.tokens_per_s),
            Figure("tokens/s, of the largest", last.tokens_per_s),
            Figure("times as many", times, "×", "derived"),
            Figure(
                "times as long between tokens",
                _ratio(last.itl_s, first.itl_s),
                "×",
                "derived",
            ),
            *_knees(points, unit, bend),
            *errors(points),
        ],
        tables=[_table([*probes, *points], unit)],
        plots=_plots(points, bend),
    )


def _ratio(one: float | None, other: float | None) -> float | None:
    return one / other if one and other else None


def _says(
    points: Sequence[Point], unit: str, times: float | None, bend: Point | None
) -> str:
    if times is None or bend is None:
        return "The times of the requests were not told: no curve can be drawn."
    ends = f"{points[0].load.name} to {points[-1].load.name} {unit}"
    grown = f"From {ends} the tokens a second of all grew {times:.1f} times."
    if bend is points[-1]:
        return (
            f"{grown} The knee is at the largest load or beyond it: throughput still "
            "grew faster than the time to the last token."
        )
    if bend is points[0]:
        return (
            f"{grown} The knee is at the smallest load or before it: from there on "
            "the time to the last token grows faster than throughput."
        )
    return (
        f"{grown} The knee is at {bend.load.name} {unit}: there throughput ÷ time to "
        "the last token is largest, beyond it waiting grows faster than throughput."
    )


def _knees(points: Sequence[Point], unit: str, bend: Point | None) -> list[Figure]:
    foreseen = knee(points, _expected)
    return [
        Figure(
            "the knee, of the loads sent",
            bend.load.number if bend else None,
            unit,
            "derived",
        ),
        Figure(
            "the knee that the planning model expects",
            foreseen.load.number if foreseen else None,
            unit,
            "estimated",
        ),
    ]


def _table(points: Sequence[Point], unit: str) -> Table:
    return Table(
        "Each load",
        [
            unit,
            "requests",
            "came a second",
            "in a step, mean",
            "tokens/s",
            "expected",
            "off, %",
            "ITL, ms",
            "expected",
            "off, %",
            "TTFT, ms",
            "to the last token, s",
            "held up, ×",
            "off then, %",
            "ITL off then, %",
        ],
        [_row(point) for point in points],
    )


def _row(point: Point) -> list[str | float | int | None]:
    now, then = point.served or UNKNOWN, point.expected or UNKNOWN
    at = [r.arrived_at for r in point.reports if r.arrived_at is not None]
    running = [r.mean_running for r in point.reports if r.mean_running is not None]
    off = ("fitted", "fitted") if point.is_calibration else point.off
    return [
        point.load.name,
        len(point.reports),
        rate_of(at) if point.load.arrivals else None,
        statistics.mean(running) if running else None,
        now.tokens_per_s,
        then.tokens_per_s,
        off[0],
        ms(now.itl_s),
        ms(then.itl_s),
        off[1],
        ms(now.ttft_s),
        now.e2el_s,
        point.held_up,
        *(("fitted", "fitted") if point.is_calibration else point.off_counted),
    ]


def _plots(points: Sequence[Point], bend: Point | None) -> list[Plot]:
    return [
        _plot(
            "Throughput against time between tokens",
            "ms",
            points,
            lambda one: ms(one.itl_s),
            bend,
        ),
        _plot(
            "Throughput against time to the last token",
            "s",
            points,
            lambda one: one.e2el_s,
            bend,
        ),
    ]


def _plot(
    title: str,
    up: str,
    points: Sequence[Point],
    latency: Callable[[Served], float | None],
    bend: Point | None,
) -> Plot:
    def series(name: str, role: str, of: Callable[[Point], Served | None]) -> Series:
        found = [
            (point.load.name, (one.tokens_per_s, y))
            for point in points
            if (one := of(point)) and one.tokens_per_s and (y := latency(one))
        ]
        return Series(
            name, [place for _, place in found], role, names=[name for name, _ in found]
        )

    measured = series(MEASURED, "used", _measured)
    marks = [
        Mark("knee", *place)
        for name, place in zip(measured.names, measured.points, strict=True)
        if bend is not None and name == bend.load.name
    ]
    return Plot(
        title,
        "tokens/s of all",
        up,
        [series(EXPECTED, "muted", _expected), measured],
        look="path",
        marks=marks,
    )
