"""What renting GPUs costs: offers with source, date and confidence.

``catalog/prices.yaml`` is the data, free to be edited. An offer is billed either by
the hour while it runs (provisioned) or by the second of use (serverless).
"""

from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, cast

from planning.catalog.as_of import AsOf, read_as_of, staleness
from planning.catalog.rows import CATALOG, Row, entry_of, read_catalog, read_entries
from planning.catalog.sources import Confidence, agree, believed, read_address

PriceKind = Literal["provisioned", "serverless"]

SECONDS_PER_HOUR = 3600
MAX_USD_PER_HOUR = 10_000


@dataclass(frozen=True)
class Quote:
    """What one more table says an offer costs."""

    usd_per_hour: float
    as_of: AsOf | None
    source: str
    address: str
    """Of the table; "" where it was not kept."""


@dataclass(frozen=True)
class Price:
    """One offer. US dollars for the whole offer, all its ``num_gpus`` together."""

    id: str
    provider: str
    offer: str
    gpu_id: str
    num_gpus: int
    kind: PriceKind
    usd_per_hour: float
    as_of: AsOf | None
    """None: the source has no date."""
    source: str
    confidence: Confidence
    region: str = ""
    """"": no source states it."""
    address: str = ""
    """Of the source; "" where it was not kept."""
    others: tuple[Quote, ...] = ()
    """What other tables say of the same offer, whether they agree or not."""
    note: str = ""
    is_machine: bool = False
    """Whether the GPUs are those of one machine: two offers are two machines."""
    usd_per_second: float | None = None
    """What the vendor quotes where it bills seconds; the hour is derived then."""
    active_usd_per_second: float | None = None
    """Of a worker that is always on; None: no such price is known."""
    active_as_of: AsOf | None = None
    """The last date of that price."""

    @property
    def usd_per_gpu_hour(self) -> float:
        """US dollars an hour for one GPU of the offer (derived for several)."""
        return self.usd_per_hour / self.num_gpus

    @property
    def figure(self) -> Literal["published", "derived"]:
        """derived: usd_per_hour = 3600 x the published price of a second."""
        return "published" if self.usd_per_second is None else "derived"

    @property
    def disputes(self) -> tuple[Quote, ...]:
        """Tables that say otherwise."""
        own = self.usd_per_hour
        return tuple(one for one in self.others if not agree(own, one.usd_per_hour))

    def is_stale(self, today: date) -> bool:
        """Undated, or possibly over 180 days old (a bare year: since 1 January)."""
        return bool(self.staleness(today))

    def staleness(self, today: date) -> str:
        """The sentence that says so; "" when the price is fresh."""
        return staleness(self.as_of, today)


@lru_cache(maxsize=4)
def load_prices(path: Path = CATALOG / "prices.yaml") -> tuple[Price, ...]:
    """All offers in the file's order; raises BrokenCatalog with line and reason."""
    return read_entries(read_catalog(path), "groups", _group, "price")


def price(price_id: str) -> Price:
    """The offer of that id; raises BadSetting with the ids there are."""
    return entry_of(load_prices(), price_id, "price", "price")


def _group(group: Row) -> list[Price]:
    """The offers of one price list; what a row leaves out, its group says."""
    shared = {
        "kind": cast(PriceKind, group.choice("kind", ("provisioned", "serverless"))),
        "provider": group.text("provider"),
    }
    offer, note = group.text("offer"), group.text("note", "")
    region = group.text("region", "")
    return [_price(row, shared, offer, note, region) for row in group.rows("prices")]


def _price(
    row: Row, shared: dict[str, Any], offer: str, note: str, region: str
) -> Price:
    per_second, per_hour = _amounts(row)
    notes = [text for text in (row.text("note", ""), note) if text]
    stated = row.choice("confidence", ("high", "medium", "low"))
    found = Price(
        **shared,
        id=row.text("id"),
        offer=f"{row.text('instance')}, {offer}" if row.has("instance") else offer,
        gpu_id=row.text("gpu"),
        num_gpus=row.optional_whole("num_gpus", 1, 1024) or 1,
        usd_per_hour=per_hour,
        as_of=read_as_of(row),
        source=row.text("source"),
        address=read_address(row),
        confidence=cast(Confidence, stated),
        region=row.text("region", region),
        others=_others(row),
        note=" ".join(notes),
        is_machine=row.has("instance"),
        usd_per_second=per_second,
        active_usd_per_second=row.optional_number("active_usd_per_second", 0, 3),
        active_as_of=read_as_of(row, "active_as_of"),
    )
    confidence = believed(row, found.confidence, found.others, found.disputes)
    return replace(found, confidence=confidence)


def _others(row: Row) -> tuple[Quote, ...]:
    if not row.has("others"):
        return ()
    found = []
    for one in row.rows("others"):
        _, usd = _amounts(one)
        quote = Quote(usd, read_as_of(one), one.text("source"), read_address(one))
        one.finish()
        found.append(quote)
    return tuple(found)


def _amounts(row: Row) -> tuple[float | None, float]:
    per_hour = row.optional_number("usd_per_hour", 0, MAX_USD_PER_HOUR)
    most = MAX_USD_PER_HOUR / SECONDS_PER_HOUR
    per_second = row.optional_number("usd_per_second", 0, most)
    if per_second is not None and per_hour is None:
        return per_second, per_second * SECONDS_PER_HOUR
    if per_hour is None or per_second is not None:
        reason = "give either usd_per_hour or usd_per_second."
        raise row.broken("usd_per_hour", reason)
    return None, per_hour
