"""What the mentor keeps about a learner: pages that work without JavaScript."""

import uuid

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from courseware.learner import learner_id_of
from mentor.errors import Unknown
from mentor.models import Conversation
from mentor.presentation import turn_json


@require_GET
def conversations(request: HttpRequest) -> HttpResponse:
    """The learner's conversations, newest first."""
    known = Conversation.objects.latest_of(learner_id_of(request.session) or "")
    return render(request, "mentor/conversations.html", {"conversations": known})


@require_GET
def conversation(request: HttpRequest, conversation_id: uuid.UUID) -> HttpResponse:
    """One conversation, to read."""
    found = _owned(request, conversation_id)
    turns = [turn_json(turn) for turn in found.turns.all()]
    context = {"conversation": found, "turns": turns}
    return render(request, "mentor/conversation.html", context)


@require_POST
def delete_conversation(
    request: HttpRequest, conversation_id: uuid.UUID
) -> HttpResponse:
    """Delete one conversation."""
    _owned(request, conversation_id).discard()
    return redirect("mentor:conversations")


def _owned(request: HttpRequest, conversation_id: uuid.UUID) -> Conversation:
    learner_id = learner_id_of(request.session) or ""
    try:
        return Conversation.objects.owned(learner_id, conversation_id)
    except Unknown as error:
        raise Http404(str(error)) from None
