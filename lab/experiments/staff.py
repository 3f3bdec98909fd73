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
from lab.second.line import Line

PAUSED_KEY = "lab:launches-paused"
PAUSED = "Course staff have paused experiments and demonstrations for a moment."
LAUNCHED = ("experiment", "demo")
"""Purposes of the requests that a class launches."""
RESTARTED = (
    "Course staff are starting the engine again. What came so far is kept: ask again "
    "when it is ready."
)
"""What those learn who were waiting for an answer."""
STOPPED = "Course staff have stopped all experiments."
OUT_OF_LINE = "Course staff have cleared the queue: begin again when you like."
"""What those learn who run something beside the engine, or wait for their turn."""
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
_NOT_CLEARED: tuple[type[Exception], ...] = (EngineUnavailable, *client.NOT_SENT)


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
    """Abort what all learners have launched, and end what runs beside the engine;
    their runs end."""
    launched = EngineRequest.unfinished().filter(purpose__in=LAUNCHED)
    for request_id, learner_id in launched.values_list("request_id", "learner_id"):
        client.abandon([request_id], learner_id)
    try:
        Line().clear(STOPPED)
    except EngineUnavailable as error:
        messages.error(request, str(error))
    return redirect("lab:lab")


@staff_member_required
@require_POST
def clear_queue(request: HttpRequest) -> HttpResponse:
    """End everything that waits for its first step, the mentor's questions too, and
    who waits for a turn beside the engine."""
    try:
        client.clear_queue()
        Line().clear(OUT_OF_LINE, only_waiting=True)
        messages.info(request, CLEARED)
    except _NOT_CLEARED:
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
