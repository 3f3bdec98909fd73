"""What renting GPUs costs: offers with source, date and confidence.

``catalog/prices.yaml`` is the data, free to be edited. An offer is billed either by
the hour while it runs (provisioned) or by the second of use (serverless).
"""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Literal, cast

from planning.catalog.as_of import AsOf, read_as_of, staleness
from planning.catalog.rows import CATALOG, Row, entry_of, read_catalog, read_entries

PriceKind = Literal["provisioned", "serverless"]
Confidence = Literal["high", "medium", "low"]
"""high: the vendor's own text, or two independent tables that agree · medium: one
dated transcription of the vendor's page · low: undated, recalled or conflicting."""

SECONDS_PER_HOUR = 3600
MAX_USD_PER_HOUR = 10_000


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
    note: str = ""
    is_machine: bool = False
    """Whether the GPUs are those of one machine: two offers are two machines."""
    usd_per_second: float | None = None
    """What the vendor quotes where it bills seconds; the hour is derived then."""

    @property
    def usd_per_gpu_hour(self) -> float:
        """US dollars an hour for one GPU of the offer (derived for several)."""
        return self.usd_per_hour / self.num_gpus

    @property
    def figure(self) -> Literal["published", "derived"]:
        """derived: usd_per_hour = 3600 x the published price of a second."""
        return "published" if self.usd_per_second is None else "derived"

    def is_stale(self, today: date) -> bool:
        """Undated, or possibly over 90 days old (a bare year: since 1 January)."""
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
    kind = cast(PriceKind, group.choice("kind", ("provisioned", "serverless")))
    provider, offer = group.text("provider"), group.text("offer")
    note = group.text("note", "")
    return [_price(row, kind, provider, offer, note) for row in group.rows("prices")]


def _price(row: Row, kind: PriceKind, provider: str, offer: str, note: str) -> Price:
    per_second, per_hour = _amounts(row)
    notes = [text for text in (row.text("note", ""), note) if text]
    found = Price(
        id=row.text("id"),
        provider=provider,
        offer=f"{row.text('instance')}, {offer}" if row.has("instance") else offer,
        gpu_id=row.text("gpu"),
        num_gpus=row.optional_whole("num_gpus", 1, 1024) or 1,
        kind=kind,
        usd_per_hour=per_hour,
        as_of=read_as_of(row),
        source=row.text("source"),
        confidence=cast(
            Confidence, row.choice("confidence", ("high", "medium", "low"))
        ),
        note=" ".join(notes),
        is_machine=row.has("instance"),
        usd_per_second=per_second,
    )
    row.finish()
    return found


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
