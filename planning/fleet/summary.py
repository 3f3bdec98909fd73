"""A result as JSON, as a table of text, and as rows for CSV."""

from collections.abc import Iterator
from typing import Any

from planning.fleet.means import Mean
from planning.fleet.month_queue import BIN_S, MonthQueue
from planning.fleet.plan_fields import plan_mapping
from planning.fleet.results import Result

Row = tuple[str, str, Mean | None, str]
"""Name for scripts, label, value, unit."""

COST_LABELS = {
    "busy": "serving",
    "idle": "idle",
    "cold": "starting",
    "pings": "keep-warm pings",
    "rounding": "rounding up",
    "restarts": "restarting after interruptions",
}


def rows(result: Result) -> Iterator[Row]:
    """Everything that was estimated, in the order to read it."""
    yield "cost_usd", "Cost a month", result.cost_usd, "$"
    for name, value in result.costs.items():
        yield f"cost_{name}_usd", f"  of it {COST_LABELS[name]}", value, "$"
    yield (
        "usd_per_million_tokens",
        "Per million tokens",
        result.usd_per_million_tokens,
        "$",
    )
    yield "usd_per_m_input", "  of prompts", result.usd_per_m_input, "$"
    yield "usd_per_m_output", "  of answers", result.usd_per_m_output, "$"
    yield "api_usd", "The same month at the API", result.api_usd, "$"
    for p, wait in result.wait_s.items():
        yield f"wait_p{p}_s", f"Wait, {p} % at most", wait, "s"
    yield "wait_mean_s", "Wait, mean", result.wait_mean_s, "s"
    yield "late_pct", "Requests that waited past the goal", result.late_pct, "%"
    late_after_s = result.plan.goals.late_after_s
    if late_after_s is not None:
        label = f"Requests that waited longer than {late_after_s:g} s"
        yield "later_pct", label, result.later_pct, "%"
    for p, first in result.first_token_s.items():
        yield f"ttft_p{p}_s", f"Time to first token, {p} % at most", first, "s"
    for p, total in result.total_s.items():
        yield f"total_p{p}_s", f"Total time, {p} % at most", total, "s"
    yield "cold_pct", "Requests that waited for a start", result.cold_pct, "%"
    yield "busy_pct", "Workers' time spent serving", result.busy_pct, "%"
    yield "places_pct", "Places of ready workers in use", result.places_pct, "%"
    yield "lost_pct", "Requests lost", result.lost_pct, "%"
    yield from _cut_off(result)
    yield "workers", "Workers, mean", result.workers, ""
    yield "prompt_workers", "  prompts alone need", result.prompt_workers, ""
    yield "requests", "Requests a month", result.requests, ""
    yield "tokens", "Tokens a month", result.tokens, ""


def _cut_off(result: Result) -> Iterator[Row]:
    """Where the plan has what may end a request."""
    if result.plan.goals.execution_timeout_s is not None:
        yield "timed_out_pct", "  of it by the time-out", result.timed_out_pct, "%"
    if result.plan.has_provisioned and result.plan.spot.spot == "on":
        yield "cut_off_pct", "  of it by interruptions", result.cut_off_pct, "%"
        yield "retried_pct", "Requests begun anew", result.retried_pct, "%"
        yield "interruptions", "Interruptions a month", result.interruptions, ""


def summary_json(result: Result) -> dict[str, Any]:
    """Numbers to six digits or more; intervals are 95 %."""
    values = {
        name: None
        if value is None
        else {"mean": value.mean, "interval": [value.low, value.high], "unit": unit}
        for name, _, value, unit in rows(result)
    }
    return {
        "plan": plan_mapping(result.plan),
        "meets_slo": result.meets_slo,
        "is_whole_month": result.is_whole_month,
        "num_runs": result.num_runs,
        "num_requests_simulated": result.num_requests_simulated,
        "estimates": values,
    }


def summary_table(result: Result) -> str:
    """For a terminal: a row a figure, its interval beside it."""
    lines = [f"{'':<34}{'mean':>14}  95 % interval"]
    for _, label, value, unit in rows(result):
        if value is None:
            lines.append(f"{label:<34}{'unknown':>14}")
            continue
        interval = f"{value.low:,.6g} to {value.high:,.6g}"
        lines.append(f"{label:<34}{value.mean:>14,.6g}  {interval} {unit}".rstrip())
    lines.append(f"{'Goals':<34}{'met' if result.meets_slo else 'missed':>14}")
    scope = "whole months" if result.is_whole_month else "samples of a month"
    lines.append(
        f"Estimated from {result.num_runs} {scope}, "
        f"{result.num_requests_simulated:,.0f} requests."
    )
    return "\n".join(lines)


def queue_json(queue: MonthQueue) -> dict[str, Any]:
    """Requests that wait, by steps of the month."""
    return {
        "step_s": BIN_S,
        "share_simulated": queue.share_simulated,
        "mean": [round(float(value), 4) for value in queue.mean],
        "longest": [int(value) for value in queue.longest],
    }


def queue_table(queue: MonthQueue) -> str:
    """A line a day."""
    scope = "" if queue.is_whole_month else f", {queue.share_simulated:.2%} of it seen"
    lines = [f"Requests waiting, mean and most at once{scope}:"]
    for row in queue.by_day():
        lines.append(f"  day {row.day:>2}{row.mean:>14,.2f}{row.longest:>10,.0f}")
    return "\n".join(lines)
