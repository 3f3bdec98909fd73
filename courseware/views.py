"""The reader's pages: home, chapter, glossary, search, privacy, design, licences."""

import re
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from courseware import course, guesses, learner, packing, progress
from courseware.design import design_language
from courseware.errors import BrokenChapter
from courseware.figures import cards as draw_cards
from courseware.figures import figure_json, home_motif
from courseware.htmx import HtmxHttpRequest
from courseware.learner import learner_id_of
from courseware.models import Chapter, Section, User
from courseware.other_browsers import clears_browser
from courseware.reload import reload_changed
from courseware.vendored import vendored_files

MAX_QUERY_LETTERS = 200
TEXT_MARK = "\ue020text\ue021"
"""Where a chapter's text goes in its page: letters that no chapter may hold."""


def _refused() -> list[BrokenChapter]:
    """Chapters that cannot be published as they are now; only while writing."""
    return reload_changed() if settings.DEBUG else []


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What the course is, its chapters, how far one is, and what is planned."""
    refused = _refused()
    by_chapter = progress.by_chapter(learner_id_of(request.session))
    chapters = list(Chapter.objects.published())
    rows = [{"chapter": c, "progress": by_chapter.get(c.slug)} for c in chapters]
    last = chapters[-1].position if chapters else 0
    planned = [
        {**row, "position": position}
        for position, row in enumerate(course.planned(), start=last + 1)
    ]
    context = {
        "rows": rows,
        "planned": planned,
        "cells": home_motif(),
        "refused": refused,
        "minutes": sum(chapter.minutes for chapter in chapters),
    }
    return render(request, "courseware/home.html", context)


@require_safe
@cache_control(public=True, max_age=86_400)
def favicon(request: HttpRequest) -> HttpResponse:
    """What a browser asks for beside a file or a sentence, which name no mark."""
    return redirect(static("img/mark.svg"))


@require_safe
def chapter(request: HttpRequest, slug: str) -> HttpResponse:
    """One chapter beside the live engine."""
    refused = _refused()
    found = get_object_or_404(Chapter.objects.visible_to(request.user), slug=slug)
    sections = list(found.sections.defer("html", "text"))
    read = progress.read_anchors(learner_id_of(request.session), found)
    counted = [s for s in sections if s.title and s.anchor not in progress.ADDED]
    context = {
        "chapter": found,
        "sections": sections,
        "has_sources": any(section.anchor == "sources" for section in sections),
        "read": read,
        "progress": progress.Progress(len(read), len(counted)),
        "refused": refused,
        "short_start": _short_start(sections),
        "text": TEXT_MARK,
        **_neighbours(found),
    }
    page = render_to_string("courseware/chapter.html", context, request)
    before, _, after = page.partition(TEXT_MARK)
    text = _draw_text if settings.DEBUG else _text_drawn_once
    return packing.answer(request, before, text(slug, found.updated_at), after)


def _draw_text(slug: str, updated_at: datetime) -> packing.Part:
    """All sections, the same for every reader until the chapter is loaded anew."""
    context = {"sections": Section.objects.filter(chapter_id=slug).defer("text")}
    return packing.pack(render_to_string("courseware/_sections.html", context).encode())


_text_drawn_once = lru_cache(maxsize=32)(_draw_text)


def _short_start(sections: list[Section]) -> str:
    """Anchor of the first heading on the short path; "" without one."""
    for section in sections:
        if section.is_short:
            return section.anchor
        for part in section.short_parts:
            return str(part["anchor"])
    return ""


def _neighbours(found: Chapter) -> dict[str, Any]:
    """The chapters before and after, or what is planned after the last."""
    chapters = Chapter.objects.filter(Q(is_draft=False) | Q(pk=found.pk))
    order = list(chapters.values("slug", "title", "position"))
    at = next((i for i, row in enumerate(order) if row["slug"] == found.slug), 0)
    return {
        "previous": order[at - 1] if at > 0 else None,
        "next": order[at + 1] if at + 1 < len(order) else None,
        "next_planned": next(iter(course.planned()), None),
    }


@require_POST
@never_cache
def read(request: HttpRequest, slug: str) -> HttpResponse:
    """Remember sections as read (``anchor``, several), or all of the chapter."""
    found = get_object_or_404(Chapter.objects.visible_to(request.user), slug=slug)
    learner_id = learner_id_of(request.session)
    counted = progress.counted().filter(chapter=found)
    anchors = request.POST.getlist("anchor")[:100]
    if learner_id is not None:
        every = list(counted.values_list("anchor", flat=True))
        progress.mark_read(learner_id, found, anchors or every)
    if "application/json" in request.headers.get("Accept", ""):
        num_read = len(progress.read_anchors(learner_id, found))
        return JsonResponse({"read": num_read, "sections": counted.count()})
    return redirect(f"{_chapter_url(found)}#end")


def _chapter_url(found: Chapter) -> str:
    return redirect("courseware:chapter", found.slug).url


@require_safe
def glossary(request: HttpRequest) -> HttpResponse:
    """Every term and what it means."""
    return render(request, "courseware/glossary.html", {"terms": course.glossary()})


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Full-text search over chapters and glossary."""
    query = re.sub(r"\s+", " ", request.GET.get("q", "").replace("\0", " ")).strip()
    query = query[:MAX_QUERY_LETTERS]
    index = course.index()  # made while a reader still types, at the page's first visit
    hits = index.find(query) if query else []
    return render(request, "courseware/search.html", {"query": query, "hits": hits})


