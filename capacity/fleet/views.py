"""The fleet simulator: a plan in the link, a preview at once, then the whole month.

Each view: read the link → simulate within limits → the page, or for htmx its fragment.
"""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import replace_url

from capacity.fleet import allowance, form, offers, outcome, presentation, rates
from capacity.fleet.allowance import Exhausted
from capacity.fleet.outcome import Outcome
from capacity.fleet.query import PREFIX, FleetQuery, read_query
from capacity.models import KeptRequestFile
from courseware.htmx import HtmxHttpRequest
from courseware.learner import learner_id_of
from planning.errors import BadSetting
from planning.fleet.arrivals import CHUNK, dispersion
from planning.fleet.plan import Plan
from planning.fleet.plan_fields import limit_of, plan_mapping, plan_values
from planning.fleet.request_file import RequestFile
from planning.fleet.service_rates import load_rates
from planning.fleet.simulation import generator
from planning.fleet.workload import workload_of

DISPERSION_WINDOWS_S = (1, 10, 60)
DISPERSION_REQUESTS = 30_000


@require_GET
@never_cache
@vary_on_headers("HX-Request")
def fleet(request: HtmxHttpRequest) -> HttpResponse:
    """The form with a preview; for htmx the preview alone."""
    return _answer(request, is_month=False)


@require_GET
@never_cache
@vary_on_headers("HX-Request")
def whole_month(request: HtmxHttpRequest) -> HttpResponse:
    """The same refined to the whole month."""
    return _answer(request, is_month=True)


def _answer(request: HtmxHttpRequest, *, is_month: bool) -> HttpResponse:
    query = read_query(request.GET)
    context: dict[str, Any] = {}
    if not query.faults:
        try:
            context = simulated(request, query, is_month=is_month)
        except BadSetting as error:
            query.faults[error.field] = error.reason
        except Exhausted as error:
            return show(request, query, {"refusal": str(error)}, status=429)
    return show(request, query, context)


def simulated(
    request: HtmxHttpRequest, query: FleetQuery, *, is_month: bool
) -> dict[str, Any]:
    """Outcomes of the plans for the templates; raises BadSetting and Exhausted."""
    files = [recorded_of(request, plan) for plan in query.plans]
    found = None
    if is_month:
        found = _months(request, query.plans, files)
    is_waiting = is_month and found is None
    if found is None:
        allowance.take(request, "preview", allowance.PREVIEWS_A_MINUTE)
        found = [
            outcome.preview(plan, recorded, len(query.plans))
            for plan, recorded in zip(query.plans, files, strict=True)
        ]
    return {
        **shown(found, query),
        "is_month": is_month and not is_waiting,
        "is_waiting": is_waiting,
        "dispersion": _dispersion(query.plan, files[0]),
        "rates_from": _rates_from(request, query.plan),
    }


def _months(
    request: HtmxHttpRequest, plans: list[Plan], files: list[RequestFile | None]
) -> list[Outcome] | None:
    """None where others are simulating and this has to wait."""
    pairs = zip(plans, files, strict=True)
    if all(outcome.is_month_known(plan) for plan in plans):
        return [outcome.month(plan, recorded) for plan, recorded in pairs]
    with allowance.slot() as is_free:
        if not is_free:
            return None
        allowance.take(request, "month", allowance.MONTHS_A_MINUTE)
        return [outcome.month(plan, recorded) for plan, recorded in pairs]


def shown(found: list[Outcome], query: FleetQuery) -> dict[str, Any]:
    """Outcomes as the fragment draws them."""
    return {
        "outcomes": presentation.outcomes(found, timezone.localdate()),
        "figures": presentation.figures(found),
        "difference": presentation.difference(found),
        "query": query.encoded(),
    }


def recorded_of(request: HtmxHttpRequest, plan: Plan) -> RequestFile | None:
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


def _dispersion(plan: Plan, recorded: RequestFile | None) -> list[dict[str, Any]]:
    """Burstiness of the first requests of the month, by window."""
    workload = workload_of(plan, recorded)
    seconds = min(DISPERSION_REQUESTS / workload.rate_per_s, 86_400.0)
    start = max(workload.rare[0][0] - seconds / 2, 0.0) if workload.rare else 0.0
    random = generator(plan.seed, 0)
    times = next(workload.chunks(start, start + seconds, random)).times[:CHUNK]
    values = [(window, dispersion(times, window)) for window in DISPERSION_WINDOWS_S]
    return [{"window_s": w, "value": value} for w, value in values if value is not None]


