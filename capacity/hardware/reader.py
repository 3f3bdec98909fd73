"""Texts of a query as values of the form, and what is wrong with them."""

import math
from collections.abc import Mapping
from typing import Any

from planning.memory.compact import MAX_CHARS
from planning.written_numbers import plain_number

_MAX_TEXT = 60


class Reader:
    """Reads texts of a query and keeps what is wrong with them."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values
        self.faults: dict[str, str] = {}

    def text(self, name: str, default: str) -> str:
        value = str(self.values.get(name, "")).strip()
        if len(value) > _MAX_TEXT:
            self.faults[name] = f"has at most {_MAX_TEXT} characters."
            return default
        return value or default

    def config(self) -> str:
        value = str(self.values.get("config", ""))
        if len(value) > MAX_CHARS:
            self.faults["config"] = (
                f"has at most {MAX_CHARS:,} characters in a link: upload the file."
            )
            return ""
        return value

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        value = self.text(name, allowed[0])
        if value not in allowed:
            listed = ", ".join(allowed)
            self.faults[name] = f"is one of {listed}, not {value!r}."
            return allowed[0]
        return value

    def whole(self, name: str, most: int) -> int | None:
        value = plain_number(self.text(name, ""))
        if not value:
            return None
        if not value.isdecimal() or len(value) > 18 or not 1 <= int(value) <= most:
            reason = f"is a whole number from 1 to {most:,}, not {value!r}."
            self.faults[name] = reason
            return None
        return int(value)

    def count(self, name: str, word: str, most: int) -> str:
        """A whole number, or the word that leaves it open."""
        if self.text(name, word) == word:
            return word
        number = self.whole(name, most)
        return word if number is None else str(number)

    def share(self, name: str, default: float) -> float:
        """A number over 0 and up to 1."""
        value = plain_number(self.text(name, str(default)))
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not 0 < number <= 1:
            self.faults[name] = f"is a number over 0 and up to 1, not {value!r}."
            return default
        return number
