"""What the workers' seconds cost, split by what they did.

    provisioned   busy, idle, starting, restarting: all billed by the hour's price, less
                  the discount where they are spot instances
    serverless    busy · idle · cold start · keep-warm pings · rounding
    always on     busy · idle, where they have a price of their own; all of it is billed

Pings are charged with all they cause: serving one, a start that one began, and idle
time that would have ended without them. The lines of both kinds add up to the bill.
"""

from dataclasses import dataclass

from planning.fleet.fleet_state import (
    BUSY,
    COLD,
    IDLE,
    PING_COLD,
    PING_IDLE,
    PING_SERVE,
    PROVISIONED,
    RESTART,
    SERVERLESS,
)
from planning.fleet.plan import Plan
from planning.fleet.simulation import Counts

LINES = ("busy", "idle", "cold", "pings", "rounding")
SPOT_LINE = "restarts"
"""Starts in the place of interrupted instances: a line of fleets with spot ones."""


@dataclass(frozen=True)
class Costs:
    """US dollars of a month by line, and the seconds they were billed for."""

    lines: dict[str, float]
    seconds: dict[str, float]

    @property
    def total(self) -> float:
        """The bill."""
        return sum(self.lines.values())


def instance_usd_per_h(plan: Plan) -> float:
    """US dollars an hour of an instance, less the discount of a spot one."""
    usd = plan.usd_per_instance_h
    if plan.spot.spot == "off":
        return usd
    return usd * (1 - plan.spot.spot_discount_pct / 100)


def costs_of(plan: Plan, counts: Counts) -> Costs:
    """The bill for what was counted."""
    by_kind = billed_seconds(plan, counts)
    usd = (
        instance_usd_per_h(plan) / 3600 / plan.provisioned.replicas,
        plan.usd_per_worker_s,
        plan.serverless.active_usd_per_s or 0.0,
    )
    lines, seconds = {}, {}
    for name in by_kind[PROVISIONED]:
        spent = [one[name] for one in by_kind]
        seconds[name] = sum(spent)
        lines[name] = sum(s * price for s, price in zip(spent, usd, strict=True))
    return Costs(lines, seconds)


def billed_seconds(plan: Plan, counts: Counts) -> list[dict[str, float]]:
    """Seconds that are billed, by line: of the workers of instances, of serverless
    workers, and of those that are always on and have a price of their own."""
    cold = float(plan.serverless.bills_cold_start == "yes")
    idle = float(plan.serverless.bills_idle == "yes")
    seconds = []
    for kind, bills_cold, bills_idle in (
        (PROVISIONED, 1.0, 1.0),
        (SERVERLESS, cold, idle),
    ):
        spent = counts.tally["seconds"][kind]
        pings = bills_cold * spent[PING_COLD] + bills_idle * spent[PING_IDLE]
        seconds.append(
            {
                "busy": float(spent[BUSY]),
                "idle": float(bills_idle * spent[IDLE]),
                "cold": float(bills_cold * spent[COLD]),
                "pings": float(spent[PING_SERVE] + pings),
                "rounding": counts["rounding"] if kind == SERVERLESS else 0.0,
            }
        )
        if plan.has_provisioned and plan.spot.spot == "on":
            seconds[kind][SPOT_LINE] = float(spent[RESTART])
    always_on = dict.fromkeys(seconds[PROVISIONED], 0.0)
    if plan.serverless.active_usd_per_s is not None:
        busy_s, idle_s = counts["always_on_busy_s"], counts["always_on_idle_s"]
        seconds[SERVERLESS]["busy"] -= busy_s
        seconds[SERVERLESS]["idle"] -= idle * idle_s
        always_on |= {"busy": busy_s, "idle": idle_s}
    return [*seconds, always_on]
