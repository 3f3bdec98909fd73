"""What just happened, in words: where the money went, who waited and why, what to try.

Each advice follows from a figure of the result, and the figure stands in it.
"""

from planning.fleet.plan import Plan
from planning.fleet.results import Result

PAID_FOR = {
    "busy": "for serving",
    "idle": "for idle seconds",
    "cold": "for starting",
    "pings": "for keeping warm",
    "rounding": "for rounding up",
    "restarts": "for restarting after interruptions",
}

FULL_PCT, EMPTY_PCT = 75, 40
"""Places in use above and below which it is said."""
SHARE_OF_PROMPTS = 0.5
"""Share of the fleet that prompts need, from which it is said."""
MOSTLY_PCT = 60
"""Share of the bill from which a line is most of it."""


def shares_pct(result: Result) -> dict[str, float]:
    """Per cent of the bill by line."""
    total = max(result.cost_usd.mean, 1e-12)
    return {name: 100 * one.mean / total for name, one in result.costs.items()}


def explain(result: Result) -> list[str]:
    """Sentences, the most important first."""
    if result.requests.mean == 0:
        return ["No request came in the time that was simulated."]
    return [
        *_goals(result),
        *_prompts(result),
        _bill(result),
        *_waits(result),
        *_cut_off(result),
        *_doubts(result),
    ]


def _prompts(result: Result) -> list[str]:
    """Whether the fleet can compute the prompts at all; answers come on top."""
    needed, most = result.prompt_workers.mean, most_workers(result.plan)
    if needed < SHARE_OF_PROMPTS * most:
        return []
    told = f"Prompts alone need {needed:.1f} workers, all the time"
    if needed >= most:
        return [
            f"{told}, and this fleet has {most:,} at most: it is overloaded, however "
            "many requests a worker takes at once."
        ]
    return [f"{told}, of the {most:,} that this fleet has at most."]


def most_workers(plan: Plan) -> int:
    """Workers of both kinds when all are up."""
    return plan.num_provisioned + (
        plan.serverless.max_workers if plan.has_serverless else 0
    )


def _doubts(result: Result) -> list[str]:
    if not result.is_short_sighted:
        return []
    return [
        "The queue outlasts the windows of this sample, so waits and losses are "
        "larger than it shows: the whole month will tell."
    ]


def _goals(result: Result) -> list[str]:
    goals, wait = result.plan.goals, result.wait_s[95]
    sentences = []
    if result.lost_pct.mean > goals.max_drop_pct:
        sentences.append(
            f"{_percent(result.lost_pct.mean)} of the requests were lost; "
            f"allowed are {goals.max_drop_pct:g} %."
        )
    if wait is None:
        sentences.append("No request was served.")
    elif wait.mean > goals.slo_wait_s:
        sentences.append(
            f"The goal is missed: 5 % of the requests waited longer than "
            f"{_seconds(wait.mean)}, and {_seconds(goals.slo_wait_s)} is allowed."
        )
    elif not sentences:
        sentences.append(
            f"The goal is met: 95 % of the requests waited at most "
            f"{_seconds(wait.mean)}, and {_seconds(goals.slo_wait_s)} is allowed."
        )
    return sentences


def _bill(result: Result) -> str:
    shares = sorted(shares_pct(result).items(), key=lambda pair: -pair[1])
    parts = [f"{_percent(pct)} {PAID_FOR[name]}" for name, pct in shares if pct >= 1]
    if not parts:
        return "Nothing is paid: no worker ran."
    return f"You pay {_listed(parts)}."


def _cut_off(result: Result) -> list[str]:
    """What ended requests before they were done."""
    sentences = []
    limit_s = result.plan.goals.execution_timeout_s
    if limit_s is not None and result.timed_out_pct.mean >= 0.05:
        sentences.append(
            f"{_percent(result.timed_out_pct.mean)} of the requests ran for "
            f"{_seconds(limit_s)} and were ended; their seconds are paid."
        )
    if result.interruptions.mean >= 1:
        fate = result.cut_off_pct, "lost"
        if result.plan.spot.when_interrupted == "retried":
            fate = result.retried_pct, "begun anew"
        sentences.append(
            f"Instances were interrupted {result.interruptions.mean:,.0f} times, and "
            f"{_percent(fate[0].mean)} of the requests {fate[1]}."
        )
    return sentences


