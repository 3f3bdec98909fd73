"""The pages of recordings: the shelf, replay and comparison, and their files."""

import json
from collections.abc import Iterator
from typing import Any

from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    JsonResponse,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.utils.http import content_disposition_header
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET, require_safe

from courseware.learner import learner_id_of
from lab.models import RECORDINGS_KEPT, KeptRecording
from lab.recordings import limits
from lab.recordings.chrome_trace import trace_events
from lab.recordings.reader import read_bytes
from lab.recordings.recording import SUFFIX, RecordingError
from lab.recordings.timeline import timeline_of
from lab.shelf import access
from lab.shelf.access import Found

Context = dict[str, Any]
SPEEDS = (
    ("0.25", "¼ ×"), ("0.5", "½ ×"), ("1", "1 ×"), ("2", "2 ×"), ("4", "4 ×"),
    ("8", "8 ×"), ("16", "16 ×"),
)  # fmt: skip
LOST_FILE = "The file of this recording is not in the storage any more."


@require_safe
@never_cache
def shelf(request: HttpRequest) -> HttpResponse:
    """All recordings that the learner can play."""
    return shelf_page(request)


def shelf_page(request: HttpRequest, fault: str = "") -> HttpResponse:
    """The shelf, with a sentence about an upload that was refused."""
    learner_id = learner_id_of(request.session)
    kept = KeptRecording.objects.filter(learner_id=learner_id or "")
    context = {
        "own": [_own_row(request, one, learner_id) for one in kept],
        "shipped": [_row(one) for one in access.for_all()],
        "fault": fault,
        "most": RECORDINGS_KEPT,
        "most_minutes": int(limits.MAX_S / 60),
        "most_mb": limits.MAX_BYTES >> 20,
    }
    status = 422 if fault else 200
    return render(request, "lab/recordings/shelf.html", context, status=status)


def _own_row(
    request: HttpRequest, one: KeptRecording, learner_id: str | None
) -> Context:
    found = access.find(one.recording_id, learner_id)
    shared = one.share_key and request.build_absolute_uri(
        reverse("lab:replay", args=[one.share_key])
    )
    return {"kept": one, "row": found and _row(found), "shared_url": shared}


def _row(one: Found) -> Context:
    return {
        "reference": one.reference,
        "title": one.title,
        "words": in_words(one),
        "length": f"{one.duration_s:.0f} s",
        "size": f"{max(1, round(one.num_bytes / 1000)):,} kB",
    }


def in_words(one: Found) -> str:
    """Model, device, machine, vLLM and date, as far as they are known."""
    header = one.header
    versions = [
        f"{name} {number}"
        for name, number in header["versions"].items()
        if name in ("vllm", "torch")
    ]
    named = (header["model"], header["device"], header["machine"], *versions)
    return " · ".join(filter(None, [*named, header["date"][:10]]))


@require_safe
@never_cache
def replay(request: HttpRequest, reference: str) -> HttpResponse:
    """One recording in the instrument; beside it the one that ``?with=`` names."""
    learner_id = learner_id_of(request.session)
    shown = [_found(request, reference)]
    other = request.GET.get("with", "")
    if other:
        shown.append(_found(request, other))
    choices = [
        one
        for one in (*access.own(learner_id), *access.for_all())
        if one.reference != reference
    ]
    context = {
        "shown": [_row(one) for one in shown],
        "other": other,
        "speeds": SPEEDS,
        "own_choices": [one for one in choices if one.is_own],
        "shipped_choices": [one for one in choices if one.kept is None],
    }
    return render(request, "lab/recordings/replay.html", context)


@require_GET
@gzip_page
def frames(request: HttpRequest, reference: str) -> HttpResponse:
    """The frames file of one recording (docs/frame-format.md)."""
    found = _found(request, reference)
    try:
        content = found.frames()
    except RecordingError:
        message = f"The recording {reference} is damaged and cannot be played."
        return HttpResponse(
            message, status=422, content_type="text/plain; charset=utf-8"
        )
    except OSError:
        return HttpResponse(
            LOST_FILE, status=410, content_type="text/plain; charset=utf-8"
        )
    response = HttpResponse(content, content_type="application/octet-stream")
    return _kept_by_browsers(response, found)


@require_GET
def file(request: HttpRequest, reference: str) -> HttpResponse:
    """The recording itself, to keep elsewhere and upload again."""
    found = _found(request, reference)
    try:
        content = found.file()
    except OSError:
        return HttpResponse(
            LOST_FILE, status=410, content_type="text/plain; charset=utf-8"
        )
    response = HttpResponse(content, content_type="application/octet-stream")
    _name(response, found, SUFFIX)
    return _kept_by_browsers(response, found)


@require_GET
def trace(request: HttpRequest, reference: str) -> HttpResponse | StreamingHttpResponse:
    """The recording for Perfetto and chrome://tracing."""
    found = _found(request, reference)
    try:
        recording = read_bytes(found.file(), found.title, allow_cut=True)
    except OSError:
        return HttpResponse(
            LOST_FILE, status=410, content_type="text/plain; charset=utf-8"
        )
    except RecordingError as error:
        return HttpResponse(
            str(error), status=422, content_type="text/plain; charset=utf-8"
        )
    response = HttpResponse(
        json_array(trace_events(recording)), content_type="application/json"
    )
    _name(response, found, ".trace.json")
    return _kept_by_browsers(response, found)


@require_GET
@gzip_page
def timeline(request: HttpRequest, reference: str) -> HttpResponse:
    """What each request did in each step, as the replay page draws it."""
    found = _found(request, reference)
    try:
        told = timeline_of(read_bytes(found.file(), found.title, allow_cut=True))
    except OSError:
        return HttpResponse(
            LOST_FILE, status=410, content_type="text/plain; charset=utf-8"
        )
    except RecordingError as error:
        return HttpResponse(
            str(error), status=422, content_type="text/plain; charset=utf-8"
        )
    return _kept_by_browsers(JsonResponse(told), found)


def json_array(events: Iterator[dict[str, Any]]) -> bytes:
    """The events as the Trace Event Format's JSON object."""
    return json.dumps({"traceEvents": list(events), "displayTimeUnit": "ms"}).encode()


def _found(request: HttpRequest, reference: str) -> Found:
    found = access.find(reference, learner_id_of(request.session))
    if found is None:
        raise Http404(f"There is no recording {reference}, or it is not shared.")
    return found


def _name(response: HttpResponse, found: Found, suffix: str) -> None:
    name = (slugify(found.title) or "recording") + suffix
    response["Content-Disposition"] = content_disposition_header(True, name)


def _kept_by_browsers(response: HttpResponse, found: Found) -> HttpResponse:
    """For an hour; a shared one can be taken back at any time."""
    if found.kept is None:
        patch_cache_control(response, max_age=3600)
    else:
        patch_cache_control(response, private=True, no_store=True)
    return response
