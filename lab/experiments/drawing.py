"""A plot of an outcome as places in its SVG, and as the table beside it. Pure."""

from collections.abc import Callable, Sequence
from typing import Any

from courseware.plot import Axis
from courseware.plot import Plot as Box
from lab.experiments.labels import Wanted, placed
from lab.experiments.outcome import Plot, Series, Table
from lab.experiments.words import shown

BOX = Box(left=44, right=352, top=10, bottom=152)
BAR_SHARE = 0.72
"""Of the room that one place among the bars has."""
MAX_NAMES = 16
"""Names under bars: of more only every second, third, … is written."""
MAX_TABLE_ROWS = 60
HEADROOM = 1.08
"""Above a path's highest point, for its name."""

Context = dict[str, Any]
Place = Callable[[float, float], tuple[float, float]]
"""From a point's values to its place in the drawing."""


def drawn(plot: Plot) -> Context:
    """What templates/lab/experiments/_plot.html shows; ``is_empty`` without points."""
    points = [point for series in plot.series for point in series.points]
    context: Context = {"plot": plot, "is_empty": not points, "table": table_of(plot)}
    if not points:
        return context
    tops = _stacked(plot) if plot.look in ("bars", "bands") else points
    most = max(max(y for _, y in tops), plot.level or 0.0, 1e-9)
    up = Axis.up_to(most * HEADROOM if plot.look == "path" else most)
    draw = _bars if plot.look == "bars" else _curves
    return context | {
        "box": BOX,
        "ticks_up": _ticks(up),
        "level_at": None if plot.level is None else BOX.up(up.share(plot.level)),
        "words": _in_words(plot),
        **draw(plot, up),
    }


def _ticks(up: Axis) -> list[Context]:
    return [
        {"value": shown(tick["value"]), "at": tick["at"]} for tick in up.ticks(BOX.up)
    ]


def _stacked(plot: Plot) -> list[tuple[float, float]]:
    """The top of each stack."""
    tops: dict[float, float] = {}
    for series in plot.series:
        for x, y in series.points:
            tops[x] = tops.get(x, 0.0) + y
    return sorted(tops.items())


def _bars(plot: Plot, up: Axis) -> Context:
    number = max(len(plot.names), 1)
    room = (BOX.right - BOX.left) / number
    below: dict[float, float] = {}
    stacks = []
    for series in plot.series:
        bars = []
        for x, y in series.points:
            low = below.get(x, 0.0)
            below[x] = low + y
            top, bottom = BOX.up(up.share(low + y)), BOX.up(up.share(low))
            bars.append(
                {
                    "x": round(BOX.left + room * (x + (1 - BAR_SHARE) / 2), 1),
                    "y": top,
                    "width": round(room * BAR_SHARE, 1),
                    "height": round(max(0.0, bottom - top), 1),
                }
            )
        stacks.append({"series": series, "bars": bars})
    every = -(-number // MAX_NAMES)
    names = [
        {"value": name, "at": round(BOX.left + room * (at + 0.5), 1)}
        for at, name in enumerate(plot.names)
        if at % every == 0
    ]
    return {"stacks": stacks, "ticks_across": names}


def _curves(plot: Plot, up: Axis) -> Context:
    xs = [x for series in plot.series for x, _ in series.points]
    xs += [x for span in plot.spans for x in (span.low, span.high)]
    across = Axis.up_to(max(*xs, plot.until or 0.0, 1e-9))

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            BOX.across(across.share(max(x, 0.0))),
            BOX.up(up.share(max(y, 0.0))),
        )

    curves, below = [], dict.fromkeys(xs, 0.0)
    for series in plot.series:
        points = series.points if plot.look == "path" else sorted(series.points)
        if plot.look == "bands":
            curves.append(_band(series, points, below, place))
            continue
        dots = [place(x, y) for x, y in points]
        path = "M" + "L".join(f"{x},{y}" for x, y in dots) if dots else ""
        curves.append({"series": series, "dots": dots, "path": path})
    return {
        "curves": curves,
        "labels": _labels(plot, place),
        "ticks_across": [
            {"value": shown(tick["value"]), "at": tick["at"]}
            for tick in across.ticks(BOX.across)
        ],
        "spans": [
            {
                "label": span.label,
                "x": place(span.low, 0)[0],
                "width": round(place(span.high, 0)[0] - place(span.low, 0)[0], 1),
            }
            for span in plot.spans
        ],
        "marks": [place(mark.x, mark.y) for mark in plot.marks],
    }


def _labels(plot: Plot, place: Place) -> list[Context]:
    """Names of the points of paths that are measured, and of the marks."""
    points = [place(*point) for series in plot.series for point in series.points]
    names = [
        Wanted(name, *place(*point))
        for series in plot.series
        if plot.look == "path" and series.role != "muted"
        for name, point in zip(series.names, series.points, strict=False)
    ]
    marks = [
        Wanted(mark.label, *place(mark.x, mark.y), is_ringed=True)
        for mark in plot.marks
    ]
    dots = points if plot.look != "line" else []
    labels = placed([*marks, *names], dots, BOX)
    kinds = ["mark-name"] * len(marks) + ["name"] * len(names)
    return [one | {"kind": kind} for one, kind in zip(labels, kinds, strict=True)]


def _band(
    series: Series,
    points: Sequence[tuple[float, float]],
    below: dict[float, float],
    place: Place,
) -> Context:
    lower = [place(x, below[x]) for x, _ in points]
    for x, y in points:
        below[x] += y
    upper = [place(x, below[x]) for x, _ in points]
    around = [*upper, *reversed(lower)]
    path = "M" + "L".join(f"{x},{y}" for x, y in around) + "Z" if around else ""
    return {"series": series, "area": path}


def _in_words(plot: Plot) -> str:
    """What the drawing shows, for who does not see it."""
    parts = []
    for series in plot.series:
        ys = [y for _, y in series.points]
        if ys:
            parts.append(
                f"{series.name}: {len(ys)} values, {shown(min(ys))} to {shown(max(ys))}"
            )
    return f"{plot.title}, in {plot.up}, by {plot.across}. {'; '.join(parts)}."


def table_of(plot: Plot) -> Table:
    """The plot's own points; of many only some, evenly."""
    if plot.look == "path":
        return _path_table(plot)
    rows = sorted({x for series in plot.series for x, _ in series.points})
    every = -(-len(rows) // MAX_TABLE_ROWS) or 1
    values = [dict(series.points) for series in plot.series]
    caption = plot.title if every == 1 else f"{plot.title}: one value in {every}"
    columns = [
        plot.across,
        *(f"{series.name}, {plot.up}" for series in plot.series),
    ]
    cells = [
        [_name(plot, x), *(column.get(x) for column in values)] for x in rows[::every]
    ]
    return Table(caption, columns, cells)


def _path_table(plot: Plot) -> Table:
    """A row a name: x and y of each series there."""
    names = list(dict.fromkeys(name for one in plot.series for name in one.names))
    known = [dict(zip(one.names, one.points, strict=True)) for one in plot.series]
    columns = [""]
    for series in plot.series:
        columns += [f"{series.name}, {plot.across}", f"{series.name}, {plot.up}"]
    rows: list[list[Any]] = []
    for name in names:
        places = [places.get(name, (None, None)) for places in known]
        rows.append([name, *(value for place in places for value in place)])
    return Table(plot.title, columns, rows)


def _name(plot: Plot, x: float) -> str:
    is_named = plot.look == "bars" and x == int(x) and 0 <= x < len(plot.names)
    return plot.names[int(x)] if is_named else shown(x)
