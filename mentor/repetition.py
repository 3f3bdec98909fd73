"""What a small model repeats of itself and of its prompt, taken off an answer. Pure."""

import re
from collections.abc import Iterable


def without_echo(text: str) -> str:
    """``text`` without its last passage where the passage before it is the same.

    The engine ends an answer when some tokens come twice in a row, so the text ends in
    a passage and its copy; the longest such pair is taken.
    """
    stripped = text.rstrip()
    for length in range(len(stripped) // 2, 0, -1):
        start = len(stripped) - length
        if stripped[start - length : start] == stripped[start:]:
            return stripped[:start].rstrip()
    return text


def without_reprint(text: str, titles: Iterable[str]) -> str:
    """``text`` up to where a later paragraph begins as a passage of the prompt does,
    with one of the ``titles`` and a colon: from there the model copies its prompt."""
    names = "|".join(re.escape(title) for title in titles if title)
    found = re.search(rf"\n[^\S\n]*+\n(?:{names}): ", text) if names else None
    return text[: found.start()].rstrip() if found else text
