"""A Hugging Face config.json from a stranger: bounded, and told field by field.

``read_config`` makes a mapping of the text, ``Fields`` reads numbers out of it within
limits. What they mean is in planning.memory.architecture.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

from planning.errors import BadConfig

MAX_BYTES = 256 * 1024
"""A config.json has a few kilobytes; those with a list a layer some tens."""
MAX_DEPTH = 16
WHOLE = "config.json"
"""The field's name where the whole file is wrong."""
_MAX_SHOWN = 60
_KINDS = {list: "an array", str: "a text", bool: "true or false", type(None): "null"}


def read_config(raw: bytes | str) -> dict[str, Any]:
    """The file's mapping; raises BadConfig. Reads nothing over 256 KiB or 16 deep."""
    data = raw.encode() if isinstance(raw, str) else raw
    if len(data) > MAX_BYTES:
        reason = f"has {len(data):,} bytes: at most {MAX_BYTES:,} are read."
        raise BadConfig(WHOLE, reason)
    if not data.strip():
        raise BadConfig(WHOLE, "is empty: paste the file of a model, or choose one.")
    _check_depth(data)
    try:
        config = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_once)
    except UnicodeDecodeError as error:
        raise BadConfig(WHOLE, f"is not UTF-8 ({error.reason}).") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise BadConfig(WHOLE, f"is not JSON: {error.msg} at {place}.") from error
    except ValueError as error:
        raise BadConfig(WHOLE, f"has a number that is too long ({error}).") from error
    if not isinstance(config, dict):
        kind = _KINDS.get(type(config), "a number")
        raise BadConfig(WHOLE, f"is a JSON object of fields, not {kind}.")
    return config


def _check_depth(data: bytes) -> None:
    """Counts brackets, those within texts too: a bound, not a parser."""
    depth = 0
    for byte in data:
        if byte in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise BadConfig(WHOLE, f"is nested deeper than {MAX_DEPTH} levels.")
        elif byte in b"]}":
            depth -= 1


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are all different: of two, no one knows which counts."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadConfig(WHOLE, f"has the field {shown(twice)} twice in one object.")
    return found


def shown(value: object) -> str:
    """A bad value for a sentence, shortened."""
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits
        text = "a number of thousands of digits"
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


class Fields:
    """Numbers and switches of a config, by the first of several names that is there."""

    def __init__(self, config: Mapping[str, Any], prefix: str = "") -> None:
        self.config, self.prefix = config, prefix

    def find(self, *names: str) -> tuple[str, Any]:
        """The first name whose value is not null, and the value; else null."""
        for name in names:
            if self.config.get(name) is not None:
                return name, self.config[name]
        return names[0], None

    def whole(self, *names: str, most: int, least: int = 1) -> int:
        """A required whole number within the limits."""
        found = self.optional(*names, most=most, least=least)
        if found is None:
            limits = f"a whole number from {least:,} to {most:,} is required"
            raise BadConfig(self.prefix + names[0], f"is missing: {limits}.")
        return found

    def optional(
        self, *names: str, most: int, least: int = 1, is_list_passed: bool = False
    ) -> int | None:
        """A whole number within the limits; None where it is absent or null."""
        name, value = self.find(*names)
        if value is None or (is_list_passed and isinstance(value, list)):
            return None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        is_whole = is_number and math.isfinite(value) and value == int(value)
        if not is_whole or not least <= value <= most:
            reason = (
                f"is a whole number from {least:,} to {most:,}, not {shown(value)}."
            )
            raise BadConfig(self.prefix + name, reason)
        return int(value)

    def whole_list(self, name: str, number: int, most: int) -> tuple[int, ...]:
        """Whole numbers from 0, one a layer; empty where it is no list."""
        value = self.config.get(name)
        if not isinstance(value, list):
            return ()
        if len(value) != number:
            reason = f"has {len(value)} values for {number} layers."
            raise BadConfig(self.prefix + name, reason)
        return tuple(
            Fields({name: one}, self.prefix).whole(name, most=most, least=0)
            for one in value
        )

    def share(self, *names: str, default: float) -> float:
        """A number over 0 and up to 1."""
        name, value = self.find(*names)
        if value is None:
            return default
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 < value <= 1:
            reason = f"is a number over 0 and up to 1, not {shown(value)}."
            raise BadConfig(self.prefix + name, reason)
        return float(value)

    def flag(self, *names: str, default: bool) -> bool:
        """True or false."""
        name, value = self.find(*names)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise BadConfig(
                self.prefix + name, f"is true or false, not {shown(value)}."
            )
        return value

    def text(self, *names: str, default: str = "", most: int = 100) -> str:
        """A text of at most so many characters."""
        name, value = self.find(*names)
        if value is None:
            return default
        if not isinstance(value, str) or len(value) > most:
            reason = f"is a text of at most {most:,} characters, not {shown(value)}."
            raise BadConfig(self.prefix + name, reason)
        return value

    def part(self, *names: str) -> "Fields | None":
        """A nested object; None where it is absent or null."""
        name, value = self.find(*names)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise BadConfig(self.prefix + name, f"is an object, not {shown(value)}.")
        return Fields(value, f"{self.prefix}{name}.")
