"""Texts on which a backtracking matcher goes over the same letters again: what fills a
repetition, after what leads to it, before what ends it."""

import re
import re._constants as sre
from collections.abc import Iterator
from typing import Any

from tests.regex_steps import (
    CHARACTERS,
    REPEATS,
    Matcher,
    TooMany,
    accepts,
    is_word,
    tree_of,
)

PROBES = " \n\t\0aetzAZ059_-.,;:`'\"“’(){}[]<>=~#\\/$%^*|+?!&@éж\u00a0\ue000\ue001"
UNBOUNDED = 64
"""Repetitions of at most so many are not pumped."""


def _characters(nodes: Any) -> Iterator[Any]:
    """Every node of one character."""
    for op, value in nodes:
        if op in CHARACTERS:
            yield (op, value)
        for part in _parts(op, value):
            yield from _characters(part)


def _parts(op: Any, value: Any) -> list[Any]:
    if op in REPEATS:
        return [value[2]]
    if op is sre.SUBPATTERN:
        return [value[3]]
    if op is sre.BRANCH:
        return list(value[1])
    if op in (sre.ASSERT, sre.ASSERT_NOT):
        return [value[1]]
    return [value] if op is sre.ATOMIC_GROUP else []


def _named(node: Any) -> Iterator[str]:
    """The characters that a node names."""
    op, value = node
    for kind, one in value if op is sre.IN else [node]:
        if kind in (sre.LITERAL, sre.NOT_LITERAL):
            yield chr(one)
        elif kind is sre.RANGE:
            yield from (chr(one[0]), chr(one[1]))


class _Maker:
    """Texts that parts of a pattern match."""

    def __init__(self, pattern: "re.Pattern[str]") -> None:
        self._flags = pattern.flags
        self.tree = tree_of(pattern.pattern, pattern.flags)
        self._nodes = list(dict.fromkeys(map(_hashable, _characters(self.tree))))
        classes: dict[tuple[bool, ...], str] = {}
        own = "".join(char for node in self._nodes for char in _named(node))
        for char in dict.fromkeys(PROBES + own):
            seen = (accepts(node, self._flags, char) for node in self._nodes)
            signature = (char == "\n", is_word(char), *seen)
            classes.setdefault(signature, char)
        self.alphabet = list(classes.values())
        """One character of each kind that the pattern tells apart."""

    def those(self, node: Any) -> list[str]:
        """Characters of the alphabet that a node matches."""
        return [c for c in self.alphabet if accepts(node, self._flags, c)]

    def sample(self, nodes: Any, pick: int = 0) -> str:
        """A text that the nodes match, repeated as seldom as they allow."""
        made = ""
        for op, value in nodes:
            if op in CHARACTERS:
                found = self.those((op, value)) or ["a"]
                made += found[pick % len(found)]
            elif op in REPEATS:
                made += self.sample(value[2], pick) * max(int(value[0]), pick % 2)
            elif op is sre.BRANCH:
                made += self.sample(value[1][pick % len(value[1])], pick)
            elif op in (sre.SUBPATTERN, sre.ATOMIC_GROUP):
                made += self.sample(_parts(op, value)[0], pick)
        return made

    def repeats(self, nodes: Any, before: str) -> Iterator[tuple[str, Any]]:
        """Each repetition without a small bound, and a text that leads to it."""
        for at, (op, value) in enumerate(nodes):
            lead = before + self.sample(nodes[:at])
            if op in REPEATS and value[1] > UNBOUNDED:
                yield lead, value[2]
            for part in _parts(op, value):
                yield from self.repeats(part, lead)


def _hashable(node: Any) -> Any:
    op, value = node
    return (op, tuple(value) if op is sre.IN else value)


def attacks(pattern: "re.Pattern[str]") -> Iterator[tuple[str, str, str]]:
    """What may lead to, fill and end a repetition."""
    maker = _Maker(pattern)
    found = list(maker.repeats(maker.tree, ""))
    leads = list(dict.fromkeys(["", *(lead for lead, _ in found)]))[:4]
    pumps: dict[str, None] = {}
    for lead, body in found:
        for pick in range(4):
            pumps[maker.sample(body, pick)] = None
        if len(body) == 1 and body[0][0] in CHARACTERS:
            pumps |= dict.fromkeys(maker.those(body[0])[:8])
        pumps |= dict.fromkeys([lead, lead + maker.sample(body, 1)])
    for pump in [one for one in pumps if one][:24]:
        for lead in leads:
            for tail in ("", "\0", "\n\0"):
                yield lead, pump, tail


FEW = 24
MOST_STEPS = 500_000
MOST_GROWTH = 7.0
"""Four times as long a text takes four times as many steps; sixteen times as many where
the pattern is quadratic."""


def slow_on(
    pattern: "re.Pattern[str]", mode: str, most_growth: float = MOST_GROWTH
) -> str:
    """A text on which a pattern takes more steps than in proportion; "" for none."""
    for lead, pump, tail in attacks(pattern):

        def text(times: int, lead: str = lead, pump: str = pump, tail: str = tail):
            return lead + pump * times + tail

        # Twice: a bounded repetition grows until its bound.
        if all(
            _grows(pattern, mode, text(times), text(4 * times), most_growth)
            for times in (FEW, 4 * FEW)
        ):
            return f"{lead!r} + n * {pump!r} + {tail!r}"
    return ""


def _grows(
    pattern: "re.Pattern[str]", mode: str, short: str, long: str, most_growth: float
) -> bool:
    try:
        few = Matcher(pattern, short, MOST_STEPS).run(mode)
        Matcher(pattern, long, int(few * most_growth)).run(mode)
    except TooMany:
        return True
    return False