def show(
    request: HtmxHttpRequest,
    query: FleetQuery,
    context: dict[str, Any],
    status: int = 200,
) -> HttpResponse:
    """The page, or its fragment with the link that shows the same."""
    faults = [
        {
            "id": name.replace(".", "-"),
            "label": limit_of(name.removeprefix(PREFIX)).label,
            "reason": reason,
        }
        for name, reason in query.faults.items()
    ]
    context = {
        "plan": query.plan,
        "query": query.encoded(),
        "faults": faults,
        **context,
    }
    status = 400 if faults and status == 200 else status
    if request.htmx:
        response = render(
            request, "capacity/fleet/_outcome.html", context, status=status
        )
        if not faults:
            encoded = query.encoded()
            url = reverse("capacity:fleet")
            replace_url(response, f"{url}?{encoded}" if encoded else url)
        return response
    context |= _form(request, query)
    return render(request, "capacity/fleet/page.html", context, status=status)


def _form(request: HtmxHttpRequest, query: FleetQuery) -> dict[str, Any]:
    learner_id = learner_id_of(request.session)
    mine = {n: t for n, t in query.faults.items() if not n.startswith(PREFIX)}
    context: dict[str, Any] = {
        "groups": form.groups(query.plan, query.typed, mine),
        "hidden": {
            name: plan_values(query.plan)[name]
            for name in (
                "rates",
                "file",
                "platform",
                "provisioned_price",
                "serverless_price",
            )
        },
        "plan_fields": plan_mapping(query.plan),
        "presets": offers.preset_links(query.plan),
        "offers": [
            (kind, [(one, _with_offer(query, one.id)) for one in offers.offers(kind)])
            for kind in ("provisioned", "serverless")
        ],
        "files": KeptRequestFile.objects.filter(learner_id=learner_id or "").defer(
            "table"
        ),
        "rates": [(one, query.encoded(**one.fields())) for one in load_rates()],
        "measured": _measured(query.plan, learner_id),
        "compare_query": query.encoded(compare=1),
        "single_query": read_query(plan_mapping(query.plan)).encoded(),
    }
    if query.second is not None:
        theirs = {
            name.removeprefix(PREFIX): text
            for name, text in query.faults.items()
            if name.startswith(PREFIX)
        }
        typed = {name.removeprefix(PREFIX): text for name, text in query.typed.items()}
        context["second_groups"] = form.groups(query.second, typed, theirs, PREFIX)
    return context


def _with_offer(query: FleetQuery, price_id: str) -> str:
    values = offers.with_offer(plan_mapping(query.plan), price_id)
    return read_query({n: str(v) for n, v in values.items()}).encoded()


def _rates_from(request: HtmxHttpRequest, plan: Plan) -> dict[str, str]:
    """The kind of the worker's rates, and where they are from."""
    values = plan_values(plan)
    for one in load_rates():
        if one.fields().items() <= values.items():
            return {"kind": "derived", "label": f"8B model in bf16 on {one.gpu.name}"}
    measured = _measured(plan, learner_id_of(request.session))
    if measured is None:
        return {"kind": "", "label": "typed in, no source"}
    row = measured["row"]
    label = (
        f"on {row.engine['model']}, {row.engine['device']}, {row.created_at:%Y-%m-%d}"
    )
    return {"kind": "measured", "label": label}


def _measured(plan: Plan, learner_id: str | None) -> dict[str, Any] | None:
    """Where the rates were measured, if they still are those."""
    row = rates.described(plan.service.rates, learner_id)
    fields = rates.fields_of(row) if row else None
    if row is None or fields is None:
        return None
    values = plan_values(plan)
    is_same = all(abs(values[n] - v) < 1e-6 for n, v in fields.items() if n != "rates")
    return {"row": row, "is_recorded": _is_recorded(row.reports)} if is_same else None


def _is_recorded(reports: dict[str, Any]) -> bool:
    return any(one.get("is_recorded") for one in reports.values())
