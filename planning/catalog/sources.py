"""What stands beside every price: where it is from and how far it is to be believed."""

from typing import Literal

from planning.catalog.rows import Row

Confidence = Literal["high", "medium", "low", "disputed"]
"""high: the vendor's own text, or two independent tables that agree · medium: one
dated transcription of the vendor's page · low: undated or recalled · disputed: another
table says otherwise, whatever else speaks for it."""
SAME_SHARE = 0.005
"""Two tables agree within it: some round to a cent."""


def agree(one_usd: float, other_usd: float) -> bool:
    """Whether two tables say the same."""
    return abs(other_usd - one_usd) <= SAME_SHARE * one_usd


def read_address(row: Row) -> str:
    """ "" for null: the field stands in every row, so that none is left out unseen."""
    if not row.has("address"):
        raise row.broken("address", "is the source's address, or null.")
    address = row.text("address", "")
    if address and not address.startswith(("https://", "http://")):
        raise row.broken("address", f"begins with https://, not {address[:40]!r}.")
    return address
