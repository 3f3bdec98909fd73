"""Ids of imported questions: readable in any script, and each given once."""

import re
from collections.abc import Iterable

from anyascii import anyascii

from quizzes.questions import MAX_NAME_CHARS

MAX_WANTED_CHARS = 60
"""Of a title or text; what is left is for the suffix."""


def slug(text: str) -> str:
    """``text`` in a-z, 0-9 and -: "Größe 1" is grosse-1, "Вопрос" is vopros."""
    latin = anyascii(text[: 4 * MAX_WANTED_CHARS]).casefold().replace("'", "")
    return re.sub(r"[^a-z0-9]+", "-", latin).strip("-")[:MAX_WANTED_CHARS].strip("-")


class Names:
    """Gives ids that nobody has yet."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        self._next: dict[str, int] = {}

    def give(self, *wanted: str) -> str:
        """An id of the first text that has letters; a second one ends in -2."""
        base = next(filter(None, map(slug, wanted)), "question")
        name = base
        while name in self._taken:
            self._next[base] = self._next.get(base, 1) + 1
            name = f"{base}-{self._next[base]}"
        assert len(name) <= MAX_NAME_CHARS
        self._taken.add(name)
        return name
