"""Imported questions as the bank will have them, by the bank's own check."""

from typing import Any

from quizzes.bank import Bank, checked_question
from quizzes.errors import BrokenQuestion
from quizzes.expressions import literal
from quizzes.formats.imported import Imported

_NAMES = frozenset({"id", "kind", "tags", "unit"})
"""Fields that are not texts with formulas."""


def for_bank(imported: Imported, bank: Bank, goal: str = "") -> list[dict[str, Any]]:
    """The bodies that ``loadquizzes`` accepts beside those of ``bank``; the others are
    moved to ``imported.refused``."""
    taken = []
    for body in imported.bodies:
        written = {
            name: value if name in _NAMES else _literal(value)
            for name, value in body.items()
        }
        if goal:
            written["goal"] = goal
        try:
            checked_question(written, bank)
        except BrokenQuestion as error:
            imported.refuse(imported.places[str(body["id"])], error.reason)
        else:
            taken.append(written)
    return taken


def _literal(value: Any) -> Any:
    if isinstance(value, str):
        return literal(value)
    if isinstance(value, list):
        return [_literal(one) for one in value]
    if isinstance(value, dict):
        return {name: _literal(one) for name, one in value.items()}
    return value
