"""A run that course staff start for all: its result, without what is its starter's own.

The newest such run is named in the cache for a while. Everybody's prediction of it
stays in their own session.
"""

from typing import Any

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from redis.exceptions import RedisError

from courseware.learner import learner_id_of
from lab.experiments import presentation
from lab.experiments.catalog import EXPERIMENTS
from lab.experiments.chosen import BadChoice, prediction_of
from lab.models import ExperimentRun

KEY = "lab:class-run"
KEPT_S = 2 * 3600
PREDICTION = "class-prediction"
"""In the session: the run's id, and what was predicted of it."""
OVER = "The run is over, or another one has begun: it is too late to predict."
PROJECTOR = "projector"
FRAGMENT = "X-Fragment"
"""The page's script asks for a part of it with this header."""


def announce(run_id: str) -> None:
    """From now on everybody is shown this run; raises RedisError."""
    cache.set(KEY, run_id, timeout=KEPT_S)


def newest() -> ExperimentRun | None:
    """The run that everybody is shown; None where there is none, or no cache."""
    try:
        run_id = cache.get(KEY)
    except RedisError:
        return None
    return ExperimentRun.objects.filter(run_id=run_id).first() if run_id else None


def shown(request: HttpRequest) -> dict[str, Any]:
    """What _class.html shows to this reader; nothing to who started it, whose page has
    it already, but for the projector beside that."""
    run = newest()
    experiment = EXPERIMENTS.get(run.experiment) if run else None
    own = learner_id_of(request.session)
    is_public = PROJECTOR in request.GET
    if run is None or experiment is None or (run.learner_id == own and not is_public):
        return {}
    known = request.session.get(PREDICTION) or [None, None]
    prediction = known[1] if known[0] == run.run_id and not is_public else None
    return {
        "class_run": run,
        "class_experiment": experiment,
        "class_asks": run.state == "running" and prediction is None and not is_public,
        "class_result": presentation.result(run, prediction),
    }


@require_safe
@never_cache
@vary_on_headers(FRAGMENT)
def class_run(request: HttpRequest) -> HttpResponse:
    """The box of the newest run, as a part of the page; empty without one. Whoever
    opens it by itself is led to that page."""
    if FRAGMENT not in request.headers:
        return redirect("lab:lab")
    return render(request, "lab/experiments/_class.html", shown(request))


@require_POST
def predict(request: HttpRequest) -> HttpResponse:
    """Keep what this learner predicts of the run that goes on."""
    run = newest()
    if run is None or run.state != "running" or run.run_id != request.POST.get("run"):
        return HttpResponseBadRequest(OVER, content_type="text/plain; charset=utf-8")
    question = EXPERIMENTS[run.experiment].question
    try:
        prediction = prediction_of(question, request.POST.get("prediction", ""))
    except BadChoice as fault:
        return HttpResponseBadRequest(
            str(fault), content_type="text/plain; charset=utf-8"
        )
    request.session[PREDICTION] = [run.run_id, prediction]
    if FRAGMENT in request.headers:
        return render(request, "lab/experiments/_class.html", shown(request))
    return redirect("lab:lab")
