"""The figures that the server answers: read the link, compute, show."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from courseware.counting import count_this_minute
from courseware.figures.cluster import cluster_context, form_context
from courseware.figures.cluster_query import read_query
from courseware.htmx import HtmxHttpRequest
from courseware.learner import learner_id_of
from courseware.models import Section

CLUSTERS_A_MINUTE = 120


@require_safe
@never_cache
@vary_on_headers("HX-Request")
def cluster(request: HtmxHttpRequest) -> HttpResponse:
    """How many cards: the form with its answer; for htmx the answer alone."""
    who = learner_id_of(request.session) or request.META.get("REMOTE_ADDR", "")
    query, faults = read_query(request.GET)
    if count_this_minute("cluster", who) > CLUSTERS_A_MINUTE:
        refusal = (
            f"You have asked {CLUSTERS_A_MINUTE} times within a minute, which is the "
            "limit. Go on in a minute."
        )
        context = form_context(query, {}) | {"refusal": refusal}
        response = _shown(request, context, 429)
        response.headers["Retry-After"] = "60"
        return response
    context = cluster_context(query, faults, timezone.localdate())
    context["typed"] = {name: request.GET.get(name, "")[:20] for name in faults}
    return _shown(request, context, 400 if context["faults"] else 200)


def _shown(
    request: HtmxHttpRequest, context: dict[str, Any], status: int
) -> HttpResponse:
    """htmx shows an answer of status 200 only: what is wrong stands in its words."""
    if request.htmx:
        name = "courseware/figures/_cluster_answer.html"
        return render(request, name, context, status=200)
    shown_in = Section.objects.filter(html__contains='id="figure-cluster"')
    context["home"] = shown_in.first()
    return render(request, "courseware/cluster.html", context, status=status)
