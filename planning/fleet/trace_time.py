"""When a request of a trace came: a date with a clock time, or a number.

All times of a file are read in one way, that of its first row. Dates with a zone are
turned into UTC; without one they are taken as of one zone, for differences alone count.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

_NUMBER = re.compile(r"[+-]?\d{1,25}(?:\.\d{0,30})?(?:[eE][+-]?\d{1,2})?", re.ASCII)
_CLOCK = re.compile(
    r"(\d{4}-\d\d-\d\d)[ T](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,12}))?)?"
    r"\s*(Z|z|UTC|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII,
)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
UNIT_NAMES = {
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
}
_SINCE_1970 = ((1e17, "ns"), (1e14, "us"), (1e11, "ms"))
"""From about 1973 on, a time since 1970 is above these in its unit: seconds of such a
size would be thousands of years."""
MAX_SECONDS = 1e12


class TraceClock:
    """Reads the times of one file. ``unit``: of numbers, where format or header say."""

    def __init__(self, unit: str = "", unit_from: str = "") -> None:
        self._unit, self._unit_from = unit, unit_from
        self._is_clock: bool | None = None
        self._zones: dict[str, timezone | None] = {}

    def seconds(self, text: str) -> float | None:
        """Seconds since some moment, the same for all rows; None: not a time here."""
        found = _CLOCK.fullmatch(text)
        if self._is_clock is None:
            self._is_clock = found is not None
        if self._is_clock:
            return self._clock_seconds(found) if found else None
        return self._number_seconds(text)

    @property
    def wanted(self) -> str:
        """What a time of this file has to be, for a sentence."""
        if self._zones:
            some = "with a zone" if self._has_zone else "without a zone"
            return f"a date and time {some}, as in the rows before"
        if self._is_clock is False and self._unit:
            return f"a number of {UNIT_NAMES[self._unit]}"
        return "a date and time such as 2023-11-16 18:17:03.97, or seconds"

    @property
    def unit(self) -> str:
        """In words: a date, or the unit of the numbers and who says so."""
        if self._is_clock:
            return "date and time"
        return f"{UNIT_NAMES[self._unit or 's']} ({self._unit_from})"

    @property
    def zone(self) -> str:
        """In words: the zones that were read; "" for numbers."""
        if not self._is_clock:
            return ""
        if not self._has_zone:
            return "none stated: all taken as of one zone"
        named = ", ".join(sorted(self._zones)[:4])
        if len(self._zones) == 1:
            return f"{named} in all rows"
        more = ", …" if len(self._zones) > 4 else ""
        return f"{len(self._zones)} zones ({named}{more}), turned into UTC"

    @property
    def _has_zone(self) -> bool:
        return "" not in self._zones

    def _clock_seconds(self, found: re.Match[str]) -> float | None:
        """Fractions are added by hand: Azure writes seven digits, datetime has six."""
        day, hours, minutes, seconds, fraction, zone = found.groups()
        name = zone or ""
        if self._zones and (not name) == self._has_zone:
            return None
        try:
            if name not in self._zones:
                self._zones[name] = _zone(name)
            moment = datetime.fromisoformat(
                f"{day}T{hours}:{minutes}:{seconds or 0:0>2}"
            )
        except ValueError:
            return None
        whole = moment.replace(tzinfo=self._zones[name] or UTC) - _EPOCH
        return whole.total_seconds() + float(f"0.{fraction or 0}")

    def _number_seconds(self, text: str) -> float | None:
        if not _NUMBER.fullmatch(text):
            return None
        number = float(text)
        if not self._unit:
            found = (unit for least, unit in _SINCE_1970 if abs(number) >= least)
            self._unit = next(found, "s")
            is_large = self._unit != "s"
            self._unit_from = "by their size, since 1970" if is_large else "assumed"
        seconds = number * SECONDS[self._unit]
        return seconds if abs(seconds) < MAX_SECONDS else None


def _zone(name: str) -> timezone | None:
    """None for no zone; raises ValueError for one beyond a day."""
    if not name:
        return None
    if name[0] not in "+-":
        return UTC
    digits = name[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if minutes > 59:
        raise ValueError(f"{minutes} minutes")
    ahead = timedelta(hours=hours, minutes=minutes)
    return timezone(-ahead if name[0] == "-" else ahead)
