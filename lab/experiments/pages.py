"""The lab's page, and the result of a run as a part of it."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from courseware.learner import learner_id_of
from lab import client
from lab.errors import EngineUnavailable
from lab.experiments import class_run, presentation
from lab.experiments.catalog import EXPERIMENTS
from lab.experiments.staff import PAUSED, are_launches_paused
from lab.messages import EngineStatus
from lab.models import ExperimentRun

PROJECTOR = "projector"


@require_safe
@never_cache
def lab(request: HttpRequest) -> HttpResponse:
    """The instrument at full width, an experiment at its side, the mentor docked.

    ``?projector`` shows it to a class: large, and nothing that is the learner's own.
    """
    is_projector = PROJECTOR in request.GET
    query = request.GET.dict()
    asked = query.get("experiment", "")
    named = asked if asked in EXPERIMENTS else next(iter(EXPERIMENTS))
    learner_id = None if is_projector else learner_id_of(request.session)
    runs = list(ExperimentRun.of(learner_id, named)) if learner_id else []
    context = presentation.page(query, runs, _engine())
    context |= class_run.shown(request)
    context |= {
        "is_projector": is_projector,
        "are_launches_paused": are_launches_paused(),
        "paused_words": PAUSED,
    }
    return render(request, "lab/page.html", context)


def _engine() -> EngineStatus | None:
    """The ready engine that an experiment would go to, as seen recently; one that is
    only shown where there is no other."""
    try:
        known = client.recent_statuses()
    except EngineUnavailable:
        return None
    ready = [one for one in known if one.state == "ready" and not one.beside]
    return next((one for one in ready if one.is_asked), next(iter(ready), None))


@require_safe
@never_cache
def run(request: HttpRequest, run_id: str) -> HttpResponse:
    """One run of the learner's, as a part of the page."""
    found = ExperimentRun.objects.filter(
        run_id=run_id, learner_id=learner_id_of(request.session) or ""
    ).first()
    if found is None:
        raise Http404("This run is not yours, or is no longer kept.")
    context = {"result": presentation.result(found), "is_newest": True}
    return render(request, "lab/experiments/_result.html", context)
