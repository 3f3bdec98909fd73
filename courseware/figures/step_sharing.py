"""How recorded steps were shared: time and throughput by batch, and a stretch of steps.

Measured; ``manage.py stepsharing`` makes the data from the shipped recordings.
"""

import json

from courseware.figures.files import Context, figure_json
from courseware.plot import Axis, Plot

_PLOT = Plot(left=34, right=292, top=14, bottom=164)
_BARS = Plot(left=34, right=352, top=18, bottom=148)
_TIMES_TOP, _TIMES_BOTTOM = 170.0, 214.0


def step_sharing() -> Context:
    """Two plots, one stretch as bars, and all of it as tables."""
    data = json.loads(figure_json("step-sharing") or "{}")
    series = data["series"]
    points = [point for one in series for point in one["points"]]
    requests = Axis(0, 1 + max(p["requests"] for p in points), 1)
    times = Axis.up_to(max(p["high_ms"] for p in points))
    rates = Axis.up_to(max(p["tokens_per_s"] for p in points))
    return {
        "provenance": data["provenance"],
        "series": [_named(one, place) for place, one in enumerate(series)],
        "plot": _PLOT,
        "by_batch": {
            "across": [t for t in requests.ticks(_PLOT.across) if t["value"] % 2],
            "up": times.ticks(_PLOT.up),
            "lines": [_time_line(one, requests, times) for one in series],
        },
        "by_itl": {
            "across": times.ticks(_PLOT.across),
            "up": rates.ticks(_PLOT.up),
            "lines": [_rate_line(one, times, rates) for one in series],
        },
        "stretch": _stretch(data),
        "most_tokens": data["most_tokens"],
        "mixed_ms": round(data["mixed_ms"]),
    }


def _named(one: Context, place: int) -> Context:
    held = f"about {round(one['median_held'], -1):,}"
    return {
        **one,
        "held": held,
        "name": f"{held} tokens each",
        "kind": "short" if place == 0 else "long",
    }


def _time_line(one: Context, requests: Axis, times: Axis) -> Context:
    dots = [
        {
            "x": _PLOT.across(requests.share(point["requests"])),
            "y": _PLOT.up(times.share(point["median_ms"])),
            "low_y": _PLOT.up(times.share(point["low_ms"])),
            "high_y": _PLOT.up(times.share(point["high_ms"])),
        }
        for point in one["points"]
    ]
    return {"dots": dots, "path": _path(dots)}


def _rate_line(one: Context, times: Axis, rates: Axis) -> Context:
    dots = [
        {
            "x": _PLOT.across(times.share(point["median_ms"])),
            "y": _PLOT.up(rates.share(point["tokens_per_s"])),
            "requests": point["requests"],
        }
        for point in one["points"]
    ]
    return {"dots": dots, "path": _path(dots), "ends": [dots[0], dots[-1]]}


def _path(dots: list[Context]) -> str:
    return "M" + "L".join(f"{dot['x']},{dot['y']}" for dot in dots)


def _stretch(data: Context) -> Context:
    rows = data["stretch"]
    tokens, longest = Axis.up_to(data["most_tokens"]), max(row["ms"] for row in rows)
    wide = (_BARS.right - _BARS.left) / len(rows)
    bars = []
    for number, row in enumerate(rows):
        x = round(_BARS.left + number * wide, 2)
        parts, at = [], 0
        for kind, size in [("decode", row["decode"])] + [
            ("prefill", chunk) for chunk in row["chunks"]
        ]:
            top, bottom = (_BARS.up(tokens.share(n)) for n in (at + size, at))
            is_apart = kind == "prefill" and at > 0
            height = max(0.6, round(bottom - top - (0.8 if is_apart else 0), 2))
            if size:
                parts.append({"kind": kind, "y": top, "height": height})
            at += size
        height = (_TIMES_BOTTOM - _TIMES_TOP) * row["ms"] / longest
        bars.append(
            {
                "x": x,
                "width": round(wide - 1.6, 2),
                "parts": parts,
                "time_y": round(_TIMES_BOTTOM - height, 1),
                "time_height": round(height, 1),
                "words": _words(number + 1, row),
                "number": number + 1,
                "prefill": sum(row["chunks"]),
                **row,
            }
        )
    return {
        "bars": bars,
        "box": _BARS,
        "up": [t for t in tokens.ticks(_BARS.up) if t["value"] < data["most_tokens"]],
        "limit_y": _BARS.up(tokens.share(data["most_tokens"])),
        "times_bottom": _TIMES_BOTTOM,
        "times_top": _TIMES_TOP,
        "longest_ms": round(longest),
        "last": len(bars) - 1,
        "last_ms": round(rows[-1]["ms"]),
    }


def _words(number: int, row: Context) -> str:
    decode, chunks = row["decode"], row["chunks"]
    said = [f"{decode} decoding" if decode else "none decoding"]
    if chunks:
        listed = " + ".join(str(chunk) for chunk in chunks)
        said.append(f"{listed} prompt tokens")
    said.append(f"{row['waiting']} waiting")
    return f"step {number}: {', '.join(said)}; {row['ms']:.0f} ms"
