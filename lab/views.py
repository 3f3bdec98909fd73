"""What the viewer fetches over HTTP: the recordings it can play."""

from dataclasses import asdict

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET

from lab.recordings import library
from lab.recordings.recording import RecordingError


@require_GET
def recordings(request: HttpRequest) -> JsonResponse:
    """The menu: each recording's header, and where its frames are."""
    menu = [
        {
            "id": one.recording_id,
            "title": _title(one),
            "frames_url": reverse("lab:recording", args=[one.recording_id]),
            **asdict(one.header),
        }
        for one in sorted(library.recordings(), key=_place)
    ]
    return JsonResponse({"recordings": menu})


def _title(one: library.ListedRecording) -> str:
    words = (one.header.traffic or one.recording_id, one.header.device)
    return " · ".join(filter(None, words))


def _place(one: library.ListedRecording) -> tuple[bool, str]:
    """Mixed traffic has the most to see: it plays where no engine runs."""
    return not one.recording_id.endswith("-mixed"), one.recording_id


@require_GET
@gzip_page
@cache_control(max_age=3600)
def recording(request: HttpRequest, recording_id: str) -> HttpResponse:
    """The frames file of one recording (docs/frame-format.md)."""
    try:
        frames = library.frames(recording_id)
    except RecordingError:
        message = f"The recording {recording_id} is damaged and cannot be played."
        return HttpResponse(message, status=422, content_type="text/plain")
    if frames is None:
        raise Http404(f"There is no recording {recording_id}.")
    return HttpResponse(frames, content_type="application/octet-stream")
