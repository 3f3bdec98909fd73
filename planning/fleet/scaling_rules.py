"""The autoscaler's part of the event loop's rules, in looks and counts."""

from planning.errors import BadSetting
from planning.fleet.fleet_state import HIGHEST, LASTING, LOAD, NUM_LOOKS, PLACES, QUEUE
from planning.fleet.plan import Plan

SIGNALS = {"load": LOAD, "places": PLACES, "queue": QUEUE}


def autoscaling_rules(plan: Plan) -> dict[str, float]:
    """See planning.fleet.autoscaler. 0 looks are the moment itself; a rate of 0 is no
    limit."""
    provisioned, scaling = plan.provisioned, plan.autoscaling
    every_s = provisioned.look_every_s
    target = provisioned.target_pct / 100 * plan.service.concurrency
    signal = SIGNALS[scaling.signal]
    is_at_zero = (
        plan.has_provisioned
        and provisioned.autoscaler == "on"
        and provisioned.min_instances == 0
    )
    zero_every_s, zero_after_s = scaling.zero_look_every_s, scaling.zero_after_s
    cool_down_s = provisioned.cool_down_min * 60
    return {
        "queue_weight": float(signal != PLACES),
        "service_weight": float(signal != QUEUE),
        "target_load": scaling.target_requests or target,
        "window_looks": _looks(scaling.window_s, every_s, 1),
        "panic_looks": _looks(scaling.panic_window_s, every_s, 0),
        "panic_threshold": scaling.panic_threshold_pct / 100,
        "up_delay_s": scaling.up_delay_s,
        "scale_in": HIGHEST if scaling.scale_in == "highest" else LASTING,
        "cool_down_looks": min(_looks(cool_down_s, every_s, 0), NUM_LOOKS - 1),
        "up_rate": scaling.up_rate or 0.0,
        "up_step": scaling.up_step,
        "down_rate": scaling.down_rate or 0.0,
        "up_factor": scaling.up_factor,
        "down_factor": scaling.down_factor,
        "tolerance": scaling.tolerance_pct / 100,
        "wakes": is_at_zero and scaling.from_zero == "at_once",
        "activation": scaling.activation_requests,
        "zero_looks": max(_looks(zero_every_s, every_s, 1), 1),
        "zero_after_s": cool_down_s if zero_after_s is None else zero_after_s,
        "zero_as_others": zero_after_s is None,
    }


def _looks(seconds: float | None, every_s: float, default: int) -> int:
    """The next whole number of looks; at least one where there are any seconds."""
    if seconds is None:
        return default
    return max(round(seconds / every_s), 1) if seconds > 0 else 0


def check_looks(plan: Plan) -> None:
    """Refuse what the autoscaler's memory of looks has no room for, in a sentence."""
    if not plan.has_provisioned or plan.provisioned.autoscaler == "off":
        return
    every_s, scaling = plan.provisioned.look_every_s, plan.autoscaling
    longest_s = every_s * (NUM_LOOKS - 1)
    for field, value in (
        ("window_s", scaling.window_s),
        ("panic_window_s", scaling.panic_window_s),
    ):
        if value and not every_s <= value <= longest_s:
            raise BadSetting(
                field,
                f"is {value:g} s for a look every {every_s:g} s; allowed are "
                f"{every_s:g} to {min(longest_s, 3600):,g} s.",
            )
    cool_down_min = plan.provisioned.cool_down_min
    if scaling.scale_in == "highest" and cool_down_min * 60 > longest_s:
        raise BadSetting(
            "cool_down_min",
            f"is {cool_down_min:g} min, of which the highest of more than "
            f"{NUM_LOOKS - 1:,} looks would be remembered; allowed are 0 to "
            f"{longest_s / 60:,g} min.",
        )


def remembered_s(rules: dict[str, float]) -> float:
    """How long ago what the autoscaler does may have its reason, beyond delays that
    every autoscaler has."""
    looks = 0.0
    if rules["window_looks"] > 1 or rules["panic_looks"] > 0:
        looks = rules["window_looks"] + rules["panic_looks"]
    zero_s = 0.0 if rules["zero_as_others"] else rules["zero_after_s"]
    return rules["up_delay_s"] + zero_s + looks * rules["tick_s"]
