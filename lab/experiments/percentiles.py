"""Percentiles and goodput of a run's requests, from their reports. Pure.

Terms as in vLLM's own benchmark: TTFT from arrival to first token, ITL each gap between
outputs, goodput the requests a second that keep all of their objectives.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lab.experiments.outcome import Figure, Table
from lab.messages import RequestReport

SHOWN = (50, 90, 99)
QUIET = 25
"""Per cent of the gaps between tokens: what an engine's steps take that no other work
of its machine held up."""
LEAST = 5
"""Of fewer values there is no percentile but the middle one."""


def percentile(values: Iterable[float | None], percent: float) -> float | None:
    """Linear between the nearest ranks, as numpy's default; None without values."""
    known = sorted(value for value in values if value is not None)
    if not known or (len(known) < LEAST and percent != 50):
        return None
    place = (len(known) - 1) * percent / 100
    low = int(place)
    high = min(low + 1, len(known) - 1)
    return known[low] + (known[high] - known[low]) * (place - low)


def ms(seconds: float | None) -> float | None:
    """In milliseconds; None stays unknown."""
    return None if seconds is None else 1000 * seconds


def all_itls(reports: Iterable[RequestReport]) -> list[float]:
    """Every gap of every request, in seconds."""
    return [gap for report in reports for gap in report.itls_s]


def table(reports: Sequence[RequestReport]) -> Table:
    """TTFT, ITL and the time to the last token: percentiles, in ms."""
    rows = (
        ("TTFT", [report.ttft_s for report in reports]),
        ("ITL", list(all_itls(reports))),
        ("in the queue", [report.queue_s for report in reports]),
        ("to the last token", [report.e2el_s for report in reports]),
    )
    return Table(
        "Percentiles, in ms",
        ["", "values", *(f"p{percent}" for percent in SHOWN)],
        [
            [
                name,
                sum(value is not None for value in values),
                *(ms(percentile(values, percent)) for percent in SHOWN),
            ]
            for name, values in rows
        ],
    )


@dataclass(frozen=True)
class Slo:
    """What a learner asks of each request, in seconds."""

    ttft_s: float
    itl_s: float

    def is_kept(self, report: RequestReport) -> bool:
        """Whether a finished request kept both: its TTFT, and its mean ITL."""
        if report.finish_reason not in ("stop", "length") or report.ttft_s is None:
            return False
        mean = mean_itl_s(report)
        return report.ttft_s <= self.ttft_s and (mean is None or mean <= self.itl_s)


def mean_itl_s(report: RequestReport) -> float | None:
    """Time per output token after the first (TPOT); None with one token."""
    rate = report.output_tokens_per_s
    return 1 / rate if rate else None


def share_kept(reports: Sequence[RequestReport], slo: Slo) -> float | None:
    """Percent of the requests that keep the objectives."""
    if not reports:
        return None
    return 100 * sum(map(slo.is_kept, reports)) / len(reports)


def span_s(reports: Sequence[RequestReport]) -> float | None:
    """From the first arrival to the last token, on the engine host's clock."""
    begins = [r.arrived_at for r in reports if r.arrived_at is not None]
    ends = [
        r.arrived_at + r.e2el_s
        for r in reports
        if r.arrived_at is not None and r.e2el_s is not None
    ]
    return max(ends) - min(begins) if begins and ends else None


def throughput(reports: Sequence[RequestReport], slo: Slo) -> list[Figure]:
    """Output tokens a second, requests a second, and goodput."""
    seconds = span_s(reports)
    tokens = sum(report.num_output_tokens for report in reports)
    kept = sum(map(slo.is_kept, reports))
    each = (
        ("answer tokens of all", tokens, "tokens/s"),
        ("requests", len(reports), "requests/s"),
        ("goodput: requests within the SLO", kept, "requests/s"),
    )
    return [
        Figure(label, number / seconds if seconds else None, unit, "derived")
        for label, number, unit in each
    ]