@require_safe
@cache_control(max_age=3600)
def figure_data(request: HttpRequest, name: str) -> HttpResponse:
    """What an interactive figure steps through, as JSON."""
    text = figure_json(name)
    if text is None:
        raise Http404(f"There is no figure {name!r} with data.")
    return HttpResponse(text, content_type="application/json")


@require_safe
@vary_on_headers("HX-Request")
def cards(request: HtmxHttpRequest) -> HttpResponse:
    """Which cards hold a model for so many users; for htmx the answer alone."""
    asked = {key: request.GET.get(key, "") for key in ("model", "users", "context")}
    context = draw_cards(asked | {"only": request.GET.get("only", "")})
    part = "figures/_card_answer.html" if request.htmx else "cards.html"
    return render(request, f"courseware/{part}", context)


@require_safe
def design(request: HttpRequest) -> HttpResponse:
    """The site's own design language, read from its style sheet."""
    return render(request, "courseware/design.html", design_language())


@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    """What is kept, for how long, who sees it, and the way to delete it."""
    return _privacy(request)


def _privacy(request: HttpRequest, refusal: str = "") -> HttpResponse:
    context = {
        "expire_days": settings.LEARNER_KEPT_DAYS,
        "longest_days": settings.SESSION_LONGEST_DAYS,
        "staff_hours": settings.STAFF_SESSION_HOURS,
        "cookie_prefix": settings.COOKIE_PREFIX,
        "refusal": refusal,
    }
    status = 422 if refusal else 200
    return render(request, "courseware/privacy.html", context, status=status)


@sensitive_post_parameters()
@require_POST
@never_cache
def forget(request: HttpRequest) -> HttpResponse:
    """Delete all that is kept about the reader, the account too, then say so."""
    account = request.user
    if isinstance(account, User) and not guesses.knows_password(request, account):
        return _privacy(request, "That is not your password: nothing was deleted.")
    learner_id = learner_id_of(request.session)
    if learner_id is not None:
        learner.forget_learner(learner_id)
    if isinstance(account, User) and not account.is_staff:
        account.delete()
    request.session.flush()
    context = {"had_data": learner_id is not None}
    return clears_browser(render(request, "courseware/forgotten.html", context))


@require_safe
def licences(request: HttpRequest) -> HttpResponse:
    """Our licence, and those of the files by others."""
    return render(request, "courseware/licences.html", {"vendored": vendored_files()})
