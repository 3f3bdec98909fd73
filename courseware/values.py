"""``{value CLAIM KEY}``: a figure of a claim, printed where a text needs the number.

A third word is a format of Python, ``{value kv-8b gib ,.1f}``. The role works in the
prose, in the glossary, in the data of figures and in the questions of quizzes, and
counts as the claim of its sentence.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from markdown_it.rules_inline import StateInline

from courseware.claims import MARK, Claim, read_claims
from courseware.computed.shown import Value, show

_OPENS = r"(?:(?<!\{)|(?!\{value[^{}]*\}\}))\{value "
"""Not within doubled braces, which stand for themselves: "{{value a b}}"."""
ROLE = re.compile(_OPENS + r"([a-z0-9-]+) ([a-z][a-z0-9_]*)(?: ([^{} \n]+))?\}")
_UNREAD = re.compile(_OPENS)


class NoValue(Exception):
    """A value that cannot be printed; the message says which and why."""


def figure_of(claims: Mapping[str, Claim], claim_id: str, key: str) -> Value:
    """The figure itself; raises NoValue."""
    if claim_id not in claims:
        raise NoValue(f"there is no claim {claim_id!r}, or two chapters have it")
    figures = claims[claim_id].figures
    if key not in figures:
        known = ", ".join(figures) or "none"
        raise NoValue(f"claim {claim_id!r} has no figure {key!r}: known are {known}")
    return figures[key]


def value_in_words(claims: Mapping[str, Claim], match: re.Match[str]) -> str:
    """What the role that matched prints; raises NoValue."""
    claim_id, key, spec = match.groups()
    try:
        return show(figure_of(claims, claim_id, key), spec or "")
    except ValueError as error:
        raise NoValue(f"the figure {key!r} of {claim_id!r}: {error}") from error


def fill(text: str, claims: Callable[[], Mapping[str, Claim]]) -> str:
    """``text`` with its roles filled; ``claims`` is asked only where there are any."""
    if "{value " not in text:
        return text
    known = claims()
    filled = ROLE.sub(lambda match: value_in_words(known, match), text)
    if unread := _UNREAD.search(filled):
        rest = filled[unread.start() :][:60]
        raise NoValue(f"this is not {{value CLAIM KEY FORMAT}}: {rest!r}")
    return filled


def fill_all(value: Any, claims: Callable[[], Mapping[str, Claim]]) -> Any:
    """The same in all texts of lists and mappings; ``{claim: ID, key: KEY}`` becomes
    the figure itself."""
    if isinstance(value, str):
        return fill(value, claims)
    if isinstance(value, list):
        return [fill_all(one, claims) for one in value]
    if isinstance(value, dict):
        if set(value) == {"claim", "key"}:
            return figure_of(claims(), str(value["claim"]), str(value["key"]))
        return {key: fill_all(one, claims) for key, one in value.items()}
    return value


def parse_value(state: StateInline, silent: bool) -> bool:
    """A rule of markdown-it: the number becomes text of its sentence, behind a MARK."""
    match = ROLE.match(state.src, state.pos)
    page = state.env.get("page")
    if match is None or page is None:
        return False
    if not silent:
        state.pending += MARK + page.value(match)
    state.pos = match.end()
    return True


def read_all_claims(directory: Path) -> dict[str, Claim]:
    """The claims of all chapters of a directory, less the ids that two of them have."""
    found: dict[str, Claim] = {}
    twice: set[str] = set()
    for path in sorted(directory.glob("*.claims.yaml")):
        claims = read_claims(path, [])
        twice |= found.keys() & claims.keys()
        found |= claims
    return {name: claim for name, claim in found.items() if name not in twice}


@cache
def all_claims(directory: Path) -> dict[str, Claim]:
    """The same, read once; ``forget_claims`` when a file has changed."""
    return read_all_claims(directory)


def forget_claims() -> None:
    """Read the files anew."""
    all_claims.cache_clear()
