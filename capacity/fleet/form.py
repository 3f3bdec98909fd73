"""The form of a plan: groups of fields with their words, units, values and faults.

``of`` names the choice that a field belongs to, such as pattern=bursts; the style sheet
shows it where that is chosen, and everything where it cannot tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from planning.fleet.plan import Limit, Plan
from planning.fleet.plan_fields import limit_of, plan_values

CHOICES = {
    "serverless": "serverless",
    "provisioned": "provisioned",
    "hybrid": "both: overflow goes to serverless",
    "poisson": "random, even (Poisson)",
    "constant": "like clockwork",
    "diurnal": "with the day",
    "bursts": "in bursts",
    "flash": "flash crowds",
    "shape": "as in a recorded hour",
    "file": "from my file",
    "azure-2023-conv": "Azure 2023, conversations",
    "azure-2023-code": "Azure 2023, code completion",
    "queue_delay": "queue delay",
    "request_count": "request count",
    "load": "waiting and in progress",
    "places": "in progress",
    "queue": "waiting",
    "lasting": "after a time of less need",
    "highest": "not below the most of that time",
    "at_once": "with a request",
    "at_look": "at a look",
    "retried": "are begun anew",
    "lost": "are lost",
    "off": "off",
    "on": "on",
    "yes": "yes",
    "no": "no",
}
TRAFFIC = {
    "pattern": "",
    "rate_per_s": "rate",
    "peak_hour": "peak",
    "day_swing_pct": "diurnal",
    "burst_factor": "bursts",
    "burst_share_pct": "bursts",
    "burst_minutes": "bursts",
    "flash_factor": "flash",
    "flash_minutes": "flash",
    "flashes_a_month": "flash",
    "shape": "shape",
    "file_speed": "file",
}
REQUESTS = ("input_tokens", "input_cv", "output_tokens", "output_cv")
SERVICE = (
    "prefill_tokens_per_s",
    "decode_tokens_per_s",
    "slowdown_pct",
    "step_tokens",
    "overhead_s",
    "concurrency",
)
PROVISIONED = {
    "instances": "",
    "provisioned_usd_per_h": "",
    "autoscaler": "",
    "min_instances": "autoscaler",
    "target_pct": "autoscaler",
    "look_every_s": "autoscaler",
    "start_up_min": "autoscaler",
    "cool_down_min": "autoscaler",
}
SCALING = (
    "signal",
    "target_requests",
    "window_s",
    "panic_window_s",
    "panic_threshold_pct",
    "up_delay_s",
    "scale_in",
    "up_rate",
    "up_step",
    "down_rate",
    "up_factor",
    "down_factor",
    "tolerance_pct",
)
ZERO = ("from_zero", "activation_requests", "zero_look_every_s", "zero_after_s")
SPOT = {
    "spot": "",
    "spot_discount_pct": "spot",
    "interrupted_every_h": "spot",
    "notice_s": "spot",
    "when_interrupted": "spot",
}
SERVERLESS = {
    "serverless_usd_per_s": "",
    "max_workers": "",
    "min_workers": "",
    "idle_timeout_s": "",
    "cold_start_s": "",
    "scaler": "",
    "queue_delay_s": "queue-delay",
    "requests_per_worker": "request-count",
    "ping_every_min": "",
}
BILLING = {
    "cold_start_cv": "",
    "ping_s": "",
    "bills_cold_start": "",
    "bills_idle": "",
    "rounding_s": "",
}
GOALS = (
    "slo_wait_s",
    "max_drop_pct",
    "max_queue",
    "give_up_s",
    "execution_timeout_s",
    "seed",
)


@dataclass(frozen=True)
class Shown:
    """One field as the template draws it."""

    name: str
    id: str
    limit: Limit
    value: Any
    fault: str = ""
    of: str = ""
    choices: tuple[tuple[str, str], ...] = ()

    @property
    def is_log(self) -> bool:
        """Whether a slider should move by ratios."""
        return self.limit.low > 0 and self.limit.high / self.limit.low >= 1000


@dataclass(frozen=True)
class Group:
    """A fieldset, folded away unless it matters first."""

    title: str
    fields: list[Shown]
    of: str = ""
    is_open: bool = False
    links: list[tuple[str, str]] = field(default_factory=list)


def groups(
    plan: Plan,
    typed: Mapping[str, Any],
    faults: Mapping[str, str],
    prefix: str = "",
) -> list[Group]:
    """Everything that makes a plan; with a prefix only what differs in a second one."""

    def of(names: Mapping[str, str] | tuple[str, ...]) -> list[Shown]:
        marks = names if isinstance(names, Mapping) else dict.fromkeys(names, "")
        return [
            shown(name, plan, typed, faults, prefix, mark)
            for name, mark in marks.items()
        ]

    fleet = [
        Group("Fleet", of(("mode",)), is_open=True),
        Group("Provisioned", of(PROVISIONED), "provisioned", is_open=True),
        Group("Autoscaler: what it sees, how fast it moves", of(SCALING), "scaling"),
        Group("Autoscaler: to zero and from it", of(ZERO), "scaling"),
        Group("Spot instances", of(SPOT), "provisioned"),
        Group("Serverless", of(SERVERLESS), "serverless", is_open=True),
        Group("Serverless: billing and starts", of(BILLING), "serverless"),
    ]
    if prefix:
        return fleet
    return [
        Group("Traffic", of(TRAFFIC), is_open=True),
        Group("Requests", of(REQUESTS), "lengths"),
        Group("Speed of a worker", of(SERVICE)),
        *fleet,
        Group("Goals and limits", of(GOALS)),
    ]


def shown(
    name: str,
    plan: Plan,
    typed: Mapping[str, Any],
    faults: Mapping[str, str],
    prefix: str = "",
    of: str = "",
) -> Shown:
    """One field: what was typed stays where it is wrong."""
    limit = limit_of(name)
    value = plan_values(plan)[name]
    if name in faults and name in typed:
        value = str(typed[name])[:60]
    choices = tuple((word, CHOICES.get(word, word)) for word in limit.choices)
    return Shown(
        name=f"{prefix}{name}",
        id=f"{prefix}{name}".replace(".", "-"),
        limit=limit,
        value=_text(value),
        fault=faults.get(name, ""),
        of=of,
        choices=choices,
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.10g}" if isinstance(value, float) else str(value)
