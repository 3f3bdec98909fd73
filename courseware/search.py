"""Full-text search over the course: an index in memory, ranked as BM25 does.

Portable between databases, since the words are counted here and not there. Each process
builds the index at its first search and again when a chapter has changed.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from heapq import nlargest

import numpy as np
from numpy.typing import NDArray

from courseware.words import WORD, WordIndex, fold, stem, words

MAX_QUERY_WORDS = 12
MAX_RESULTS = 20
MAX_COMPLETIONS = 40
"""How many words of the course the last word of a query may be the beginning of."""
TITLE_WEIGHT = 4
COMPLETED_WEIGHT = 0.4
"""Of a word that the query has only the beginning of."""
_SNIPPET_WORDS = 34


@dataclass(frozen=True)
class Entry:
    """Something that can be found: a section, or a term of the glossary."""

    title: str
    place: str
    """What it belongs to: a chapter's title, or the glossary."""
    url: str
    text: str


@dataclass(frozen=True)
class Hit:
    """A found entry; the snippet is a list of (words, whether they were searched)."""

    entry: Entry
    snippet: list[tuple[str, bool]]


class Index:
    """The stems of every entry, those of its title weighted, and all words in order."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = list(entries)
        found = [(words(entry.title), words(entry.text)) for entry in self.entries]
        self._index = WordIndex(
            [*map(stem, title)] * TITLE_WEIGHT + [*map(stem, text)]
            for title, text in found
        )
        self._words = sorted({word for both in found for part in both for word in part})

    def find(self, query: str) -> list[Hit]:
        """The best entries that hold every word; the last word may be a beginning."""
        asked = [fold(word) for word in WORD.findall(query)][:MAX_QUERY_WORDS]
        if not asked or not self.entries:
            return []
        each = [self._score(word, word is asked[-1]) for word in asked]
        total = np.where(np.min(each, axis=0) > 0, np.sum(each, axis=0), 0.0)
        found = [int(number) for number in np.flatnonzero(total)]
        best = nlargest(MAX_RESULTS, found, key=lambda n: (total[n], -n))
        is_asked = _asked_for(asked)
        return [
            Hit(self.entries[n], snippet(self.entries[n].text, is_asked)) for n in best
        ]

    def _score(self, word: str, is_last: bool) -> NDArray[np.float32]:
        scores = self._index.scores([stem(word)])
        if is_last:
            for longer in self._completions(word):
                completed = COMPLETED_WEIGHT * self._index.scores([stem(longer)])
                scores = np.maximum(scores, completed)
        return scores

    def _completions(self, word: str) -> list[str]:
        if len(word) < 2:
            return []
        start = bisect_left(self._words, word)
        some = self._words[start : start + MAX_COMPLETIONS]
        return [longer for longer in some if longer.startswith(word)]


def snippet(text: str, is_asked: Callable[[str], bool]) -> list[tuple[str, bool]]:
    """About 34 words around the first that was searched, in runs of found or not."""
    pieces = text.split()
    first = next((at for at, piece in enumerate(pieces) if is_asked(piece)), 0)
    start = max(0, first - 8)
    end = min(len(pieces), start + _SNIPPET_WORDS)
    runs: list[tuple[str, bool]] = [("… ", False)] if start else []
    for piece in pieces[start:end]:
        is_found = is_asked(piece)
        if runs and runs[-1][1] == is_found:
            runs[-1] = (f"{runs[-1][0]}{piece} ", is_found)
        else:
            runs.append((f"{piece} ", is_found))
    if end < len(pieces):
        runs.append(("…", False))
    return runs


def _asked_for(asked: Sequence[str]) -> Callable[[str], bool]:
    """Whether a piece of text holds a word of a search; each piece is looked at once,
    since the texts of a course are long and of the same words."""
    beginnings, asked_stems = tuple(asked), {stem(word) for word in asked}

    @cache
    def is_asked(piece: str) -> bool:
        return any(
            part.startswith(beginnings) or stem(part) in asked_stems
            for part in words(piece)
        )

    return is_asked
