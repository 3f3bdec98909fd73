"""The plan of a link with the rates of a model on a card."""

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from capacity.allowance import Exhausted, metered
from capacity.fleet.derived import PROMPT_CARD, SAME, asked, derive, lengths_of
from capacity.fleet.query import read_query
from capacity.fleet.views import refuse, show
from capacity.hardware.query import LABELS
from courseware.htmx import HtmxHttpRequest
from planning.errors import BadSetting


@require_GET
@never_cache
def use_card(request: HtmxHttpRequest) -> HttpResponse:
    """Derive the rates and lead to the plan that has them."""
    query = read_query(request.GET.dict())
    try:
        with metered(request):
            found = derive(
                asked(request.GET),
                lengths_of(query.plan),
                request.GET.get(PROMPT_CARD, "")[:60] or SAME,
            )
    except Exhausted as error:
        return refuse(request, query, error)
    except BadSetting as error:
        label = LABELS.get(error.field)
        reason = f"of {label}: it {error.reason}" if label else error.reason
        query.faults["rates"] = reason
        return show(request, query, {})
    return redirect(f"{reverse('capacity:fleet')}?{query.encoded(**found.fields())}")
