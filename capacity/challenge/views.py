"""The cost challenge: five scenarios, fleets handed in, the best of the class."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import replace_url

from capacity import allowance
from capacity.allowance import Exhausted
from capacity.challenge.class_list import best_of_class
from capacity.challenge.form import free_fields
from capacity.challenge.handed_in import handed_in
from capacity.challenge.optima import load_optima
from capacity.fleet import outcome, presentation
from capacity.fleet.offers import quoted
from capacity.models import ChallengeResult, ClassName
from courseware.htmx import HtmxHttpRequest
from courseware.learner import learner_id_of
from planning.errors import BadSetting
from planning.fleet.plan import Plan
from planning.fleet.plan_fields import limit_of, plan_values
from planning.fleet.scenarios import Scenario, load_scenarios, scenario, score

MAX_NAME = 40


@require_GET
@never_cache
def scenarios(request: HtmxHttpRequest) -> HttpResponse:
    """All scenarios, with the learner's best score in each."""
    learner_id = learner_id_of(request.session)
    mine = ChallengeResult.objects.filter(learner_id=learner_id or "")
    rows = [
        {"scenario": one, "best": mine.filter(scenario=one.id).first()}
        for one in load_scenarios()
    ]
    context = {"rows": rows, "name": _name_of(learner_id)}
    return render(request, "capacity/challenge/scenarios.html", context)


@require_GET
@never_cache
@vary_on_headers("HX-Request")
def one(request: HtmxHttpRequest, scenario_id: str) -> HttpResponse:
    """A scenario with a fleet from the link, and what it comes to."""
    found = _found(scenario_id)
    plan, wrong = found.plan_with(request.GET)
    context: dict[str, Any] = {}
    if plan is not None:
        try:
            with allowance.preview(request):
                context = _preview(plan)
        except Exhausted as error:
            return _refuse(request, found, plan, error)
        except BadSetting as error:
            wrong = {error.field: error.reason}
    return _show(request, found, plan, wrong, context)


def _preview(plan: Plan) -> dict[str, Any]:
    previewed = [outcome.preview(plan, None)]
    shown = presentation.outcomes(previewed, timezone.localdate())
    return {"one": shown[0], "figures": presentation.figures(previewed)}


@require_POST
@never_cache
def hand_in(request: HtmxHttpRequest, scenario_id: str) -> HttpResponse:
    """Score a fleet, keep it, and show it by its link."""
    found = _found(scenario_id)
    plan, wrong = found.plan_with(request.POST.dict())
    learner_id = learner_id_of(request.session)
    if plan is None or learner_id is None:
        return _show(request, found, plan, wrong, {})
    try:
        with allowance.preview(request):
            result = outcome.challenge(plan)
    except Exhausted as error:
        return _refuse(request, found, plan, error)
    except BadSetting as error:
        return _show(request, found, plan, {error.field: error.reason}, {})
    kept = ChallengeResult.keep(
        learner_id,
        scenario=found.id,
        fleet=found.choices(plan),
        cost_usd=result.cost_usd.mean,
        meets_slo=result.meets_slo,
        score=score(result, load_optima()[found.id].cost_usd),
    )
    query = urlencode({**_changed(found, plan), "result": kept.result_id})
    url = reverse("capacity:challenge-one", args=[found.id])
    return redirect(f"{url}?{query}#handed-in")


@require_POST
@never_cache
def name(request: HtmxHttpRequest) -> HttpResponse:
    """Show a name beside one's results in the class's list, or none."""
    learner_id = learner_id_of(request.session)
    wanted = " ".join(request.POST.get("name", "").split())[:MAX_NAME]
    if learner_id and wanted.isprintable():
        if wanted:
            ClassName.objects.update_or_create(
                learner_id=learner_id, defaults={"name": wanted}
            )
        else:
            ClassName.objects.filter(learner_id=learner_id).delete()
    return redirect("capacity:challenge")


def _handed_in(request: HtmxHttpRequest, found: Scenario) -> dict[str, Any] | None:
    """What the link names; without it where it has to be simulated again and the
    seconds are used up."""
    result_id = request.GET.get("result", "")[:32]
    if not result_id:
        return None
    try:
        with allowance.metered(request):
            return handed_in(result_id, found, learner_id_of(request.session))
    except (Exhausted, BadSetting):
        return None


def _found(scenario_id: str) -> Scenario:
    found = scenario(scenario_id)
    if found is None:
        raise Http404(f"There is no scenario {scenario_id[:40]!r}.")
    return found


def _name_of(learner_id: str | None) -> str:
    known = ClassName.objects.filter(learner_id=learner_id or "").first()
    return known.name if known else ""


def _changed(found: Scenario, plan: Plan) -> dict[str, Any]:
    """The free fields that the learner has set otherwise than the scenario."""
    before = found.choices(found.plan)
    now = found.choices(plan)
    return {n: "" if v is None else v for n, v in now.items() if v != before[n]}


def _refuse(
    request: HtmxHttpRequest, found: Scenario, plan: Plan, error: Exhausted
) -> HttpResponse:
    response = _show(request, found, plan, {}, {"refusal": str(error)}, status=429)
    response.headers["Retry-After"] = str(error.after_s)
    return response


def _show(
    request: HtmxHttpRequest,
    found: Scenario,
    plan: Plan | None,
    wrong: dict[str, str],
    context: dict[str, Any],
    status: int = 200,
) -> HttpResponse:
    current = plan or found.plan
    query = urlencode(_changed(found, current))
    faults = [
        {"id": field, "label": limit_of(field).label, "reason": reason}
        for field, reason in wrong.items()
    ]
    context = {"scenario": found, "faults": faults, "query": query, **context}
    status = 400 if faults else status
    if request.htmx:
        partial = "capacity/challenge/_preview.html"
        response = render(request, partial, context, status=status)
        url = reverse("capacity:challenge-one", args=[found.id])
        return replace_url(response, f"{url}?{query}" if query else url)
    learner_id = learner_id_of(request.session)
    typed = request.POST or request.GET
    context |= {
        "fields": free_fields(current, typed, wrong),
        "facts": plan_values(found.plan),
        "prices": quoted(replace(found.plan, mode="hybrid"), timezone.localdate()),
        "handed_in": _handed_in(request, found),
        "mine": ChallengeResult.objects.filter(
            learner_id=learner_id or "", scenario=found.id
        )[:5],
        "best": best_of_class(found.id, learner_id),
    }
    return render(request, "capacity/challenge/scenario.html", context, status=status)
