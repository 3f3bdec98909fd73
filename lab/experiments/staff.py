"""What course staff can do for a class: to its runs, to the queue, to the engine."""

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST
from redis.exceptions import RedisError

from lab import client
from lab.errors import EngineUnavailable
from lab.messages import EngineStatus
from lab.models import EngineRequest

PAUSED_KEY = "lab:launches-paused"
PAUSED = "Course staff have paused experiments and demonstrations for a moment."
LAUNCHED = ("experiment", "demo")
"""Purposes of the requests that a class launches."""
RESTARTED = (
    "Course staff are starting the engine again. What came so far is kept: ask again "
    "when it is ready."
)
"""What those learn who were waiting for an answer."""
CLEARED = "The queue is cleared: who waited in it is told so. What runs goes on."
IN_USE = (
    "vLLM did not empty the prefix cache of {host}: blocks are in use. Try again when "
    "no request runs."
)
EMPTIED = "The prefix cache of {host} is empty."
MUTE = "{host} did not answer: try again."
RESTARTS = "{host} is being started again."
NOBODY = "No engine answers."
SURE = "Tick the box first: questions under way end when the engine starts again."


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


@staff_member_required
@require_POST
def clear_queue(request: HttpRequest) -> HttpResponse:
    """End everything that waits for its first step, the mentor's questions too."""
    try:
        client.clear_queue()
        messages.info(request, CLEARED)
    except client.NOT_SENT:
        messages.error(request, client.NO_BROKER)
    return redirect("lab:lab")


@staff_member_required
@require_POST
def reset_cache(request: HttpRequest) -> HttpResponse:
    """Empty the prefix cache of every main engine, as far as vLLM lets."""
    says = {True: EMPTIED, False: IN_USE, None: MUTE}
    for status in _main_engines(request):
        is_reset = client.reset_prefix_cache(status.engine_host_id)
        messages.info(request, says[is_reset].format(host=status.engine_host_id))
    return redirect("lab:lab")


@staff_member_required
@require_POST
def restart(request: HttpRequest) -> HttpResponse:
    """Start every main engine again, when confirmed."""
    if request.POST.get("confirmed") != "yes":
        messages.error(request, SURE)
        return redirect("lab:lab")
    for status in _main_engines(request):
        client.restart(status.engine_host_id, RESTARTED)
        messages.info(request, RESTARTS.format(host=status.engine_host_id))
    return redirect("lab:lab")


def _main_engines(request: HttpRequest) -> list[EngineStatus]:
    try:
        known = client.statuses()
    except EngineUnavailable as error:
        messages.error(request, str(error))
        return []
    found = [status for status in known if not status.beside]
    if not found:
        messages.error(request, NOBODY)
    return found
