"""What the mentor keeps about a learner: pages that work without JavaScript."""

import logging
import uuid
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_GET, require_POST

from courseware.learner import learner_id_of
from mentor.consumers import learner_group
from mentor.errors import Unknown
from mentor.models import TITLE_CHARS, Conversation
from mentor.presentation import turn_json
from mentor.suggestions import suggestions as suggestions_of

logger = logging.getLogger(__name__)

MAX_QUERY_CHARS = 100


@require_GET
@never_cache
def conversations(request: HttpRequest) -> HttpResponse:
    """The learner's conversations, newest first; those with ``q`` in them."""
    query = request.GET.get("q", "").replace("\x00", "")[:MAX_QUERY_CHARS].strip()
    learner_id = learner_id_of(request.session) or ""
    known = Conversation.objects.latest_of(learner_id)
    if query:
        known = Conversation.objects.with_words(learner_id, query)
    context = {"conversations": known, "query": query}
    return render(request, "mentor/conversations.html", context)


@require_GET
@never_cache
def conversation(request: HttpRequest, conversation_id: uuid.UUID) -> HttpResponse:
    """One conversation, to read."""
    found = _owned(request, conversation_id)
    return render(request, "mentor/conversation.html", _shown(found))


@require_GET
@never_cache
def export(request: HttpRequest, conversation_id: uuid.UUID) -> HttpResponse:
    """One conversation as a Markdown file, both voices named in it, with whole
    addresses: it is read elsewhere."""
    found = _owned(request, conversation_id)
    shown = _shown(found) | {"site": f"{request.scheme}://{request.get_host()}"}
    text = render_to_string("mentor/conversation.md", shown)
    response = HttpResponse(text, content_type="text/markdown; charset=utf-8")
    name = f"mentor-{found.created_at:%Y-%m-%d}.md"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_GET
@cache_control(max_age=600)
def suggestions(request: HttpRequest) -> JsonResponse:
    """Questions to begin with in a section: {"questions": [text, …]}."""
    anchor = request.GET.get("section", "").replace("\x00", "")
    return JsonResponse({"questions": suggestions_of(anchor)})


@require_POST
def rename(request: HttpRequest, conversation_id: uuid.UUID) -> HttpResponse:
    """Give one conversation another title; an empty one changes nothing."""
    found = _owned(request, conversation_id)
    title = " ".join(request.POST.get("title", "").replace("\x00", "").split())
    if title:
        found.title = title[:TITLE_CHARS]
        found.save(update_fields=["title"])
        _tell_tabs(found.learner_id)
    return redirect("mentor:conversation", found.pk)


@require_POST
def delete_conversation(
    request: HttpRequest, conversation_id: uuid.UUID
) -> HttpResponse:
    """Delete one conversation."""
    found = _owned(request, conversation_id)
    found.discard()
    _tell_tabs(found.learner_id)
    return redirect("mentor:conversations")


def _tell_tabs(learner_id: str) -> None:
    """A page has changed what the panels of other tabs show; one that is not told shows
    it when it next opens."""
    try:
        tell = async_to_sync(get_channel_layer().group_send)
        tell(learner_group(learner_id), {"type": "learner.changed", "by": ""})
    except Exception as error:  # the broker is away: any of its errors
        logger.warning("other tabs were not told of a change: %s", error)


def _shown(found: Conversation) -> dict[str, Any]:
    turns = [turn_json(turn) for turn in found.turns.shown()]
    return {"conversation": found, "turns": turns}


def _owned(request: HttpRequest, conversation_id: uuid.UUID) -> Conversation:
    learner_id = learner_id_of(request.session) or ""
    try:
        return Conversation.objects.owned(learner_id, conversation_id)
    except Unknown as error:
        raise Http404(str(error)) from None
