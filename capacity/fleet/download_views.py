"""Figures as CSV and drawings as SVG files of their own."""

import csv
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.http import Http404, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from capacity.allowance import Exhausted
from capacity.fleet import presentation
from capacity.fleet.answer import answer
from capacity.fleet.query import read_query
from capacity.fleet.svg_file import standalone
from courseware.htmx import HtmxHttpRequest
from planning.errors import BadSetting

DRAWINGS = ("split", "timeline", "curve", "month")
OF_THE_MONTH = ("curve", "month")

P = ParamSpec("P")
View = Callable[Concatenate[HtmxHttpRequest, P], HttpResponse]


def refusing_in_text(view: View[P]) -> View[P]:
    """Refusals of the view are sentences of plain text: a file has no page."""

    @wraps(view)
    def refusing(
        request: HtmxHttpRequest, /, *args: P.args, **kwargs: P.kwargs
    ) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except BadSetting as error:
            return HttpResponse(
                str(error), status=400, content_type="text/plain; charset=utf-8"
            )
        except Exhausted as error:
            headers = {"Retry-After": str(error.after_s)}
            return HttpResponse(
                str(error),
                status=429,
                content_type="text/plain; charset=utf-8",
                headers=headers,
            )

    return refusing


def _answer(request: HtmxHttpRequest, *, is_month: bool) -> dict[str, Any]:
    """The whole month if it is known or its turn comes; else the preview."""
    query = read_query(request.GET)
    if query.faults:
        field, reason = next(iter(query.faults.items()))
        raise BadSetting(field, reason)
    return answer(request, query, is_month=is_month)


@require_GET
@never_cache
@refusing_in_text
def figures_csv(request: HtmxHttpRequest) -> HttpResponse:
    """Every estimate with its interval, a row a figure and plan."""
    context = _answer(request, is_month=True)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="fleet.csv"'
    table = csv.writer(response)
    table.writerow(["plan", "figure", "mean", "low_95", "high_95", "unit", "kind"])
    for row in context["figures"]:
        for letter, cell in zip(presentation.LETTERS, row["cells"], strict=False):
            values = ("", "", "") if cell is None else (cell.mean, cell.low, cell.high)
            table.writerow([letter, row["name"], *values, row["unit"], "estimated"])
    return response


@require_GET
@never_cache
@refusing_in_text
def drawing(request: HtmxHttpRequest, name: str) -> HttpResponse:
    """One drawing; ``of=B`` is that of the second plan."""
    if name not in DRAWINGS:
        raise Http404(f"There is no drawing {name[:40]!r}.")
    context = _answer(request, is_month=name in OF_THE_MONTH)
    outcomes = context["outcomes"]
    place = 1 if request.GET.get("of") == "B" and len(outcomes) > 1 else 0
    if outcomes[place][name] is None:
        raise Http404("This plan has no such drawing.")
    page = {"one": outcomes[place], "is_file": True}
    svg = standalone(render_to_string(f"capacity/fleet/charts/_{name}.html", page))
    response = HttpResponse(svg, content_type="image/svg+xml; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="fleet-{name}.svg"'
    return response
