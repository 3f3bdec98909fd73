"""How many steps a backtracking matcher takes: a count, where a clock would depend on
the machine.

A pattern is read by Python's own parser and matched as ``sre`` matches it, without its
short cuts.
"""

import re
import re._constants as sre
import re._parser as parser
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

sys.setrecursionlimit(max(sys.getrecursionlimit(), 100_000))
Continue = Callable[[int], bool]


def is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


CATEGORIES = {
    sre.CATEGORY_DIGIT: str.isdecimal,
    sre.CATEGORY_SPACE: str.isspace,
    sre.CATEGORY_WORD: is_word,
}
OPPOSITES = {
    sre.CATEGORY_NOT_DIGIT: sre.CATEGORY_DIGIT,
    sre.CATEGORY_NOT_SPACE: sre.CATEGORY_SPACE,
    sre.CATEGORY_NOT_WORD: sre.CATEGORY_WORD,
}
CHARACTERS = (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN)
REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT)


class TooMany(Exception):
    """More steps than the limit."""


def _is_in(char: str, items: Any) -> bool:
    negated, found = False, False
    for op, value in items:
        if op is sre.NEGATE:
            negated = True
        elif op is sre.LITERAL:
            found |= ord(char) == value
        elif op is sre.RANGE:
            found |= value[0] <= ord(char) <= value[1]
        elif value in CATEGORIES:
            found |= bool(CATEGORIES[value](char))
        else:
            found |= not CATEGORIES[OPPOSITES[value]](char)
    return found != negated


@cache
def _accepts(op: Any, value: Any, flags: int, char: str) -> bool:
    if op is sre.ANY:
        return bool(flags & re.S) or char != "\n"
    forms = {char, char.lower(), char.upper()} if flags & re.I else {char}
    forms = {form for form in forms if len(form) == 1}
    if op is sre.LITERAL:
        return any(ord(form) == value for form in forms)
    if op is sre.NOT_LITERAL:
        return all(ord(form) != value for form in forms)
    return any(_is_in(form, value) for form in forms)


def accepts(node: Any, flags: int, char: str) -> bool:
    """Whether a node of one character matches it."""
    op, value = node
    return _accepts(op, tuple(value) if op is sre.IN else value, flags, char)


