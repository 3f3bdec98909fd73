"""What the form offers: its fields, presets, offers, rates of cards, files."""

from typing import Any

from django.utils import timezone

from capacity.fleet.autoscaler_presets import autoscaler_links, followed
from capacity.fleet.derived import derived_rates
from capacity.fleet.form import groups
from capacity.fleet.offers import (
    Offered,
    offers_of,
    preset_links,
    with_always_on,
    with_offer,
)
from capacity.fleet.provenance import measured_rates
from capacity.fleet.query import PREFIX, FleetQuery, read_query
from capacity.hardware.menus import menus as card_menus
from capacity.hardware.query import HardwareQuery
from capacity.models import KeptRequestFile
from planning.catalog.as_of import staleness
from planning.catalog.prices import Price
from planning.fleet.plan_fields import plan_mapping, plan_values

HIDDEN = (
    *("rates", "file", "platform", "provisioned_price", "serverless_price"),
    "api_price",
)
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
        "cards": card_menus(HardwareQuery()),
        "derived": derived_rates(query.plan),
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
    fields, today = plan_mapping(query.plan), timezone.localdate()
    always_on = with_always_on(fields, price)
    return Offered(
        price,
        _encoded(with_offer(fields, price.id)),
        price.staleness(today),
        whole_query=_encoded(with_offer(fields, price.id, is_whole=True))
        if price.num_gpus > 1
        else "",
        always_on_query=_encoded(always_on) if always_on else "",
        always_on_staleness=staleness(price.active_as_of, today) if always_on else "",
    )


def _encoded(values: dict[str, Any]) -> str:
    return read_query({n: str(v) for n, v in values.items()}).encoded()
