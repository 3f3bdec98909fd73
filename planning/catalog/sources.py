"""What stands beside every price: where it is from and how far it is to be believed."""

from collections.abc import Sized
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


def believed(
    row: Row, stated: Confidence, others: Sized, disputes: Sized
) -> Confidence:
    """The confidence of a row, which ends here, with what other tables say of it."""
    is_vendors_own = row.flag("is_vendors_own")
    row.finish()
    if disputes:
        return "disputed"
    if stated == "high" and not (is_vendors_own or others):
        reason = "high needs the vendor's own text, or others that agree."
        raise row.broken("confidence", reason)
    return stated


def read_address(row: Row) -> str:
    """ "" for null: the field stands in every row, so that none is left out unseen."""
    if not row.has("address"):
        raise row.broken("address", "is the source's address, or null.")
    address = row.text("address", "")
    if address and not address.startswith(("https://", "http://")):
        raise row.broken("address", f"begins with https://, not {address[:40]!r}.")
    return address
