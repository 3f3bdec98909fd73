"""Places in a plot: from values to the units of its viewBox."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_STEPS = (1, 2, 2.5, 5, 10)
_MOST_TICKS = 5


@dataclass(frozen=True)
class Plot:
    """The box between the axes."""

    left: float
    right: float
    top: float
    bottom: float

    def across(self, share: float) -> float:
        """x of a share of the width."""
        return round(self.left + (self.right - self.left) * share, 1)

    def up(self, share: float) -> float:
        """y of a share of the height, from below."""
        return round(self.bottom - (self.bottom - self.top) * share, 1)


@dataclass(frozen=True)
class Axis:
    """From ``low`` to ``high``, with a tick every ``step``."""

    low: float
    high: float
    step: float

    @classmethod
    def up_to(cls, most: float) -> "Axis":
        """From 0 to a round number over ``most``."""
        power = 10 ** math.floor(math.log10(most / _MOST_TICKS))
        step = next(s * power for s in _STEPS if most <= _MOST_TICKS * s * power)
        return cls(0.0, step * math.ceil(most / step), step)

    def share(self, value: float) -> float:
        """Where a value lies, from 0 to 1."""
        return (value - self.low) / (self.high - self.low)

    def ticks(self, place: Callable[[float], float]) -> list[dict[str, Any]]:
        """Each tick's value and place."""
        number = round((self.high - self.low) / self.step)
        values = [self.low + at * self.step for at in range(number + 1)]
        return [{"value": v, "at": place(self.share(v))} for v in values]