class Matcher:
    """A pattern on a text, with a count of steps."""

    def __init__(self, pattern: "re.Pattern[str]", text: str, limit: int) -> None:
        self._tree = tree_of(pattern.pattern, pattern.flags)
        self._flags, self._text, self._limit = pattern.flags, text, limit
        self.steps = 0
        self._groups: dict[int, tuple[int, int]] = {}

    def run(self, mode: str) -> int:
        """Steps of match, fullmatch, or of all searches in the text."""
        ends: list[int] = []

        def end(at: int) -> bool:
            if mode == "fullmatch" and at < len(self._text):
                return False
            ends.append(at)
            return True

        at = 0
        while at <= len(self._text):
            ends.clear()
            found = self._sequence(self._tree, 0, at, end)
            if mode != "search":
                break
            at = max(ends[-1], at + 1) if found else at + 1
        return self.steps

    def _step(self) -> None:
        self.steps += 1
        if self.steps > self._limit:
            raise TooMany

    def _sequence(self, nodes: Any, first: int, at: int, then: Continue) -> bool:
        """Match ``nodes[first:]`` from ``at``, then the rest."""
        while first < len(nodes) and nodes[first][0] in CHARACTERS:
            self._step()
            if at >= len(self._text) or not accepts(
                nodes[first], self._flags, self._text[at]
            ):
                return False
            first, at = first + 1, at + 1
        if first == len(nodes):
            return then(at)
        return self._node(
            nodes[first], at, lambda end: self._sequence(nodes, first + 1, end, then)
        )

    def _node(self, node: Any, at: int, then: Continue) -> bool:
        self._step()
        op, value = node
        if op in REPEATS:
            return self._repeat(op, value, at, then)
        if op is sre.SUBPATTERN:
            return self._group(value, at, then)
        if op is sre.BRANCH:
            return any(self._sequence(one, 0, at, then) for one in value[1])
        if op is sre.ATOMIC_GROUP:
            ends: list[int] = []
            return self._sequence(value, 0, at, _noted(ends)) and then(ends[-1])
        if op in (sre.ASSERT, sre.ASSERT_NOT):
            return self._looks(*value)(at) is (op is sre.ASSERT) and then(at)
        if op is sre.AT:
            return self._is_at(value, at) and then(at)
        assert op is sre.GROUPREF, op
        start, end = self._groups.get(value, (0, 0))
        said = self._text[start:end]
        self.steps += len(said)
        return self._text.startswith(said, at) and then(at + len(said))

    def _group(self, value: Any, at: int, then: Continue) -> bool:
        number, _, _, nodes = value

        def close(end: int) -> bool:
            before = self._groups.get(number, (0, 0))
            self._groups[number] = (at, end)
            if then(end):
                return True
            self._groups[number] = before
            return False

        return self._sequence(nodes, 0, at, close if number else then)

    def _looks(self, direction: int, nodes: Any) -> Callable[[int], bool]:
        def ahead(at: int) -> bool:
            return self._sequence(nodes, 0, at, lambda end: True)

        def behind(at: int) -> bool:
            start = at - nodes.getwidth()[0]
            return start >= 0 and self._sequence(nodes, 0, start, lambda end: end == at)

        return ahead if direction > 0 else behind

    def _is_at(self, where: Any, at: int) -> bool:
        text = self._text
        if where in (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING):
            is_line = where is sre.AT_BEGINNING and bool(self._flags & re.M)
            return at == 0 or (is_line and text[at - 1] == "\n")
        if where in (sre.AT_END, sre.AT_END_STRING):
            if where is sre.AT_END and self._flags & re.M:
                return at == len(text) or text[at] == "\n"
            last = where is sre.AT_END and text[at:] == "\n"
            return at == len(text) or last
        before = at > 0 and is_word(text[at - 1])
        after = at < len(text) and is_word(text[at])
        return (before != after) is (where is sre.AT_BOUNDARY)

    def _repeat(self, op: Any, value: Any, at: int, then: Continue) -> bool:
        least, most, nodes = value
        most = len(self._text) + 1 if most is sre.MAXREPEAT else int(most)
        if len(nodes) == 1 and nodes[0][0] in CHARACTERS:
            return self._run(op, nodes[0], (least, most), at, then)
        if op is sre.POSSESSIVE_REPEAT:
            return self._possessive(nodes, (least, most), at, then)
        return self._rounds(op, nodes, (least, most), at, then)

    def _run(
        self, op: Any, node: Any, bounds: tuple[int, int], at: int, then: Continue
    ) -> bool:
        """A repetition of one character, without a call for each."""
        least, most = bounds
        end = at
        limit = min(len(self._text), at + most)
        if op is sre.MIN_REPEAT:
            while True:
                if end - at >= least and then(end):
                    return True
                self._step()
                if end >= limit or not accepts(node, self._flags, self._text[end]):
                    return False
                end += 1
        while end < limit and accepts(node, self._flags, self._text[end]):
            self._step()
            end += 1
        if op is sre.POSSESSIVE_REPEAT:
            return end - at >= least and then(end)
        for here in range(end, at + least - 1, -1):
            self._step()
            if then(here):
                return True
        return False

    def _possessive(
        self, nodes: Any, bounds: tuple[int, int], at: int, then: Continue
    ) -> bool:
        ends: list[int] = []
        done = 0
        while done < bounds[1] and self._sequence(nodes, 0, at, _noted(ends)):
            if ends[-1] == at:
                break
            at, done = ends[-1], done + 1
        return done >= bounds[0] and then(at)

    def _rounds(
        self, op: Any, nodes: Any, bounds: tuple[int, int], at: int, then: Continue
    ) -> bool:
        least, most = bounds

        def round_(done: int, here: int, before: int) -> bool:
            self._step()
            if done > least and here == before:
                return False

            def more() -> bool:
                return done < most and self._sequence(
                    nodes, 0, here, lambda end: round_(done + 1, end, here)
                )

            if done < least:
                return more()
            if op is sre.MIN_REPEAT:
                return then(here) or more()
            return more() or then(here)

        return round_(0, at, -1)


def _noted(ends: list[int]) -> Continue:
    def note(at: int) -> bool:
        ends.append(at)
        return True

    return note


@cache
def tree_of(pattern: str, flags: int) -> Any:
    return parser.parse(pattern, flags)