def _waits(result: Result) -> list[str]:
    sentences = []
    if result.cold_pct.mean >= 0.5:
        sentences.append(
            f"{_percent(result.cold_pct.mean)} of the requests waited for a worker to "
            "start."
        )
    places_pct = result.places_pct.mean
    if places_pct > FULL_PCT:
        sentences.append(
            f"{_percent(places_pct)} of the ready workers' places are in use: there is "
            "little room for a burst."
        )
    elif places_pct < EMPTY_PCT and shares_pct(result)["busy"] > MOSTLY_PCT:
        sentences.append(
            f"While they serve, the workers use {_percent(places_pct)} of their "
            "places: the batches are small, and the seconds are paid all the same."
        )
    return sentences


def advise(result: Result) -> list[str]:
    """What to try next; empty where nothing stands out."""
    tips = [*_for_waits(result), *_for_money(result)]
    return tips[:3]


def _for_waits(result: Result) -> list[str]:
    if result.meets_slo:
        return []
    plan, tips = result.plan, []
    if plan.has_serverless and result.cold_pct.mean > 4:
        tips.append(
            "keep a worker up: a longer idle timeout, a ping every few minutes, or one "
            "that is always on"
        )
    if result.places_pct.mean > FULL_PCT or result.lost_pct.mean > 0:
        what = "instances" if plan.mode == "provisioned" else "workers at most"
        tips.append(f"allow more {what}")
    elif plan.mode == "serverless":
        tips.append(
            "put a provisioned instance below the serverless workers (hybrid), so that "
            "only what overflows waits for a start"
        )
    if plan.has_provisioned and plan.provisioned.autoscaler == "on":
        tips.append("a lower target of places in use, which starts instances earlier")
    return tips


def _for_money(result: Result) -> list[str]:
    if not result.meets_slo:
        return []
    plan, shares, tips = result.plan, shares_pct(result), []
    if result.places_pct.mean < EMPTY_PCT and shares["busy"] > MOSTLY_PCT:
        if plan.has_provisioned and plan.provisioned.instances > 1:
            tips.append("fewer instances, so that each serves larger batches")
        if plan.has_serverless and plan.serverless.max_workers > 1:
            tips.append("fewer workers at most, so that each serves larger batches")
    if shares["idle"] > 25 and plan.has_serverless:
        tips.append("a shorter idle timeout, or fewer workers always on")
    if shares["idle"] > 25 and plan.has_provisioned:
        fixed = plan.provisioned.autoscaler == "off"
        tips.append(
            "the autoscaler, which stops what is not needed"
            if fixed and plan.provisioned.instances > 1
            else "a higher target of places in use, or fewer instances"
        )
    if shares["cold"] > 20:
        tips.append(
            "a longer idle timeout: so many starts cost more than waiting idle would"
        )
    if shares["pings"] > 10:
        tips.append("rarer pings, or a worker that stops between them")
    if shares["busy"] > 75 and plan.mode == "serverless" and result.workers.mean > 0.8:
        tips.append(
            "provisioned instances for the base load: a busy hour of theirs is cheaper"
        )
    return tips


def _listed(parts: list[str]) -> str:
    if len(parts) == 1:
        return parts[0]
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def _percent(value: float) -> str:
    return f"{value:.0f} %" if value >= 9.5 else f"{value:.1f} %"


def _seconds(value: float) -> str:
    if value >= 120:
        return f"{value / 60:.0f} min"
    if value < 0.0005:
        return "0 s"
    return f"{value:.0f} s" if value >= 9.5 else f"{value:.2g} s"
