"""The form of a fleet in a scenario: the fields that are the learner's to change."""

from collections.abc import Mapping

from capacity.fleet.form import Shown, shown
from planning.fleet.plan import Plan
from planning.fleet.scenarios import FREE

MARKS = {
    "instances": "provisioned",
    "autoscaler": "provisioned",
    "min_instances": "autoscaler",
    "target_pct": "autoscaler",
    "cool_down_min": "autoscaler",
    "max_workers": "serverless",
    "min_workers": "serverless",
    "idle_timeout_s": "serverless",
    "scaler": "serverless",
    "ping_every_min": "serverless",
    "queue_delay_s": "queue-delay",
    "requests_per_worker": "request-count",
}
"""The choice that a field belongs to, as in capacity.fleet.form."""


def free_fields(
    plan: Plan, typed: Mapping[str, object], faults: Mapping[str, str]
) -> list[Shown]:
    """With the values of ``plan``, or what was ``typed`` where it is wrong."""
    return [shown(name, plan, typed, faults, of=MARKS.get(name, "")) for name in FREE]
