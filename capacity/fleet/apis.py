"""The same month at hosted APIs: what each asks for the tokens of a plan."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from planning.catalog.api_prices import ApiOffer, TokenPrice, load_api_offers
from planning.fleet.plan import Plan
from planning.fleet.results import Result


@dataclass(frozen=True)
class MonthAtApi:
    """One offer, its bill [US dollars], and the link of the plan beside it."""

    offer: ApiOffer
    usd: float
    times: float | None
    """Of this plan's bill; None where that is nothing."""
    staleness: str
    fields: dict[str, Any]


def months_at_apis(result: Result, today: date) -> list[MonthAtApi]:
    """Every offer of the catalogue, the cheapest first."""
    months = [_month(result, one, today) for one in load_api_offers()]
    return sorted(months, key=lambda one: one.usd)


def _month(result: Result, offer: ApiOffer, today: date) -> MonthAtApi:
    usd = offer.price.usd_of(
        result.input_tokens.mean, result.cached_tokens.mean, result.output_tokens.mean
    )
    own_usd = result.cost_usd.mean
    times = usd / own_usd if own_usd > 0 else None
    return MonthAtApi(offer, usd, times, offer.staleness(today), fields_of(offer))


def fields_of(offer: ApiOffer) -> dict[str, Any]:
    """As fields of a plan."""
    return {
        "api_price": offer.id,
        "api_usd_per_m_input": offer.price.usd_per_m_input,
        "api_usd_per_m_cached": offer.price.usd_per_m_cached,
        "api_usd_per_m_output": offer.price.usd_per_m_output,
    }


def chosen(plan: Plan, today: date) -> dict[str, Any]:
    """The API that the plan is compared with: an offer, or prices typed in."""
    prices = plan.prices
    price = TokenPrice(
        prices.api_usd_per_m_input,
        prices.api_usd_per_m_output,
        prices.api_usd_per_m_cached,
    )
    offers = (one for one in load_api_offers() if one.id == prices.api_price)
    offer = next((one for one in offers if one.price == price), None)
    return {
        "price": price,
        "offer": offer,
        "staleness": offer.staleness(today) if offer else "",
    }
