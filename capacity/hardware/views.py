"""The hardware calculator: one question in the link, one answer, with and without
JavaScript. Uploads are reduced to the fields that matter and put into the link."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from capacity.allowance import Exhausted, metered
from capacity.hardware import menus
from capacity.hardware.answer import Answer, answer
from capacity.hardware.engine_check import checks
from capacity.hardware.query import LABELS, OWN, HardwareQuery, read_query
from courseware.htmx import HtmxHttpRequest
from courseware.uploads import CONFIG, not_of
from lab import client
from lab.errors import EngineUnavailable
from planning.errors import BadConfig, BadSetting
from planning.memory.architecture import model_from_config
from planning.memory.compact import compact
from planning.memory.config_json import MAX_BYTES, WHOLE, read_config
from planning.memory.quantization_config import QUANT_FILE, merged

_ROOM_FOR_FIELDS = 32 * 1024
"""Bytes of a form around its files."""


@require_GET
@vary_on_headers("HX-Request")
def hardware(request: HtmxHttpRequest) -> HttpResponse:
    """The form with its answer; for htmx the answer alone."""
    query, faults = read_query(request.GET)
    typed = {name: request.GET.get(name, "")[:60] for name in faults}
    return _show(request, query, faults, extra={"typed": typed})


@csrf_exempt  # checked in _read_upload, after the length: not a byte is read before
@require_POST
def upload(request: HtmxHttpRequest) -> HttpResponse:
    """Take a config.json, pasted or as a file, and lead to its answer."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > 2 * MAX_BYTES + _ROOM_FOR_FIELDS:
        limit = f"at most {MAX_BYTES:,} are read of each file."
        faults = {"config": f"has {length} bytes: {limit}"}
        return _show(request, HardwareQuery(), faults, status=413)
    return _read_upload(request)


@csrf_protect
def _read_upload(request: HtmxHttpRequest) -> HttpResponse:
    query, _ = read_query(request.POST)
    try:
        config = _with_quantization(request, read_config(_uploaded(request)))
        model_from_config(config)
        fields = {**query.link_fields(), "model": OWN, "config": compact(config)}
    except BadConfig as error:
        field = "" if error.field == WHOLE else f"{error.field} "
        faults = {"config": f"{field}{error.reason}"}
        pasted = str(request.POST.get("pasted", ""))
        return _show(request, query, faults, status=400, extra={"pasted": pasted})
    return redirect(f"{reverse('capacity:hardware')}?{urlencode(fields)}")


def _with_quantization(
    request: HtmxHttpRequest, config: dict[str, Any]
) -> dict[str, Any]:
    """With the hf_quant_config.json that came beside it; raises BadConfig."""
    file = request.FILES.get("quant_file")
    if file is None or not file.size:
        return config
    if fault := not_of(CONFIG, file):
        raise BadConfig(QUANT_FILE, fault)
    try:
        quantization = read_config(file.read(MAX_BYTES + 1))
    except BadConfig as error:
        raise BadConfig(QUANT_FILE, error.reason) from error
    return merged(config, quantization)


def _uploaded(request: HtmxHttpRequest) -> bytes | str:
    file = request.FILES.get("file")
    if file is not None and file.size:
        if fault := not_of(CONFIG, file):
            raise BadConfig(WHOLE, fault)
        content: bytes = file.read(MAX_BYTES + 1)
        return content
    return str(request.POST.get("pasted", ""))


@require_GET
@never_cache
@vary_on_headers("HX-Request")
def engine(request: HtmxHttpRequest) -> HttpResponse:
    """Compare with what the running engines report."""
    try:
        context: dict[str, Any] = {"checks": checks(client.statuses())}
    except EngineUnavailable:
        context = {"is_unreachable": True}
    if request.htmx:
        return render(request, "capacity/hardware/_engine.html", context)
    return _show(request, HardwareQuery(), {}, extra={**context, "is_checked": True})


def _worker_fields(query: HardwareQuery, found: Answer | None) -> dict[str, str]:
    """The question with the card that answers it, as a worker of the simulator; empty
    where no rates are known of such a one."""
    if found is None or query.beyond_rates():
        return {}
    card = {"model": query.model, "gpu": found.gpu.id}
    return query.link_fields() | card | {"tp": str(found.estimate.settings.tp)}


def _show(
    request: HtmxHttpRequest,
    query: HardwareQuery,
    faults: dict[str, str],
    status: int = 200,
    extra: Mapping[str, Any] | None = None,
) -> HttpResponse:
    found, refused = None, None
    if not faults:
        try:
            with metered(request):
                found = answer(query, timezone.localdate())
        except BadSetting as error:
            faults = {error.field: error.reason}
        except Exhausted as error:
            refused = error
    context = {
        "query": query,
        "refusal": refused,
        "link_fields": query.link_fields(),
        "fleet_query": urlencode(_worker_fields(query, found)),
        "answer": found,
        "is_config_wrong": "config" in faults,
        "faults": [
            {"name": name, "label": LABELS.get(name, name), "reason": reason}
            for name, reason in faults.items()
        ],
        **menus.menus(query),
        **(extra or {}),
    }
    status = 400 if faults and status == 200 else status
    page = "_answer.html" if request.htmx else "page.html"
    status = 429 if refused else status
    response = render(request, f"capacity/hardware/{page}", context, status=status)
    if refused:
        response.headers["Retry-After"] = str(refused.after_s)
    return response
