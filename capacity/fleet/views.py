"""The fleet simulator: a plan in the link, a preview at once, then the whole month.

Each view: read the link → simulate within limits → the page, or for htmx its fragment.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from capacity.fleet import allowance, form, offers, outcome, presentation, rates
from capacity.fleet.allowance import Exhausted
from capacity.fleet.outcome import Outcome
from capacity.fleet.query import PREFIX, Asked, read_asked
from capacity.models import KeptRequestFile
from courseware.learner import learner_id_of
from planning.errors import BadSetting
from planning.fleet.arrivals import CHUNK, dispersion
from planning.fleet.plan import Plan
from planning.fleet.plan_fields import plan_mapping, plan_values
from planning.fleet.request_file import RequestFile
from planning.fleet.service_rates import load_rates
from planning.fleet.simulation import generator
from planning.fleet.workload import workload_of

DISPERSION_WINDOWS_S = (1, 10, 60)
DISPERSION_REQUESTS = 30_000


@require_GET
@never_cache
@vary_on_headers("HX-Request")
def fleet(request: HttpRequest) -> HttpResponse:
    """The form with a preview; for htmx the preview alone."""
    return _answer(request, is_month=False)


@require_GET
@never_cache
@vary_on_headers("HX-Request")
def whole_month(request: HttpRequest) -> HttpResponse:
    """The same refined to the whole month."""
    return _answer(request, is_month=True)


def _answer(request: HttpRequest, *, is_month: bool) -> HttpResponse:
    asked = read_asked(request.GET)
    context: dict[str, Any] = {}
    if not asked.faults:
        try:
            context = simulated(request, asked, is_month=is_month)
        except BadSetting as error:
            asked.faults[error.field] = error.reason
        except Exhausted as error:
            return show(request, asked, {"refusal": str(error)}, status=429)
    return show(request, asked, context)


def simulated(request: HttpRequest, asked: Asked, *, is_month: bool) -> dict[str, Any]:
    """Outcomes of the plans for the templates; raises BadSetting and Exhausted."""
    files = [recorded_of(request, plan) for plan in asked.plans]
    found = None
    if is_month:
        found = _months(request, asked.plans, files)
    is_waiting = is_month and found is None
    if found is None:
        allowance.take(request, "preview", allowance.PREVIEWS_A_MINUTE)
        found = [
            outcome.preview(plan, recorded, len(asked.plans))
            for plan, recorded in zip(asked.plans, files, strict=True)
        ]
    return {
        **shown(found, asked),
        "is_month": is_month and not is_waiting,
        "is_waiting": is_waiting,
        "dispersion": _dispersion(asked.plan, files[0]),
        "rates_from": _rates_from(request, asked.plan),
    }


def _months(
    request: HttpRequest, plans: list[Plan], files: list[RequestFile | None]
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


def shown(found: list[Outcome], asked: Asked) -> dict[str, Any]:
    """Outcomes as the fragment draws them."""
    return {
        "outcomes": presentation.outcomes(found, timezone.localdate()),
        "figures": presentation.figures(found),
        "difference": presentation.difference(found),
        "query": asked.query(),
    }


def recorded_of(request: HttpRequest, plan: Plan) -> RequestFile | None:
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
    request: HttpRequest,
    asked: Asked,
    context: dict[str, Any],
    status: int = 200,
) -> HttpResponse:
    """The page, or its fragment with the link that shows the same."""
    faults = [
        {
            "id": name.replace(".", "-"),
            "label": form.limit_of(name.removeprefix(PREFIX)).label,
            "reason": reason,
        }
        for name, reason in asked.faults.items()
    ]
    context = {"asked": asked, "query": asked.query(), "faults": faults, **context}
    status = 400 if faults and status == 200 else status
    if request.headers.get("HX-Request") == "true":
        response = render(
            request, "capacity/fleet/_outcome.html", context, status=status
        )
        if not faults:
            query = asked.query()
            url = reverse("capacity:fleet")
            response["HX-Replace-Url"] = f"{url}?{query}" if query else url
        return response
    context |= _form(request, asked)
    return render(request, "capacity/fleet/page.html", context, status=status)


def _form(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    learner_id = learner_id_of(request.session)
    mine = {n: t for n, t in asked.faults.items() if not n.startswith(PREFIX)}
    context: dict[str, Any] = {
        "groups": form.groups(asked.plan, asked.typed, mine),
        "hidden": {
            name: plan_values(asked.plan)[name]
            for name in (
                "rates",
                "file",
                "platform",
                "provisioned_price",
                "serverless_price",
            )
        },
        "asked_fields": plan_mapping(asked.plan),
        "presets": offers.preset_links(asked.plan),
        "offers": [
            (kind, [(one, _with_offer(asked, one.id)) for one in offers.offers(kind)])
            for kind in ("provisioned", "serverless")
        ],
        "files": KeptRequestFile.objects.filter(learner_id=learner_id or "").defer(
            "table"
        ),
        "rates": [(one, asked.query(**one.fields())) for one in load_rates()],
        "measured": _measured(asked.plan, learner_id),
        "compare_query": asked.query(compare=1),
        "single_query": read_asked(plan_mapping(asked.plan)).query(),
    }
    if asked.second is not None:
        theirs = {
            name.removeprefix(PREFIX): text
            for name, text in asked.faults.items()
            if name.startswith(PREFIX)
        }
        typed = {name.removeprefix(PREFIX): text for name, text in asked.typed.items()}
        context["second_groups"] = form.groups(asked.second, typed, theirs, PREFIX)
    return context


def _with_offer(asked: Asked, price_id: str) -> str:
    values = offers.with_offer(plan_mapping(asked.plan), price_id)
    return read_asked({n: str(v) for n, v in values.items()}).query()


def _rates_from(request: HttpRequest, plan: Plan) -> dict[str, str]:
    """The kind of the worker's rates, and where they are from."""
    values = plan_values(plan)
    for one in load_rates():
        if one.fields().items() <= values.items():
            return {"kind": "derived", "words": f"8B model in bf16 on {one.gpu.name}"}
    measured = _measured(plan, learner_id_of(request.session))
    if measured is None:
        return {"kind": "", "words": "typed in, no source"}
    row = measured["row"]
    words = (
        f"on {row.engine['model']}, {row.engine['device']}, {row.created_at:%Y-%m-%d}"
    )
    return {"kind": "measured", "words": words}


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
