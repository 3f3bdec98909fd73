"""The form of a plan: groups of fields with their words, units, values and faults.

``of`` names the choice that a field belongs to, such as pattern=bursts; the style sheet
shows it where that is chosen, and everything where it cannot tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from planning.fleet.limits import Limit
from planning.fleet.plan import Plan
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
    "shared": "the cards that answer",
    "separate": "cards of their own",
    "queue_delay": "queue delay",
    "request_count": "request count",
    "rounding_of.worker": "each worker",
    "rounding_of.request": "each request",
    "own_price_of.instance": "an instance",
    "own_price_of.worker": "a worker",
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
REQUESTS = {
    "input_tokens": "lengths",
    "input_cv": "lengths",
    "output_tokens": "lengths",
    "output_cv": "lengths",
    "cached_pct": "",
}
SERVICE = {
    "prefill_tokens_per_s": "",
    "decode_tokens_per_s": "",
    "concurrency": "",
    "slowdown_pct": "",
    "expert_slowdown_pct": "",
    "expert_share_pct": "",
    "step_tokens": "",
    "overhead_s": "",
    "prefill_on": "",
    "transfer_tokens_per_s": "separate",
}
PROVISIONED = {
    "instances": "",
    "provisioned_usd_per_h": "",
    "replicas": "",
    "autoscaler": "",
    "min_instances": "autoscaler",
    "target_pct": "autoscaler",
    "look_every_s": "autoscaler",
    "cool_down_min": "autoscaler",
    "start_up_min": "",
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
    "active_usd_per_s": "",
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
    "rounding_of": "",
}
ROOM = 13
"""Letters that a choice shows in half a row."""
OWN_PRICE = (
    "own_price",
    "own_currency",
    "own_usd_rate",
    "own_price_per",
    "own_price_of",
    "own_price_gpus",
    "own_price_name",
)
API = ("api_usd_per_m_input", "api_usd_per_m_cached", "api_usd_per_m_output")
GOALS = (
    "slo_wait_s",
    "late_after_s",
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
    def is_wide(self) -> bool:
        """Whether its choices need the whole row."""
        return any(len(label) > ROOM for _, label in self.choices)

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
    """Never folded away."""
    is_unfolded: bool = False
    """Folded, but not now."""
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

    def folded(
        title: str,
        names: Mapping[str, str] | tuple[str, ...],
        mark: str = "",
        is_used: bool = False,
    ) -> Group:
        is_unfolded = is_used or not faults.keys().isdisjoint(names)
        return Group(title, of(names), mark, is_unfolded=is_unfolded)

    fleet = [
        Group("Fleet", of(("mode",)), is_open=True),
        Group("Provisioned", of(PROVISIONED), "provisioned", is_open=True),
        folded(
            "Provisioned: autoscaler",
            SCALING,
            "scaling",
            plan.autoscaling != Plan().autoscaling,
        ),
        folded(
            "Provisioned: to zero and back",
            ZERO,
            "scaling",
            plan.provisioned.min_instances == 0,
        ),
        folded("Provisioned: spot", SPOT, "provisioned", plan.spot.spot == "on"),
        Group("Serverless", of(SERVERLESS), "serverless", is_open=True),
        folded("Serverless: starts and billing", BILLING, "serverless"),
    ]
    if prefix:
        return fleet
    is_own = plan.prices.own_price is not None
    return [
        Group("Traffic", of(TRAFFIC), is_open=True),
        folded("Requests", REQUESTS),
        folded("Speed of a worker", SERVICE),
        *fleet,
        folded("Prices: your own", OWN_PRICE, is_used=is_own),
        folded("Prices: a hosted API", API),
        folded("Goals and limits", GOALS),
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
    choices = tuple(
        (word, CHOICES.get(f"{name}.{word}") or CHOICES.get(word, word))
        for word in limit.choices
    )
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
