"""Fences of Markdown around questions: chat programs and READMEs put files between
them. Those lines are no part of a question, and go; fences within a text stay."""

import re
from collections.abc import Callable

_FENCE = re.compile(r"\s{0,3}(`{3,9}|~{3,9})\s{0,9}([\w-]{0,20})\s*+")
_NAMES = frozenset({"gift", "aiken"})
"""Of what is fenced: then these are questions, whatever is in them."""


def without_fences(text: str, has_questions: Callable[[str], bool]) -> str:
    """``text`` with the lines of fences around questions empty, so that lines keep
    their numbers. One at the end may lack its pair."""
    rows = text.split("\n")
    at = 0
    while at < len(rows):
        begins = _FENCE.fullmatch(rows[at])
        if not begins:
            at += 1
            continue
        mark, name = begins[1], begins[2].lower()
        end = next(
            (i for i in range(at + 1, len(rows)) if _is_end(rows[i], mark)), len(rows)
        )
        is_first = at == 0 or not rows[at - 1].strip()
        inner = "\n".join(rows[at + 1 : end])
        if name in _NAMES or (is_first and has_questions(inner)):
            for i in (at, end):
                if i < len(rows):
                    rows[i] = ""
        at = end + 1
    return "\n".join(rows)


def _is_end(row: str, mark: str) -> bool:
    ends = _FENCE.fullmatch(row)
    return ends is not None and ends[1].startswith(mark) and not ends[2]
