"""A result as JSON, as a table of text, and as rows for CSV."""

from collections.abc import Iterator
from typing import Any

from planning.fleet.means import Mean
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
    for p, wait in result.wait_s.items():
        yield f"wait_p{p}_s", f"Wait, {p} % at most", wait, "s"
    yield "wait_mean_s", "Wait, mean", result.wait_mean_s, "s"
    yield "late_pct", "Requests that waited past the goal", result.late_pct, "%"
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
