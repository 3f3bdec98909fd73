"""Names of the fields of a question's form, and how one is read. Pure.

Templates get whole names from here through presentation; nobody else builds one.
"""

from collections.abc import Mapping, Sequence

Submitted = Mapping[str, Sequence[str]]
"""A form's fields; each with all its values."""

CHOICE = "choice"
"""The letters of the chosen options."""
NUMBER = "value"
TEXT = "text"


def place(item: str) -> str:
    """The field of an item's place, from 1."""
    return f"place-{item}"


def match(left: str) -> str:
    """The field of a line's partner."""
    return f"match-{left}"


def ask(name: str) -> str:
    """The field of a predicted number."""
    return f"ask-{name}"


def only(submitted: Submitted, field: str) -> str | None:
    """The one value of a field; None if there is none, or more than one."""
    values = submitted.get(field, ())
    return values[0] if len(values) == 1 else None


def first(submitted: Submitted, field: str) -> str:
    """The first value of a field, "" without one."""
    values = submitted.get(field, ())
    return values[0] if values else ""
