"""What the form offers: its fields, presets, offers, rates of cards, files."""

from typing import Any

from django.utils import timezone

from capacity.fleet.autoscaler_presets import autoscaler_links, followed
from capacity.fleet.form import groups
from capacity.fleet.offers import Offered, offers_of, preset_links, with_offer
from capacity.fleet.provenance import measured_rates
from capacity.fleet.query import PREFIX, FleetQuery, read_query
from capacity.models import KeptRequestFile
from planning.catalog.prices import Price
from planning.fleet.plan_fields import plan_mapping, plan_values
from planning.fleet.service_rates import load_rates

HIDDEN = ("rates", "file", "platform", "provisioned_price", "serverless_price")
"""Fields of a plan that say where others are from."""


def menus(query: FleetQuery, learner_id: str | None) -> dict[str, Any]:
    """Groups of fields, and the sources that a learner may fill them from."""
    mine = {n: t for n, t in query.faults.items() if not n.startswith(PREFIX)}
    found, settings = followed(query.plan)
    context: dict[str, Any] = {
        "groups": groups(query.plan, query.typed, mine),
        "hidden": {name: plan_values(query.plan)[name] for name in HIDDEN},
        "plan_fields": plan_mapping(query.plan),
        "presets": [*preset_links(query.plan), *autoscaler_links(query.plan)],
        "autoscaler": found,
        "followed": settings,
        "offers": [
            (kind, [_offered(query, one) for one in offers_of(kind)])
            for kind in ("provisioned", "serverless")
        ],
        "files": KeptRequestFile.objects.filter(learner_id=learner_id or "").defer(
            "table"
        ),
        "rates": [(one, query.encoded(**one.fields())) for one in load_rates()],
        "measured": measured_rates(query.plan, learner_id),
        "compare_query": query.encoded(compare=1),
        "single_query": read_query(plan_mapping(query.plan)).encoded(),
    }
    if query.second is not None:
        theirs = {
            name.removeprefix(PREFIX): text
            for name, text in query.faults.items()
            if name.startswith(PREFIX)
        }
        typed = {name.removeprefix(PREFIX): text for name, text in query.typed.items()}
        context["second_groups"] = groups(query.second, typed, theirs, PREFIX)
    return context


def _offered(query: FleetQuery, price: Price) -> Offered:
    values = with_offer(plan_mapping(query.plan), price.id)
    encoded = read_query({n: str(v) for n, v in values.items()}).encoded()
    return Offered(price, encoded, price.staleness(timezone.localdate()))
