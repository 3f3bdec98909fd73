"""A plan whose workers start and stop all the time takes no longer than another.

The requests of a simulation are bounded by its budget; how often a request makes
workers start is the plan's. So starts are bounded too: where there are more, fewer
requests are simulated, and a plan of which even these are too many is refused.
"""

from collections.abc import Callable
from typing import TypeVar

from planning.errors import BadSetting

PARTS = (1, 4, 16, 64)
"""The budget is divided by the first of these with which the starts are few enough."""
STARTS = 2
"""For each request of the whole budget; a request that finds nobody up makes one."""

Found = TypeVar("Found")


class TooManyStarts(Exception):
    """What was simulated so far is of no use: from some moment on no worker started."""


def in_time(simulated: Callable[[int], Found], budget: int) -> Found:
    """Of as much of the budget as the starts of its workers let be simulated, with
    ``most_starts(budget)`` for each part of it; raises BadSetting."""
    for part in PARTS:
        try:
            return simulated(budget // part)
        except TooManyStarts:
            continue
    raise BadSetting(
        "max_workers",
        f"starts more than {PARTS[-1] * STARTS} workers for each request, again and "
        "again, which takes too long to simulate. Let workers idle for longer, or give "
        "each of them more requests.",
    )


def most_starts(budget: int, num_runs: int = 1) -> int:
    """Of one of so many runs."""
    return STARTS * budget // num_runs
