"""Results of plans, kept in the cache: the same plan is not simulated twice."""

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.core.cache import cache
from redis.exceptions import RedisError

from planning.fleet.break_even import Curve, break_even_curve
from planning.fleet.compiled import simulation_digest
from planning.fleet.month_queue import MonthQueue, month_queue_of
from planning.fleet.plan import Plan
from planning.fleet.plan_fields import plan_mapping
from planning.fleet.request_file import RequestFile
from planning.fleet.results import MONTH_BUDGET, PREVIEW_BUDGET, Result, simulate
from planning.fleet.scenarios import BUDGET
from planning.fleet.timeline import Timeline, timeline_of

logger = logging.getLogger(__name__)
KEPT_S = {"preview": 600, "month": 86_400, "challenge": 86_400}

Found = TypeVar("Found")


@dataclass(frozen=True)
class Outcome:
    """One plan simulated; a preview has no curve and no queue over the month."""

    result: Result
    timeline: Timeline
    curve: Curve | None = None
    queue: MonthQueue | None = None


def preview(plan: Plan, recorded: RequestFile | None, num_plans: int = 1) -> Outcome:
    """A sample of the month, within 300 ms for all ``num_plans`` of a page."""
    budget = PREVIEW_BUDGET // num_plans

    def make() -> Outcome:
        return Outcome(simulate(plan, budget, recorded), timeline_of(plan, recorded))

    return _kept(f"preview{num_plans}", plan, make, KEPT_S["preview"])


def month(plan: Plan, recorded: RequestFile | None) -> Outcome:
    """The whole month, or as much of it as some seconds allow."""

    def make() -> Outcome:
        curve = break_even_curve(plan, recorded)
        result = simulate(plan, MONTH_BUDGET, recorded)
        queue = month_queue_of(plan, recorded)
        return Outcome(result, timeline_of(plan, recorded), curve, queue)

    return _kept("month", plan, make, KEPT_S["month"])


def is_month_known(plan: Plan) -> bool:
    """Whether ``month`` answers from the cache."""
    try:
        return _key("month", plan) in cache
    except RedisError:
        return False


def challenge(plan: Plan) -> Result:
    """As a scenario's plans are scored."""
    return _kept("challenge", plan, lambda: simulate(plan, BUDGET), KEPT_S["challenge"])


def _kept(name: str, plan: Plan, make: Callable[[], Found], seconds: int) -> Found:
    key = _key(name, plan)
    try:
        found: Found | None = cache.get(key)
        if found is None:
            found = make()
            cache.set(key, found, timeout=seconds)
        return found
    except RedisError as error:
        logger.warning("results are not kept: %s", error)
        return make()


def _key(name: str, plan: Plan) -> str:
    fields: dict[str, Any] = plan_mapping(plan)
    text = json.dumps([simulation_digest(), fields], sort_keys=True)
    return f"fleet:{name}:{hashlib.sha256(text.encode()).hexdigest()}"
