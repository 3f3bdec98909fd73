"""Who waited of requests that came together: long prompts, or short questions. Pure."""

from collections.abc import Sequence

from lab.experiments.outcome import Figure, Table
from lab.experiments.percentiles import ms, percentile
from lab.messages import RequestReport, priority_of


def late_figures(late: Sequence[RequestReport]) -> list[Figure]:
    """None where none came with it."""
    if not late:
        return []
    ttft = percentile((report.ttft_s for report in late), 50)
    return [Figure("TTFT of the short ones that came with it, median", ms(ttft), "ms")]


def who_was_first(long: Sequence[RequestReport], late: Sequence[RequestReport]) -> str:
    """Who of those that came together had the first token first."""
    own, others = last_ttft(long), percentile((r.ttft_s for r in late), 50)
    if own is None or others is None:
        return ""
    return (
        f"Of those that came together, the short questions had their first token after "
        f"{1000 * others:.0f} ms (median), the long prompt after {1000 * own:.0f} ms."
    )


def table(
    long: Sequence[RequestReport], late: Sequence[RequestReport], first: str
) -> Table:
    """Each group with its priority, its time in the queue and its TTFT."""
    groups = (
        ("long prompt", long, first == "short"),
        ("short, came with it", late, first == "long"),
    )
    rows = [
        [
            name,
            len(reports),
            priority_of("experiment", steps_back),
            ms(percentile((r.queue_s for r in reports), 50)),
            ms(percentile((r.ttft_s for r in reports), 50)),
            ms(last_ttft(reports)),
        ]
        for name, reports, steps_back in groups
        if reports
    ]
    return Table(
        "Who waited, in ms",
        ["", "requests", "priority", "in the queue, p50", "TTFT, p50", "longest TTFT"],
        rows,
    )


def last_ttft(reports: Sequence[RequestReport]) -> float | None:
    """The longest; None where none is known."""
    return max((r.ttft_s for r in reports if r.ttft_s is not None), default=None)
