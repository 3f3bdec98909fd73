"""A plan as the event loop's rules: built once for a simulation, and handed down."""

from planning.errors import BadSetting
from planning.fleet.fleet_state import (
    INF,
    MAX_CONCURRENCY,
    MAX_QUEUE,
    NO_SCALER,
    QUEUE_DELAY,
    REQUEST_COUNT,
)
from planning.fleet.limits import MAX_WORKERS
from planning.fleet.plan import DAY_S, Plan
from planning.fleet.scaling_rules import autoscaling_rules, check_looks, remembered_s

ANY_NUMBER = 2**62

Rules = dict[str, float]
"""A value for each field of fleet_state.RULES: seconds, counts and shares."""


def rules_of(plan: Plan) -> Rules:
    """Without a timeline: its bins are the caller's to add.

    Raises BadSetting for a plan that the event loop has no room for.
    """
    check_room(plan)
    provisioned, serverless, service = plan.provisioned, plan.serverless, plan.service
    num_provisioned = plan.num_provisioned
    num_serverless = serverless.max_workers if plan.has_serverless else 0
    has_autoscaler = plan.has_provisioned and provisioned.autoscaler == "on"
    by_delay = serverless.scaler == "queue_delay"
    scaler = QUEUE_DELAY if by_delay else REQUEST_COUNT
    value = serverless.queue_delay_s if by_delay else serverless.requests_per_worker
    ping_min = serverless.ping_every_min if plan.has_serverless else None
    return {
        "num_provisioned": num_provisioned,
        "replicas": provisioned.replicas,
        "num_workers": num_provisioned + num_serverless,
        "num_kept": serverless.min_workers if plan.has_serverless else 0,
        "concurrency": service.concurrency,
        "slowdown": service.slowdown_pct / 100,
        "expert_slowdown": service.expert_slowdown_pct / 100,
        "expert_rest": 1 - service.expert_share_pct / 100,
        "token_cost": service.decode_tokens_per_s / service.prefill_tokens_per_s,
        "step_tokens": service.step_tokens,
        "is_split": service.is_split,
        "max_queue": plan.goals.max_queue,
        "give_up_s": INF if plan.goals.give_up_s is None else plan.goals.give_up_s,
        "idle_timeout_s": serverless.idle_timeout_s,
        "scaler": scaler if plan.has_serverless else NO_SCALER,
        "scaler_value": value,
        "cold_start_s": serverless.cold_start_s,
        "bills_cold": serverless.bills_cold_start == "yes",
        "bills_idle": serverless.bills_idle == "yes",
        "rounding_s": serverless.rounding_s,
        "rounds_requests": serverless.rounding_of == "request",
        "ping_every_s": 0.0 if ping_min is None else ping_min * 60,
        "ping_s": serverless.ping_s,
        "has_autoscaler": has_autoscaler,
        "min_instances": provisioned.min_instances
        if has_autoscaler
        else num_provisioned,
        "tick_s": provisioned.look_every_s,
        "start_up_s": provisioned.start_up_min * 60,
        "cool_down_s": provisioned.cool_down_min * 60,
        **autoscaling_rules(plan),
        **cut_off_rules(plan),
        "bin_s": 3600.0,
        "num_bins": 0,
        "most_starts": ANY_NUMBER,
    }


def check_room(plan: Plan) -> None:
    """Refuse more than the event loop's record has room for, in a sentence."""
    instances = plan.num_provisioned
    workers = plan.serverless.max_workers if plan.has_serverless else 0
    name = "max_workers" if plan.mode == "serverless" else "instances"
    concurrency, step_tokens = plan.service.concurrency, plan.service.step_tokens
    for field, value, most, what in (
        (name, instances + workers, MAX_WORKERS, "instances and workers together"),
        ("concurrency", concurrency, MAX_CONCURRENCY, "requests at once a worker"),
        ("max_queue", plan.goals.max_queue, MAX_QUEUE, "requests in the queue"),
    ):
        if value > most:
            raise BadSetting(field, f"makes {value:,} {what}; allowed are {most:,}.")
    if step_tokens < concurrency:
        raise BadSetting(
            "step_tokens",
            f"is {step_tokens:,} for {concurrency:,} requests at once; each that "
            f"decodes needs one, so allowed are {concurrency:,} or more.",
        )
    check_looks(plan)


def cut_off_rules(plan: Plan) -> Rules:
    """Time-outs and interruptions."""
    timeout_s, spot = plan.goals.execution_timeout_s, plan.spot
    is_spot = plan.has_provisioned and spot.spot == "on"
    return {
        "keeps_requests": is_spot or timeout_s is not None,
        "timeout_s": INF if timeout_s is None else timeout_s,
        "interrupted_every_s": spot.interrupted_every_h * 3600 if is_spot else 0.0,
        "notice_s": spot.notice_s,
        "is_retried": spot.when_interrupted == "retried",
    }


def lead_s(rules: Rules, work_s: float) -> float:
    """How long before a window its simulation begins: enough to forget the start.

    ``work_s`` is the mean work of a request.
    """
    longest = 20 * work_s
    if rules["scaler"] != NO_SCALER:
        longest += rules["idle_timeout_s"] + 3 * rules["cold_start_s"]
    if rules["has_autoscaler"]:
        longest += rules["start_up_s"] + rules["cool_down_s"] + 2 * rules["tick_s"]
        longest += remembered_s(rules)
    return min(max(longest, 60.0), DAY_S / 4)


def cold_cv_of(plan: Plan) -> float:
    """How far cold starts spread around their mean: σ ÷ mean."""
    return plan.serverless.cold_start_cv if plan.has_serverless else 0.0
