"""Where the names of a drawing's points stand, so that none covers another. Pure.

Each label is tried at the places around its point, in order; the first that meets no
label before it, no dot and no edge is taken, else the one that meets the least of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from courseware.plot import Plot as Box

EM = 10.0
"""Height of a line, and"""
ADVANCE = 5.8
"""width of a letter, in units of the viewBox: measured for the page's font."""
DOT = 2.5
RING = 6.0
"""How far a dot and a mark's ring reach."""
PLACES = (
    ("end", -4.0, -5.0), ("middle", 0.0, 16.0), ("start", 5.0, -5.0),
    ("start", 5.0, 13.0), ("end", -4.0, 13.0), ("middle", 0.0, -9.0),
    ("start", 9.0, 4.0), ("end", -9.0, 4.0), ("middle", 0.0, 27.0),
    ("middle", 0.0, -20.0),
)  # fmt: skip
"""Anchor of the text, and its place from the point; the usual one first."""

Rectangle = tuple[float, float, float, float]


@dataclass(frozen=True)
class Wanted:
    """A label and its point."""

    words: str
    x: float
    y: float
    is_ringed: bool = False
    """A ring stands around the point: the label keeps off it."""


def placed(
    wanted: Sequence[Wanted], dots: Sequence[tuple[float, float]], box: Box
) -> list[dict[str, Any]]:
    """``words``, ``anchor``, ``x`` and ``y`` of each, in order."""
    taken = [_around(x, y, DOT) for x, y in dots]
    taken += [_around(one.x, one.y, RING) for one in wanted if one.is_ringed]
    labels = []
    for one in wanted:
        places = [_rectangle(one, place) for place in PLACES]
        costs = [
            sum(_meet(here, other) for other in taken) + _outside(here, box)
            for here in places
        ]
        at = costs.index(min(costs))
        taken.append(places[at])
        anchor, dx, dy = PLACES[at]
        labels.append(
            {
                "words": one.words,
                "anchor": anchor,
                "x": round(one.x + dx, 1),
                "y": round(one.y + dy, 1),
            }
        )
    return labels


def _around(x: float, y: float, radius: float) -> Rectangle:
    return x - radius, y - radius, x + radius, y + radius


def _rectangle(one: Wanted, place: tuple[str, float, float]) -> Rectangle:
    anchor, dx, dy = place
    width = ADVANCE * len(one.words)
    left = one.x + dx - width * {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor]
    low = one.y + dy
    return left, low - 0.8 * EM, left + width, low + 0.1 * EM


def _meet(one: Rectangle, other: Rectangle) -> float:
    """Area that both cover."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    up = min(one[3], other[3]) - max(one[1], other[1])
    return across * up if across > 0 and up > 0 else 0.0


def _outside(one: Rectangle, box: Box) -> float:
    """Area beyond the axes."""
    inside = _meet(one, (box.left, box.top - EM, box.right, box.bottom))
    return (one[2] - one[0]) * (one[3] - one[1]) - inside
