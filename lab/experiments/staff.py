"""What course staff can do to a class's runs: pause launches, stop all of them."""

from django.contrib.admin.views.decorators import staff_member_required
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST
from redis.exceptions import RedisError

from lab import client
from lab.models import EngineRequest

PAUSED_KEY = "lab:launches-paused"
PAUSED = "Course staff have paused experiments and demonstrations for a moment."
LAUNCHED = ("experiment", "demo")
"""Purposes of the requests that a class launches."""


def are_launches_paused() -> bool:
    """Whether only staff may launch; no where the cache is away."""
    try:
        return bool(cache.get(PAUSED_KEY))
    except RedisError:
        return False


@staff_member_required
@require_POST
def pause(request: HttpRequest) -> HttpResponse:
    """Pause launches, or open them again; a restart of the broker opens them too."""
    if request.POST.get("paused") == "yes":
        cache.set(PAUSED_KEY, True, timeout=None)
    else:
        cache.delete(PAUSED_KEY)
    return redirect("lab:lab")


@staff_member_required
@require_POST
def stop_all(request: HttpRequest) -> HttpResponse:
    """Abort what all learners have launched; their runs end as stopped."""
    launched = EngineRequest.unfinished().filter(purpose__in=LAUNCHED)
    for request_id, learner_id in launched.values_list("request_id", "learner_id"):
        client.abandon([request_id], learner_id)
    return redirect("lab:lab")
