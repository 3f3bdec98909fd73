"""What a field of a plan may hold, and how one is declared: see ``plan``."""

from dataclasses import dataclass, field
from typing import Any

MAX_WORKERS = 10_000


@dataclass(frozen=True)
class Limit:
    """What a field may hold: ``low`` to ``high``, or one of ``choices``."""

    label: str
    unit: str = ""
    low: float = 0.0
    high: float = 0.0
    choices: tuple[str, ...] = ()
    is_whole: bool = False
    is_optional: bool = False
    """Left empty it is None: no such limit."""
    is_text: bool = False
    help: str = ""
    kind: str = ""
    """measured, published, derived or estimated: what the default is."""


def number(
    default: float | None,
    label: str,
    unit: str,
    low: float,
    high: float,
    help: str = "",
) -> Any:
    """A field of a plan that is a number; without a default it may be empty."""
    limit = Limit(label, unit, low, high, is_optional=default is None, help=help)
    return field(default=default, metadata={"limit": limit})


def whole(
    default: int, label: str, unit: str, low: int, high: int, help: str = ""
) -> Any:
    """A whole number."""
    limit = Limit(label, unit, low, high, is_whole=True, help=help)
    return field(default=default, metadata={"limit": limit})


def choice(label: str, *choices: str, help: str = "") -> Any:
    """One of some words, the first by default."""
    limit = Limit(label, choices=choices, help=help)
    return field(default=choices[0], metadata={"limit": limit})


def text(label: str, longest: int, help: str = "", default: str = "") -> Any:
    """At most so many letters on one line."""
    limit = Limit(label, high=longest, is_text=True, help=help)
    return field(default=default, metadata={"limit": limit})
