"""A figure as it is printed: whole numbers with separators, or as a format asks."""

import re

from planning.interval import Interval

Value = int | float | str
_SPEC = re.compile(r",?(\.\d)?[dfg]?")


def show(value: Value, spec: str = "") -> str:
    """The figure in words; ValueError for a format that does not suit it.

    ``spec`` is a format of Python such as ``,.0f``; without one a number has the digits
    it has, at most ten.
    """
    if isinstance(value, str):
        if spec:
            raise ValueError(f"{value!r} is words and takes no format")
        return value
    if not _SPEC.fullmatch(spec):
        raise ValueError(f"the format {spec!r} is not like .1f or ,.0f")
    if not spec:
        spec = "," if isinstance(value, int) else ",.10g"
    return format(float(value) if spec.endswith("f") else value, spec)


def span(interval: Interval, spec: str = "") -> str:
    """``low–high``, or one number where they are printed alike."""
    low, high = (show(side, spec) for side in (interval.low, interval.high))
    return low if low == high else f"{low}–{high}"
