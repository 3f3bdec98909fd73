"""The plot that all drawings share, and the ticks of an axis."""

import math
from dataclasses import dataclass

WIDTH = 640
LEFT, RIGHT = 56, 8
PLOT = WIDTH - LEFT - RIGHT


@dataclass(frozen=True)
class Tick:
    """A line of an axis with its label."""

    at: float
    text: str


def round_step(most: float) -> float:
    """1, 2 or 5 times a power of ten, two to five of them up to ``most``."""
    power = 10.0 ** math.floor(math.log10(max(most, 1e-9) / 2))
    for factor in (1, 2, 5, 10):
        if most / (factor * power) <= 4:
            return max(factor * power, 1.0 if most >= 1 else factor * power)
    return 10 * power


def short_number(value: float) -> str:
    """Short enough for an axis: 200, 2k, 20k, 2M."""
    if value >= 1e6:
        return f"{value / 1e6:g}M"
    return f"{value / 1e3:g}k" if value >= 1e3 else f"{value:g}"
