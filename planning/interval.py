"""A figure with its interval and its kind: no estimate is shown without both."""

import math
from dataclasses import dataclass
from typing import Literal

GIB = 2**30

Kind = Literal["measured", "published", "derived", "estimated"]
"""The course's words: measured here · published by a source · derived by a formula
from such · estimated by a model that was fitted to measurements."""


@dataclass(frozen=True)
class Interval:
    """``value`` between ``low`` and ``high``, in one unit; ``+`` is the worst case."""

    low: float
    value: float
    high: float

    @classmethod
    def exact(cls, value: float) -> "Interval":
        """A value without doubt."""
        return cls(value, value, value)

    @classmethod
    def around(
        cls, value: float, below: float, above: float | None = None
    ) -> "Interval":
        """``value`` less ``below`` to ``value`` plus ``above`` (or ``below``)."""
        over = below if above is None else above
        return cls(max(0.0, value - below), value, value + over)

    def __add__(self, other: "Interval") -> "Interval":
        return Interval(
            self.low + other.low, self.value + other.value, self.high + other.high
        )

    def __sub__(self, other: "Interval") -> "Interval":
        return Interval(
            self.low - other.high, self.value - other.value, self.high - other.low
        )

    @classmethod
    def independent_sum(cls, *parts: "Interval") -> "Interval":
        """A sum of parts that err independently: their doubts add up as squares."""
        value = sum(part.value for part in parts)
        below = math.hypot(*(part.value - part.low for part in parts))
        above = math.hypot(*(part.high - part.value for part in parts))
        return cls(max(0.0, value - below), value, value + above)

    def times(self, factor: float) -> "Interval":
        """All three by a factor of 0 or more."""
        return Interval(self.low * factor, self.value * factor, self.high * factor)

    def at_least_zero(self) -> "Interval":
        """With what is below 0 as 0."""
        return Interval(max(0.0, self.low), max(0.0, self.value), max(0.0, self.high))

    def contains(self, truth: float) -> bool:
        """Whether the truth lies in the interval, its ends included."""
        return self.low <= truth <= self.high

    @property
    def width(self) -> float:
        """High minus low."""
        return self.high - self.low
