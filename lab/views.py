"""What the viewer fetches over HTTP: the menu of recordings that it can play, and the
reasons at a step of one."""

from django.http import Http404, HttpRequest, JsonResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET

from courseware.learner import learner_id_of
from lab.recordings.recording import RecordingError
from lab.shelf import access
from lab.shelf.walks import walk_of
from lab.viewer.recorded import reasons_message

LOST_FILE = "The file of this recording is not in the storage any more."
MOST = 1 << 32
"""Steps and short ids are 32-bit numbers."""


@require_GET
@never_cache
def recordings(request: HttpRequest) -> JsonResponse:
    """Each recording's header, and where its frames, its steps and its reasons are:
    those that everybody sees, then the learner's own."""
    found = [*access.for_all(), *access.own(learner_id_of(request.session))]
    menu = [
        {
            "id": one.reference,
            "title": one.title,
            "frames_url": reverse("lab:recording", args=[one.reference]),
            "steps_url": reverse("lab:timeline", args=[one.reference]),
            "reasons_url": reverse("lab:reasons", args=[one.reference]),
            **one.header,
        }
        for one in found
    ]
    return JsonResponse({"recordings": menu})


@require_GET
@never_cache
@gzip_page
def reasons(request: HttpRequest, reference: str) -> JsonResponse:
    """At ``?step=`` of a recording: the prefix cache, hits and age, and of a request,
    ``?request=``, why it came out so."""
    found = access.find(reference, learner_id_of(request.session))
    step = _number(request, "step")
    if found is None or step is None:
        raise Http404(f"There is no recording {reference} with such a step.")
    try:
        walk = walk_of(found)
        state, heat = walk.at(step)
    except OSError:
        return JsonResponse({"sentence": LOST_FILE}, status=410)
    except RecordingError as error:
        return JsonResponse({"sentence": str(error)}, status=422)
    if state is None:
        return JsonResponse({"sentence": "It has no step."}, status=422)
    told = reasons_message(
        state,
        heat,
        walk.settings,
        has_notes=walk.has_notes,
        short_id=_number(request, "request"),
    )
    return JsonResponse(told)


def _number(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    is_number = text.isascii() and text.isdigit() and len(text) <= 10
    return int(text) if is_number and int(text) < MOST else None
