"""The answer to a query: its plans simulated, as far as its learner may just now."""

from typing import Any

from django.utils import timezone

from capacity import allowance
from capacity.fleet import outcome, presentation
from capacity.fleet.apis import months_at_apis
from capacity.fleet.outcome import Outcome
from capacity.fleet.provenance import rates_from
from capacity.fleet.query import FleetQuery
from capacity.models import KeptRequestFile
from courseware.htmx import HtmxHttpRequest
from courseware.learner import learner_id_of
from planning.errors import BadSetting
from planning.fleet.burstiness import burstiness
from planning.fleet.plan import Plan
from planning.fleet.request_file import RequestFile


def answer(
    request: HtmxHttpRequest, query: FleetQuery, *, is_month: bool
) -> dict[str, Any]:
    """Outcomes of the plans for the templates; raises BadSetting and Exhausted."""
    files = [_recorded(request, plan) for plan in query.plans]
    found = None
    if is_month:
        found = _months(request, query.plans, files)
    is_waiting = is_month and found is None
    if found is None:
        with allowance.preview(request):
            found = [
                outcome.preview(plan, recorded, len(query.plans))
                for plan, recorded in zip(query.plans, files, strict=True)
            ]
    return {
        **_shown(found, query),
        "is_month": is_month and not is_waiting,
        "is_waiting": is_waiting,
        "dispersion": burstiness(query.plan, files[0]),
        **_read(files[0], query),
        "rates_from": rates_from(query.plan, learner_id_of(request.session)),
    }


def _read(recorded: RequestFile | None, query: FleetQuery) -> dict[str, Any]:
    """How a file was read, and the link of the plan with the hit rate that it says."""
    reading = recorded.reading if recorded else None
    hit_pct = reading.hit_pct if reading else None
    is_new = hit_pct is not None and hit_pct != query.plan.requests.cached_pct
    return {
        "reading": reading,
        "hit_query": query.encoded(cached_pct=hit_pct) if is_new else "",
    }


def _recorded(request: HtmxHttpRequest, plan: Plan) -> RequestFile | None:
    """The file of the plan's requests; raises BadSetting where it is not here."""
    if plan.traffic.pattern != "file":
        return None
    learner_id = learner_id_of(request.session)
    recorded = KeptRequestFile.rows(learner_id, plan.traffic.file)
    if recorded is None:
        raise BadSetting(
            "file",
            f"is {plan.traffic.file[:12]!r}, which is not among your files: upload it "
            "here first.",
        )
    return recorded


def _months(
    request: HtmxHttpRequest, plans: list[Plan], files: list[RequestFile | None]
) -> list[Outcome] | None:
    """None where others are simulating and this has to wait."""
    pairs = zip(plans, files, strict=True)
    if all(outcome.is_month_known(plan) for plan in plans):
        return [outcome.month(plan, recorded) for plan, recorded in pairs]
    with allowance.slot(request) as is_free:
        if not is_free:
            return None
        with allowance.metered(request):
            return [outcome.month(plan, recorded) for plan, recorded in pairs]


def _shown(found: list[Outcome], query: FleetQuery) -> dict[str, Any]:
    """Outcomes as the fragment draws them."""
    today = timezone.localdate()
    apis = [
        (one, query.encoded(**one.fields))
        for one in months_at_apis(found[0].result, today)
    ]
    return {
        "outcomes": presentation.outcomes(found, today),
        "apis": apis,
        "figures": presentation.figures(found),
        "difference": presentation.difference(found),
        "query": query.encoded(),
    }
