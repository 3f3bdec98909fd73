"""Full-text search over the course: an index in memory, ranked as BM25 does.

Portable between databases, since the words are counted here and not there. Each process
builds the index at its first search and again when a chapter has changed.
"""

import math
import re
import unicodedata
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import nlargest

MAX_QUERY_WORDS = 12
MAX_RESULTS = 20
MAX_COMPLETIONS = 40
"""How many words of the course the last word of a query may be the beginning of."""
TITLE_WEIGHT = 4
_WORD = re.compile(r"[^\W_]+")
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


@lru_cache(maxsize=100_000)
def fold(word: str) -> str:
    """Lower case, without accents, without the s of the plural."""
    plain = word.casefold()
    if not plain.isascii():
        parts = unicodedata.normalize("NFKD", plain)
        plain = "".join(c for c in parts if not unicodedata.combining(c))
    if len(plain) > 3 and plain.endswith("s") and not plain.endswith("ss"):
        return plain[:-1]
    return plain


class Index:
    """Postings of every folded word: (number of the entry, weighted count)."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = list(entries)
        self._postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        lengths = []
        for number, entry in enumerate(self.entries):
            counts: Counter[str] = Counter()
            for raw, weight in ((entry.title, TITLE_WEIGHT), (entry.text, 1)):
                for word, times in Counter(_WORD.findall(raw)).items():
                    plain = fold(word)
                    counts[plain] += weight * times
            for word, count in counts.items():
                self._postings[word].append((number, count))
            lengths.append(sum(counts.values()))
        self._words = sorted(self._postings)
        mean = sum(lengths) / len(lengths) if lengths else 1.0
        self._norms = [0.25 + 0.75 * length / (mean or 1.0) for length in lengths]

    def find(self, query: str) -> list[Hit]:
        """The best entries that hold every word; the last word may be a beginning."""
        words = [fold(word) for word in _WORD.findall(query)][:MAX_QUERY_WORDS]
        if not words:
            return []
        scores = self._score(words[0], is_last=len(words) == 1)
        for place, word in enumerate(words[1:], start=2):
            more = self._score(word, is_last=place == len(words))
            scores = {n: scores[n] + more[n] for n in scores.keys() & more.keys()}
        best = nlargest(MAX_RESULTS, scores, key=lambda n: (scores[n], -n))
        return [
            Hit(self.entries[n], snippet(self.entries[n].text, words)) for n in best
        ]

    def _score(self, word: str, is_last: bool) -> dict[int, float]:
        scores: dict[int, float] = defaultdict(float)
        for term in self._terms(word, is_last):
            postings = self._postings[term]
            rarity = math.log(1 + len(self.entries) / (0.5 + len(postings)))
            share = 1.0 if term == word else 0.4
            for number, count in postings:
                weight = count * 2.2 / (count + 1.2 * self._norms[number])
                scores[number] = max(scores[number], share * rarity * weight)
        return scores

    def _terms(self, word: str, is_last: bool) -> Sequence[str]:
        if not is_last or len(word) < 2:
            return [word] if word in self._postings else []
        start = bisect_left(self._words, word)
        some = self._words[start : start + MAX_COMPLETIONS]
        return [term for term in some if term.startswith(word)]


def snippet(text: str, words: Sequence[str]) -> list[tuple[str, bool]]:
    """About 34 words around the first that was searched, in runs of found or not."""
    pieces = text.split()
    found = [_is_found(piece, words) for piece in pieces]
    first = found.index(True) if True in found else 0
    start = max(0, first - 8)
    end = min(len(pieces), start + _SNIPPET_WORDS)
    runs: list[tuple[str, bool]] = [("… ", False)] if start else []
    for piece, is_found in zip(pieces[start:end], found[start:end], strict=True):
        if runs and runs[-1][1] == is_found:
            runs[-1] = (f"{runs[-1][0]}{piece} ", is_found)
        else:
            runs.append((f"{piece} ", is_found))
    if end < len(pieces):
        runs.append(("…", False))
    return runs


def _is_found(piece: str, words: Sequence[str]) -> bool:
    folded = [fold(part) for part in _WORD.findall(piece)]
    return any(part.startswith(word) for part in folded for word in words)
