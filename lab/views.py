"""What the viewer fetches over HTTP: the menu of recordings that it can play."""

from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from courseware.learner import learner_id_of
from lab.shelf import access


@require_GET
@never_cache
def recordings(request: HttpRequest) -> JsonResponse:
    """Each recording's header, and where its frames are: those that everybody sees,
    then the learner's own."""
    found = [*access.for_all(), *access.own(learner_id_of(request.session))]
    menu = [
        {
            "id": one.reference,
            "title": one.title,
            "frames_url": reverse("lab:recording", args=[one.reference]),
            **one.header,
        }
        for one in found
    ]
    return JsonResponse({"recordings": menu})
