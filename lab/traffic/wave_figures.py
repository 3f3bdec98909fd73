"""What requests that were sent at once came to, from their reports. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any


def wave_figures(
    reports: Sequence[Mapping[str, Any]], seconds: float
) -> dict[str, Any]:
    """Medians over the requests of their time to the first token and between tokens.

    ``reports`` are RequestReports as JSON, ``seconds`` from the first request sent to
    the last one ended. None where no request told a figure.
    """
    rates = [report.get("output_tokens_per_s") for report in reports]
    tokens = sum(report.get("num_output_tokens") or 0 for report in reports)
    return {
        "num_requests": len(reports),
        "ttft_s": median_of(report.get("ttft_s") for report in reports),
        "itl_s": median_of(1 / rate for rate in rates if rate),
        "tokens_per_s": tokens / seconds if tokens and seconds > 0 else None,
    }


def median_of(values: Iterable[float | None]) -> float | None:
    """Of those that are known; None where none is."""
    known = [value for value in values if value is not None]
    return median(known) if known else None
