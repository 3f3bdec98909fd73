"""The date of a fact: a day, a month or only a year, as exact as its source."""

import re
from dataclasses import dataclass
from datetime import date

from planning.catalog.rows import Row

STALE_AFTER_DAYS = 180
"""A price this old is shown as stale (see Price.is_stale)."""

_TEXT = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?")


@dataclass(frozen=True)
class AsOf:
    """``str()`` gives it as the source has it: 2026-11-09, 2026-09 or 2026."""

    text: str
    earliest: date
    """The first day that the text can mean."""

    def __str__(self) -> str:
        return self.text

    @property
    def is_a_day(self) -> bool:
        """Whether the source names the day."""
        return len(self.text) == len("2026-11-09")

    def days_old(self, today: date) -> int:
        """Days since the earliest day it can mean: it may be as old as that."""
        return max(0, (today - self.earliest).days)


def as_of_from(value: object) -> AsOf | None:
    """From what YAML read: a date, a year, a text or null; raises ValueError."""
    if value is None:
        return None
    text = value.isoformat() if isinstance(value, date) else str(value)
    match = _TEXT.fullmatch(text)
    if not match:
        raise ValueError(f"is a day, a month or a year such as 2026-09, not {text!r}.")
    year, month, day = (int(part) if part else 1 for part in match.groups())
    return AsOf(text, date(year, month, day))


def read_as_of(row: Row, name: str = "as_of") -> AsOf | None:
    """The row's date; null or absent is an undated one."""
    try:
        return as_of_from(row.value(name))
    except ValueError as error:
        raise row.broken(name, str(error)) from error


def staleness(as_of: AsOf | None, today: date) -> str:
    """A sentence when a fact of that date is stale today; "" when it is not."""
    if as_of is None:
        return "This price is undated: check it before you rely on it."
    days = as_of.days_old(today)
    if days <= STALE_AFTER_DAYS:
        return ""
    if as_of.is_a_day:
        return f"This price is {days} days old: check it before you rely on it."
    return (
        f"This price is dated {as_of} only and may be {days} days old: "
        "check it before you rely on it."
    )
