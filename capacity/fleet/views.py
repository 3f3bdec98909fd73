"""The fleet simulator: a plan in the link, a preview at once, then the whole month.

Each view: read the link → simulate within limits → the page, or for htmx its fragment.
"""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import replace_url

from capacity.allowance import Exhausted
from capacity.fleet.answer import answer
from capacity.fleet.menus import menus
from capacity.fleet.query import PREFIX, FleetQuery, read_query
from courseware.htmx import HtmxHttpRequest
from courseware.learner import learner_id_of
from planning.errors import BadSetting
from planning.fleet.plan_fields import limit_of


@require_GET
@never_cache
@vary_on_headers("HX-Request")
def fleet(request: HtmxHttpRequest) -> HttpResponse:
    """The form with a preview; for htmx the preview alone."""
    return _respond(request, is_month=False)


@require_GET
@never_cache
@vary_on_headers("HX-Request")
def whole_month(request: HtmxHttpRequest) -> HttpResponse:
    """The same refined to the whole month."""
    return _respond(request, is_month=True)


def _respond(request: HtmxHttpRequest, *, is_month: bool) -> HttpResponse:
    query = read_query(request.GET)
    context: dict[str, Any] = {}
    if not query.faults:
        try:
            context = answer(request, query, is_month=is_month)
        except BadSetting as error:
            query.faults[error.field] = error.reason
        except Exhausted as error:
            return refuse(request, query, error)
    return show(request, query, context)


def refuse(
    request: HtmxHttpRequest, query: FleetQuery, error: Exhausted
) -> HttpResponse:
    """Too much was computed: the page, or its fragment, with the sentence."""
    response = show(request, query, {"refusal": str(error)}, status=429)
    response.headers["Retry-After"] = str(error.after_s)
    return response


def show(
    request: HtmxHttpRequest,
    query: FleetQuery,
    context: dict[str, Any],
    status: int = 200,
) -> HttpResponse:
    """The page, or its fragment with the link that shows the same."""
    faults = [
        {
            "id": name.replace(".", "-"),
            "label": limit_of(name.removeprefix(PREFIX)).label,
            "reason": reason,
        }
        for name, reason in query.faults.items()
    ]
    context = {
        "plan": query.plan,
        "query": query.encoded(),
        "faults": faults,
        **context,
    }
    status = 400 if faults and status == 200 else status
    if request.htmx:
        response = render(
            request, "capacity/fleet/_outcome.html", context, status=status
        )
        if not faults:
            encoded = query.encoded()
            url = reverse("capacity:fleet")
            replace_url(response, f"{url}?{encoded}" if encoded else url)
        return response
    context |= menus(query, learner_id_of(request.session))
    return render(request, "capacity/fleet/page.html", context, status=status)
