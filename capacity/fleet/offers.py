"""Offers and platforms as choices that fill the form: links with the fields set."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from urllib.parse import urlencode

from planning.catalog.platforms import Platform, load_platforms, platform
from planning.catalog.prices import Price, load_prices, price
from planning.fleet.plan import Plan
from planning.fleet.plan_fields import plan_mapping

SAME_USD = 1e-9
PRESETS = {
    "runpod-serverless": "runpod-flex-h100-sxm",
    "modal": "modal-h100-sxm",
    "replicate-deployment": "replicate-h100-sxm",
}
"""Platforms to begin from, each with an offer of its own."""


@dataclass(frozen=True)
class Quoted:
    """A price in use: which offer it is, or that it was typed in."""

    label: str
    usd_per_hour: float
    price: Price | None
    staleness: str
    own: str = ""
    """A price of one's own as it was typed in, with the name of who charges it."""


@dataclass(frozen=True)
class Offered:
    """An offer to choose, and the link of the plan with it."""

    price: Price
    query: str
    """With a worker for each of its GPUs."""
    staleness: str
    whole_query: str = ""
    """With one worker for all of its GPUs; "" where it has one."""
    always_on_query: str = ""
    """With its price of always-on workers; "" where none is known."""
    always_on_staleness: str = ""


def quoted(plan: Plan, today: date) -> list[Quoted]:
    """The prices of the plan's fleet, with source and date where they have one."""
    found = []
    if plan.has_provisioned:
        part = plan.provisioned
        usd = plan.usd_per_instance_h
        one = _quoted(_instance(plan), part.provisioned_price, usd, today)
        found.append(replace(one, own=own_price(plan, "instance")))
    if plan.has_serverless:
        usd = plan.usd_per_worker_s * 3600
        name = plan.serverless.serverless_price
        one = _quoted("A serverless worker", name, usd, today)
        found.append(replace(one, own=own_price(plan, "worker")))
    active = plan.serverless.active_usd_per_s
    if plan.has_serverless and active is not None:
        found.append(_always_on(plan.serverless.serverless_price, active, today))
    return found


def _instance(plan: Plan) -> str:
    pct = plan.spot.spot_discount_pct if plan.spot.spot == "on" else 0.0
    return (
        f"An instance, before the spot discount of {pct:g} %," if pct else "An instance"
    )


def own_price(plan: Plan, what: str) -> str:
    """The price of one's own, as it was typed in; "" where there is none."""
    own = plan.prices
    if own.own_usd_per_s(what) is None:
        return ""
    gpus = f" × {own.own_price_gpus} GPUs" if own.own_price_gpus > 1 else ""
    is_usd = own.own_currency.upper() == "USD" and own.own_usd_rate == 1
    rate = "" if is_usd else f" at ${own.own_usd_rate:g}"
    per = "an hour" if own.own_price_per == "hour" else f"a {own.own_price_per}"
    text = f"{own.own_price:,.10g} {own.own_currency} {per}{gpus}{rate}"
    return f"{own.own_price_name}, {text}" if own.own_price_name else text


def _always_on(price_id: str, usd_per_s: float, today: date) -> Quoted:
    """The offer whose always-on price it is, dated as that price is."""
    label, usd = "A worker that is always on", usd_per_s * 3600
    known = next((one for one in load_prices() if one.id == price_id), None)
    if known is None or known.active_usd_per_second != usd_per_s:
        return Quoted(label, usd, None, "")
    dated = replace(known, as_of=known.active_as_of, others=())
    return Quoted(label, usd, dated, dated.staleness(today))


def _quoted(label: str, price_id: str, usd: float, today: date) -> Quoted:
    """An offer that was named and whose price was changed after is no longer it."""
    known = next((one for one in load_prices() if one.id == price_id), None)
    if known is None or abs(known.usd_per_hour - usd) > SAME_USD * max(usd, 1):
        return Quoted(label, usd, None, "")
    return Quoted(label, usd, known, known.staleness(today))


def offers_of(kind: str) -> list[Price]:
    """Of the catalogue; serverless ones of one GPU, since a worker of a plan is one."""
    offers = [one for one in load_prices() if one.kind == kind]
    return [one for one in offers if kind == "provisioned" or one.num_gpus == 1]


def with_offer(
    values: dict[str, Any], price_id: str, *, is_whole: bool = False
) -> dict[str, Any]:
    """Fields of a plan with the price of that offer; raises BadSetting.

    An instance of several GPUs has a worker on each of them, or with ``is_whole`` one
    on all; more than one needs the autoscaler off.
    """
    found = price(price_id)
    if found.kind == "provisioned":
        replicas = 1 if is_whole else found.num_gpus
        return values | {
            "provisioned_price": found.id,
            "provisioned_usd_per_h": found.usd_per_hour,
            "replicas": replicas,
            **({"autoscaler": "off"} if replicas > 1 else {}),
        }
    return values | {
        "serverless_price": found.id,
        "serverless_usd_per_s": found.usd_per_second or found.usd_per_hour / 3600,
    }


def with_always_on(values: dict[str, Any], offer: Price) -> dict[str, Any] | None:
    """Fields with an offer's prices, that of always-on workers among them, and one of
    those at least; None where no such price is known."""
    if offer.active_usd_per_second is None:
        return None
    num_kept = max(int(values.get("min_workers", 0)), 1)
    return with_offer(values, offer.id) | {
        "active_usd_per_s": offer.active_usd_per_second,
        "min_workers": num_kept,
    }


def with_platform(values: dict[str, Any], platform_id: str) -> dict[str, Any]:
    """Fields with what a platform documents; what it does not stays as it is."""
    found = platform(platform_id)
    known: dict[str, Any] = {
        "platform": found.id,
        "idle_timeout_s": found.idle_timeout_s,
        "min_workers": found.min_workers,
        "max_workers": found.max_workers,
        "rounding_s": found.rounding_s,
    }
    if found.billed_phases:
        known["bills_cold_start"] = "yes" if "start" in found.billed_phases else "no"
        known["bills_idle"] = "yes" if "idle" in found.billed_phases else "no"
    if found.scaler and found.scaler.kind == "queue_delay":
        known |= {"scaler": "queue_delay", "queue_delay_s": found.scaler.value}
    changed = {name: value for name, value in known.items() if value is not None}
    if found.execution_timeout_s is not None:
        changed["execution_timeout_s"] = found.execution_timeout_s
    if values.get("mode") == "provisioned":
        changed["mode"] = "serverless"
    if platform_id in PRESETS:
        return with_offer(values | changed, PRESETS[platform_id])
    return values | changed


def preset_links(plan: Plan) -> list[tuple[Platform, str]]:
    """Each preset, and the query of this plan with it."""
    values = plan_mapping(plan)
    return [
        (one, urlencode(with_platform(values, one.id)))
        for one in load_platforms()
        if one.id in PRESETS
    ]


def unverified(plan: Plan) -> list[str]:
    """What no primary source says about the platform that the fields came from."""
    for one in load_platforms():
        if one.id == plan.serverless.platform:
            unknown = [name.replace("_", " ") for name in one.unknown]
            return [*one.unverified, *(f"{name} (not documented)" for name in unknown)]
    return []
