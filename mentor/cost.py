"""What an answer would have cost on a rented card.

    dollars = the card's seconds (planning.service.answer_seconds) × dollars a second

The card and its price are the catalog's: the cheapest offer of one GPU billed by the
hour. Left out: the time in which the card is rented and idle, the machine around it,
the network, and that another engine would have had other requests in its steps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from planning.catalog.gpus import Gpu, gpu, load_gpus
from planning.catalog.prices import SECONDS_PER_HOUR
from planning.errors import BadSetting
from planning.memory.model_catalog import find_model
from planning.memory.ranking import Offer, cheapest_offer
from planning.service.answer_seconds import AnswerTokens, answer_seconds, roofline_of
from planning.service.roofline import Roofline


@dataclass(frozen=True)
class Rented:
    """One card and what it costs."""

    card: Gpu
    offer: Offer

    @property
    def usd_per_second(self) -> float:
        """Of the one card."""
        return self.offer.usd_per_hour / SECONDS_PER_HOUR

    def json(self) -> dict[str, Any]:
        """For the browser: the card, its price, and what is to be known of it."""
        price = self.offer.price
        offered = f"{price.provider}, {price.offer}, {price.as_of or 'undated'}"
        doubts = [self.offer.staleness]
        doubts += [
            f"Another table says ${one.usd_per_hour:,.2f} an hour."
            for one in price.disputes
        ]
        return {
            "id": self.card.id,
            "name": self.card.name,
            "price": f"${self.offer.usd_per_hour:,.2f} an hour, {offered}, "
            f"{price.confidence} confidence",
            "doubts": " ".join(filter(None, doubts)),
        }


@lru_cache(maxsize=2)
def rented_cards(today: date) -> tuple[Rented, ...]:
    """All cards that one can rent alone by the hour, the cheapest with a fresh price
    first: that is the one to begin with."""
    offers = [(card, cheapest_offer(card.id, 1, today)) for card in load_gpus()]
    known = [
        Rented(card, offer)
        for card, offer in offers
        if offer and offer.price.kind == "provisioned" and offer.price.num_gpus == 1
    ]
    is_doubtful = [bool(one.json()["doubts"]) for one in known]
    order = sorted(
        range(len(known)),
        key=lambda at: (is_doubtful[at], known[at].offer.usd_per_hour),
    )
    return tuple(known[at] for at in order)


def costs(report: Mapping[str, Any], today: date) -> dict[str, list[float]] | None:
    """US dollars by card, [lowest, likely, highest]; None where the model's shape is
    not known or no token was made."""
    tokens = AnswerTokens(
        report.get("num_prompt_tokens") or 0,
        report.get("num_cached_tokens") or 0,
        report.get("num_output_tokens") or 0,
        report.get("mean_running") or 1.0,
    )
    cards = rented_cards(today)
    lines = _lines(report.get("model") or "", tuple(one.card.id for one in cards))
    if lines is None or not (tokens.prompt and tokens.output):
        return None
    return {
        one.card.id: _usd(one, line, tokens)
        for one, line in zip(cards, lines, strict=True)
    }


def _usd(one: Rented, line: Roofline, tokens: AnswerTokens) -> list[float]:
    seconds = answer_seconds(line, one.card, tokens)
    found = (seconds.low, seconds.value, seconds.high)
    return [float(f"{each * one.usd_per_second:.3g}") for each in found]


@lru_cache(maxsize=8)
def _lines(model_name: str, card_ids: tuple[str, ...]) -> tuple[Roofline, ...] | None:
    """Of a model on each card: counting its tensors takes milliseconds."""
    try:
        model = find_model(model_name)
    except BadSetting:
        return None
    return tuple(roofline_of(model, gpu(card_id)) for card_id in card_ids)
