"""The points of a sweep: each load as it is expected, and as it was served. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from lab.experiments.expected import Served
from lab.experiments.percentiles import (
    QUIET,
    all_itls,
    mean_itl_s,
    percentile,
    span_s,
)
from lab.experiments.words import shown
from lab.messages import RequestReport

ROUNDS = 2
"""Of a closed loop: how many requests one after the other each place sends,"""
FEWEST = 4
"""and of all places together at least."""


@dataclass(frozen=True)
class Load:
    """One point of the sweep before it is measured."""

    number: float
    """Requests at once, or requests a second."""
    arrivals: tuple[float, ...] = ()
    """Of an open loop [s]; none: a closed one."""

    @property
    def num_requests(self) -> int:
        """That are sent for it: in a closed loop a few by each place."""
        if self.arrivals:
            return len(self.arrivals)
        return max(FEWEST, ROUNDS * int(self.number))

    @property
    def name(self) -> str:
        """As the point is called."""
        return shown(self.number)


@dataclass(frozen=True)
class Point:
    """One load: what is expected of it, and how it was served."""

    load: Load
    expected: Served | None = None
    served: Served | None = None
    reports: tuple[RequestReport, ...] = ()
    is_calibration: bool = False
    """Whether the expectation was fitted to it."""
    held_up: float | None = None
    """How many times as long as undisturbed its steps took (calibration.held_up)."""
    counted: Served | None = None
    """What is expected when that is counted in."""

    @property
    def off(self) -> tuple[float | None, float | None]:
        """Expected ÷ measured − 1 in per cent, of throughput and of ITL; None too
        where the expectation was fitted to it."""
        return self._off(self.expected)

    @property
    def off_counted(self) -> tuple[float | None, float | None]:
        """The same, of what is expected with this load's own hold-ups."""
        return self._off(self.counted)

    def _off(self, expected: Served | None) -> tuple[float | None, float | None]:
        if expected is None or self.served is None or self.is_calibration:
            return None, None
        return (
            _off(expected.tokens_per_s, self.served.tokens_per_s),
            _off(expected.itl_s, self.served.itl_s),
        )


def _off(expected: float | None, measured: float | None) -> float | None:
    return round(100 * (expected / measured - 1), 6) if expected and measured else None


def served(reports: Sequence[RequestReport]) -> Served:
    """What the engine reported of one load."""
    seconds = span_s(reports)
    tokens = sum(report.num_output_tokens for report in reports)
    return Served(
        tokens / seconds if seconds else None,
        percentile((mean_itl_s(report) for report in reports), 50),
        percentile((report.ttft_s for report in reports), 50),
        percentile((report.e2el_s for report in reports), 50),
        percentile(all_itls(reports), QUIET),
        min((r.ttft_s for r in reports if r.ttft_s is not None), default=None),
    )
