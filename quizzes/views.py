"""Taking a quiz: pages that work without JavaScript, and the same as fragments.

Each view: whose is it → what is sent → one call → the place that shows the result.
With htmx that place comes at once as a fragment; without it by a redirect.
"""

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from courseware.htmx import HtmxHttpRequest
from courseware.learner import learner_id_of
from courseware.sockets import address_of_request
from lab import client
from quizzes import measuring, presentation
from quizzes.errors import Refused, Unknown
from quizzes.form_fields import Submitted
from quizzes.mastery import (
    attempts_of,
    goals_of,
    mastery_of,
    section_of,
    to_reread,
)
from quizzes.models import Answer, Attempt, NameConsent, Quiz

View = Callable[..., HttpResponse]


def _found(view: View) -> View:
    """Unknown attempts are pages that do not exist; nothing here is cached."""

    @never_cache
    @vary_on_headers("HX-Request")
    @wraps(view)
    def checked(request: HtmxHttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except Unknown as error:
            raise Http404(str(error)) from None

    return checked


def _show(
    request: HtmxHttpRequest, partial: str, context: dict[str, Any]
) -> HttpResponse:
    """The fragment for htmx, else the page around it."""
    if request.htmx:
        return render(request, f"quizzes/{partial}", context)
    return render(request, "quizzes/page.html", {**context, "partial": partial})


def _learner(request: HtmxHttpRequest) -> str | None:
    return learner_id_of(request.session)


def _owned(request: HtmxHttpRequest, attempt_id: uuid.UUID) -> Attempt:
    return Attempt.objects.owned(_learner(request), attempt_id)


@require_GET
@_found
def progress(request: HtmxHttpRequest) -> HttpResponse:
    """All quizzes with the learner's best and last attempts, and their goals."""
    learner_id = _learner(request)
    rows = [
        {
            "quiz": quiz,
            "open": Attempt.objects.open_of(learner_id, quiz),
            **attempts_of(learner_id, quiz),
        }
        for quiz in Quiz.objects.open_to(request.user)
    ]
    context = {
        "rows": rows,
        "mastery": mastery_of(learner_id),
        "has_consent": NameConsent.objects.filter(learner_id=learner_id).exists(),
    }
    return render(request, "quizzes/progress.html", context)


@require_POST
@_found
def consent(request: HtmxHttpRequest) -> HttpResponse:
    """Let course staff see the learner's e-mail address, or no longer."""
    learner_id = _learner(request)
    if learner_id and request.user.is_authenticated:
        if request.POST.get("agree") == "yes":
            NameConsent.objects.get_or_create(learner_id=learner_id)
        else:
            NameConsent.objects.filter(learner_id=learner_id).delete()
    return redirect("quizzes:progress")


@require_GET
@_found
def quiz(request: HtmxHttpRequest, quiz_name: str) -> HttpResponse:
    """The door to a quiz: begin, or the question where the learner left."""
    found = get_object_or_404(Quiz.objects.open_to(request.user), name=quiz_name)
    learner_id = _learner(request)
    current = Attempt.objects.open_of(learner_id, found)
    if current is not None:
        return _show_question(request, current, _next_position(current))
    context = {"quiz": found, **attempts_of(learner_id, found)}
    return _show(request, "_start.html", context)


@require_POST
@_found
def start(request: HtmxHttpRequest, quiz_name: str) -> HttpResponse:
    """Begin an attempt, or go on with the open one."""
    found = get_object_or_404(Quiz.objects.open_to(request.user), name=quiz_name)
    attempt = Attempt.objects.start(_learner(request), found)
    return _go(request, attempt, _next_position(attempt))


@require_GET
@_found
def attempt(request: HtmxHttpRequest, attempt_id: uuid.UUID) -> HttpResponse:
    """The question where the learner left, or the summary of a closed attempt."""
    found = _owned(request, attempt_id)
    if found.is_closed:
        return _show(request, "_summary.html", _summary(found))
    return _show_question(request, found, _next_position(found))


@require_GET
@_found
def question(
    request: HtmxHttpRequest, attempt_id: uuid.UUID, position: int
) -> HttpResponse:
    """One question of an attempt; nothing while it still waits for ``waiting``."""
    found = _owned(request, attempt_id)
    waiting = request.GET.get("waiting")
    if waiting and measuring.is_waiting(found.latest(position), waiting):
        return HttpResponse(status=204)
    return _show_question(request, found, position)


@require_POST
@_found
def answer(
    request: HtmxHttpRequest, attempt_id: uuid.UUID, position: int
) -> HttpResponse:
    """Take an answer. A second one to the same try changes nothing."""
    found = _owned(request, attempt_id)
    given = found.latest(position)
    if request.POST.get("try") != str(given.number) or given.state != Answer.State.OPEN:
        return _go(request, found, position)
    sent = {name: request.POST.getlist(name) for name in request.POST}
    try:
        sentence = _take(request, given, sent)
    except Refused as error:
        sentence = str(error)
    if sentence:
        return _show_question(request, found, position, sentence, sent)
    return _go(request, found, position)


def _take(request: HtmxHttpRequest, given: Answer, sent: Submitted) -> str:
    """Grade or begin to measure; a sentence when the answer cannot be read."""
    certainty = request.POST.get("certainty", "")
    confidence = int(certainty) if certainty in ("1", "2", "3") else None
    if given.attempt.quiz.asks_confidence and confidence is None:
        return "Say how sure you are, then answer."
    if given.question.kind == "measured":
        address = address_of_request(request)
        return measuring.begin(given, sent, confidence, address)
    return given.give(sent, confidence).sentence


@require_POST
@_found
def hint(
    request: HtmxHttpRequest, attempt_id: uuid.UUID, position: int
) -> HttpResponse:
    """Show one more hint."""
    found = _owned(request, attempt_id)
    given = found.latest(position)
    try:
        if given.state == Answer.State.OPEN:
            given.take_hint()
    except Refused:
        return _go(request, found, position)
    sent = {name: request.POST.getlist(name) for name in request.POST}
    if request.htmx:
        return _show_question(request, found, position, "", sent)
    return _go(request, found, position)


@require_POST
@_found
def retry(
    request: HtmxHttpRequest, attempt_id: uuid.UUID, position: int
) -> HttpResponse:
    """Another variant of a question, for practice."""
    found = _owned(request, attempt_id)
    try:
        found.retry(position)
    except Refused as error:
        return _show_question(request, found, position, str(error))
    return _go(request, found, position)


@require_POST
@_found
def finish(request: HtmxHttpRequest, attempt_id: uuid.UUID) -> HttpResponse:
    """Close the attempt and sum up."""
    found = _owned(request, attempt_id)
    found.close()
    if request.htmx:
        return _show(request, "_summary.html", _summary(found))
    return redirect("quizzes:attempt", attempt_id=found.pk)


def _go(request: HtmxHttpRequest, found: Attempt, position: int) -> HttpResponse:
    """To a question: at once with htmx, else by a redirect, so that a reload asks
    for nothing again."""
    if request.htmx:
        return _show_question(request, found, position)
    return redirect("quizzes:question", attempt_id=found.pk, position=position)


def _next_position(found: Attempt) -> int:
    """The first question without an answer, else the last."""
    open_tries = found.first_tries().filter(
        state__in=(Answer.State.OPEN, Answer.State.RUNNING)
    )
    first = open_tries.first()
    return first.position if first else found.first_tries().count()


def _show_question(
    request: HtmxHttpRequest,
    found: Attempt,
    position: int,
    sentence: str = "",
    sent: Submitted | None = None,
) -> HttpResponse:
    answer = found.latest(position)
    measuring.give_up_overdue(answer)
    tries = list(found.first_tries())
    context: dict[str, Any] = {
        "quiz": found.quiz,
        "attempt": found,
        "answer": answer,
        "position": position,
        "num_questions": len(tries),
        "steps": _steps(tries, position),
        "sentence": sentence,
        "question": presentation.question_form(answer, sent),
        "next_position": position + 1 if position < len(tries) else None,
        "engine": client.ready_engine() if answer.question.kind == "measured" else None,
        "section": section_of(found.quiz.chapter, answer.question.authored().section),
    }
    if answer.state == Answer.State.DONE:
        context["feedback"] = presentation.explained(answer)
    elif answer.state == Answer.State.RUNNING:
        context["request_id"] = measuring.waiting_for(answer)
    elif answer.state == Answer.State.OPEN and not found.is_closed:
        answer.note_shown()
    return _show(request, "_question.html", context)


def _steps(tries: list[Answer], position: int) -> list[dict[str, Any]]:
    """The questions as steps of progress."""
    return [
        {
            "position": row.position,
            "state": row.outcome or row.state,
            "is_current": row.position == position,
        }
        for row in tries
    ]


def _summary(found: Attempt) -> dict[str, Any]:
    tries = list(found.first_tries())
    anchors = to_reread(tries)
    counted = [row for row in tries if row.state != Answer.State.FAILED]
    return {
        "quiz": found.quiz,
        "attempt": found,
        "tries": [
            {"answer": row, "text": row.variant().text.split("\n")[0]} for row in tries
        ],
        "percent": round(100 * (found.score or 0)),
        "num_right": sum(row.outcome == "right" for row in tries),
        "num_counted": len(counted),
        "max_marks": 3 * len(counted),
        "goals": goals_of(tries),
        "reread": [
            section
            for anchor in anchors
            if (section := section_of(found.quiz.chapter, anchor))
        ],
        **attempts_of(found.learner_id, found.quiz),
    }
