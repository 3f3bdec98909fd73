"""Where a plan's figures may come from: a file of requests, the running engine."""

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_POST

from capacity.fleet import rates as rates_of_engine
from capacity.fleet.query import FleetQuery, read_query
from capacity.fleet.rates import NoEngine
from capacity.fleet.views import show
from capacity.models import KeptRequestFile, RateMeasurement
from courseware.htmx import HtmxHttpRequest
from courseware.learner import learner_id_of
from courseware.sockets import address_of_request
from courseware.uploads import REQUESTS, not_of
from planning.errors import BadSetting
from planning.fleet.plan import Plan
from planning.fleet.plan_fields import plan_mapping
from planning.fleet.request_file import MAX_BYTES, read_request_file

ROOM_FOR_FIELDS = 64 * 1024
"""Bytes of a form around its file."""


@csrf_exempt  # checked in _take_file, after the length: no file is parsed before
@require_POST
@never_cache
def upload(request: HtmxHttpRequest) -> HttpResponse:
    """Take a file of requests and lead to the plan that replays it."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > MAX_BYTES + ROOM_FOR_FIELDS:
        faults = {"file": f"has {length[:20]} bytes; allowed are {MAX_BYTES:,}."}
        return show(request, FleetQuery(Plan(), faults=faults), {}, status=413)
    return _take_file(request)


@csrf_protect
def _take_file(request: HtmxHttpRequest) -> HttpResponse:
    query = read_query(request.POST.dict())
    learner_id = learner_id_of(request.session)
    file = request.FILES.get("requests")
    try:
        if learner_id is None or file is None:
            raise BadSetting("file", "is missing: choose a file of requests.")
        if fault := not_of(REQUESTS, file):
            raise BadSetting("file", fault)
        recorded = read_request_file(file.read(MAX_BYTES + 1))
    except BadSetting as error:
        query.faults[error.field] = error.reason
        return show(request, query, {})
    KeptRequestFile.keep(learner_id, str(file.name or "requests.csv"), recorded)
    encoded = query.encoded(pattern="file", file=recorded.digest)
    return redirect(f"{reverse('capacity:fleet')}?{encoded}")


@require_POST
@never_cache
def measure(request: HtmxHttpRequest) -> HttpResponse:
    """Begin to measure rates on the running engine."""
    query = read_query(request.POST.dict())
    learner_id = learner_id_of(request.session)
    try:
        if learner_id is None:
            raise NoEngine("Open the page first: then the measurement is yours.")
        row = rates_of_engine.begin(learner_id, address_of_request(request))
    except NoEngine as error:
        return _progress(
            request, {"sentence": str(error), "query": query.encoded()}, 503
        )
    url = reverse("capacity:fleet-rates", args=[row.measurement_id])
    return redirect(f"{url}?{query.encoded()}")


@require_GET
@never_cache
def rates(request: HtmxHttpRequest, measurement_id: str) -> HttpResponse:
    """How far a measurement is; when it is done, the plan that uses it."""
    row = rates_of_engine.look(measurement_id, learner_id_of(request.session))
    if row is None:
        raise Http404("There is no such measurement of yours.")
    query = read_query(request.GET)
    return _progress(request, _state(row, query))


def _state(row: RateMeasurement, query: FleetQuery) -> dict[str, Any]:
    fields = rates_of_engine.fields_of(row)
    context: dict[str, Any] = {"row": row, "query": query.encoded(), "fields": fields}
    if fields is not None:
        values = plan_mapping(query.plan) | fields
        context["use_query"] = read_query(
            {n: str(v) for n, v in values.items()}
        ).encoded()
    return context


def _progress(
    request: HtmxHttpRequest, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    if request.htmx:
        return render(request, "capacity/fleet/_rates.html", context)
    return render(request, "capacity/fleet/rates.html", context, status=status)
