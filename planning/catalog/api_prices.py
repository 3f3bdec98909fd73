"""What hosted APIs charge for open models: US dollars per million tokens.

``catalog/api_prices.yaml`` is the data, free to be edited. A prompt's tokens that the
vendor finds in its prefix cache have a price of their own where the vendor quotes one;
else they cost as the others do.
"""

from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import cast

from planning.catalog.as_of import AsOf, read_as_of, staleness
from planning.catalog.rows import CATALOG, Row, entry_of, read_catalog, read_entries
from planning.catalog.sources import Confidence, agree, believed, read_address

MAX_USD_PER_MILLION = 1_000


@dataclass(frozen=True)
class TokenPrice:
    """US dollars per million tokens."""

    usd_per_m_input: float
    usd_per_m_output: float
    usd_per_m_cached: float | None = None
    """None: no price of its own, billed as the rest of the prompt."""

    def usd_of(self, inputs: float, cached: float, outputs: float) -> float:
        """What so many tokens cost; ``cached`` of the ``inputs`` came from a cache."""
        cached_usd = self.usd_per_m_cached
        if cached_usd is None:
            cached_usd = self.usd_per_m_input
        usd = (inputs - cached) * self.usd_per_m_input + cached * cached_usd
        return (usd + outputs * self.usd_per_m_output) / 1e6

    def agrees_with(self, other: "TokenPrice") -> bool:
        """Whether both say the same, as far as both say it."""
        mine, theirs = self.usd_per_m_cached, other.usd_per_m_cached
        is_same_cached = mine is None or theirs is None or agree(mine, theirs)
        return (
            agree(self.usd_per_m_input, other.usd_per_m_input)
            and agree(self.usd_per_m_output, other.usd_per_m_output)
            and is_same_cached
        )


@dataclass(frozen=True)
class TokenQuote:
    """What one more table says an offer costs."""

    price: TokenPrice
    as_of: AsOf | None
    source: str
    address: str


@dataclass(frozen=True)
class ApiOffer:
    """One model at one vendor."""

    id: str
    provider: str
    model: str
    """In the vendor's own words."""
    price: TokenPrice
    as_of: AsOf | None
    """None: the source has no date."""
    source: str
    address: str
    """Of the source; "" where it was not kept."""
    confidence: Confidence
    region: str = ""
    """ "": no source states it."""
    others: tuple[TokenQuote, ...] = ()
    """What other tables say of the same offer, whether they agree or not."""
    note: str = ""

    @property
    def disputes(self) -> tuple[TokenQuote, ...]:
        """Tables that say otherwise."""
        return tuple(o for o in self.others if not self.price.agrees_with(o.price))

    def staleness(self, today: date) -> str:
        """The sentence that says that it is old or undated; "" when it is fresh."""
        return staleness(self.as_of, today)


@lru_cache(maxsize=4)
def load_api_offers(path: Path = CATALOG / "api_prices.yaml") -> tuple[ApiOffer, ...]:
    """All offers in the file's order; raises BrokenCatalog with line and reason."""
    return read_entries(read_catalog(path), "vendors", _vendor, "API offer")


def api_offer(offer_id: str) -> ApiOffer:
    """The offer of that id; raises BadSetting with the ids there are."""
    return entry_of(load_api_offers(), offer_id, "api_price", "API offer")


def _vendor(vendor: Row) -> list[ApiOffer]:
    provider, region = vendor.text("provider"), vendor.text("region", "")
    note = vendor.text("note", "")
    return [_offer(row, provider, region, note) for row in vendor.rows("models")]


def _offer(row: Row, provider: str, region: str, note: str) -> ApiOffer:
    stated = row.choice("confidence", ("high", "medium", "low"))
    notes = [text for text in (row.text("note", ""), note) if text]
    found = ApiOffer(
        id=row.text("id"),
        provider=provider,
        model=row.text("model"),
        price=_price(row),
        as_of=read_as_of(row),
        source=row.text("source"),
        address=read_address(row),
        confidence=cast(Confidence, stated),
        region=row.text("region", region),
        others=_others(row),
        note=" ".join(notes),
    )
    confidence = believed(row, found.confidence, found.others, found.disputes)
    return replace(found, confidence=confidence)


def _price(row: Row) -> TokenPrice:
    return TokenPrice(
        row.number("input", 0, MAX_USD_PER_MILLION),
        row.number("output", 0, MAX_USD_PER_MILLION),
        row.optional_number("cached", 0, MAX_USD_PER_MILLION),
    )


def _others(row: Row) -> tuple[TokenQuote, ...]:
    if not row.has("others"):
        return ()
    found = []
    for one in row.rows("others"):
        price = _price(one)
        quote = TokenQuote(
            price, read_as_of(one), one.text("source"), read_address(one)
        )
        one.finish()
        found.append(quote)
    return tuple(found)
