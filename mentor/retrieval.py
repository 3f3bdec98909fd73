"""Which passages of the chapter fit a question: BM25 over words. Pure.

Scores are Okapi BM25 (Robertson and Zaragoza, 2009) with k1 = 1.2 and b = 0.75, the
usual values; words of a passage's title count double.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

K1 = 1.2
B = 0.75
TITLE_WEIGHT = 2
MIN_OWN_WORDS = 2
"""A question with fewer content words ("Why?") is searched with the one before it."""

_STOP_WORDS = """
a about all also am an and any are as at be been but by can could did do does doing
explain for from get give had has have how if in into is it its just like make me mean
means more most much my need no not of on one or our please re should simple simply so
some tell than that the their them then there these they this to too up us use used
using ve want was we were what when where which who why will with work works would you
your
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
MIN_PASSAGE_CHARS = 200
"""A shorter paragraph, a heading for one, joins the next."""
MAX_PASSAGE_CHARS = 700
"""Two such passages, the question and two earlier turns fit 2,048 tokens."""
DEFINES_WEIGHT = 1.0
"""How much it counts that a passage says what a word "is" or "does"."""
_DEFINES = re.compile(r"([a-z0-9]+) (?:is|are|does|means|says)\b")
_WORD = re.compile(r"[a-z0-9]+")
_SENTENCE = re.compile(r"(?<=[.!?]) +")


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a chapter short enough for a prompt."""

    title: str
    """Heading of its section."""
    url: str
    """Where the section stands, with its anchor."""
    text: str
    is_definition: bool = False
    """The title is a term of the glossary, the text what it means."""


def split(title: str, url: str, text: str) -> list[Passage]:
    """A section's paragraphs (its lines) as passages, short ones joined, long ones
    cut between sentences."""
    pieces = [
        piece for line in text.splitlines() for piece in _cut(" ".join(line.split()))
    ]
    joined: list[str] = []
    for piece in pieces:
        last = joined[-1] if joined else ""
        is_short = len(last) < MIN_PASSAGE_CHARS
        if last and is_short and len(last) + len(piece) < MAX_PASSAGE_CHARS:
            joined[-1] = f"{last} {piece}"
        else:
            joined.append(piece)
    return [Passage(title, url, piece) for piece in joined]


def _cut(paragraph: str) -> list[str]:
    """Whole sentences up to MAX_PASSAGE_CHARS; a longer sentence is cut hard."""
    pieces = [""] if paragraph else []
    for sentence in _SENTENCE.split(paragraph):
        for start in range(0, len(sentence), MAX_PASSAGE_CHARS):
            part = sentence[start : start + MAX_PASSAGE_CHARS]
            if len(pieces[-1]) + len(part) >= MAX_PASSAGE_CHARS:
                pieces.append("")
            pieces[-1] = f"{pieces[-1]} {part}".strip()
    return [piece for piece in pieces if piece]


def words(text: str) -> list[str]:
    """Content words in lower case, plural endings cut; no single letters."""
    found = _WORD.findall(text.lower())
    return [
        _stem(word)
        for word in found
        if word not in STOP_WORDS and (len(word) > 1 or word.isdigit())
    ]


def joined_words(text: str) -> list[str]:
    """Neighbours written as one: "paged attention" finds "PagedAttention"."""
    found = words(text)
    return [first + second for first, second in pairwise(found)]


def _stem(word: str) -> str:
    """ "caches" and "cache", "GPUs" and "GPU" meet; nothing finer is tried."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    return word


def _defined_words(passage: Passage) -> set[str]:
    found = {_stem(word) for word in _DEFINES.findall(passage.text.lower())}
    return found | set(words(passage.title)) if passage.is_definition else found


class PassageIndex:
    """Word counts of all passages, in the order of the chapter."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = list(passages)
        self._counts = [
            Counter(words(p.title) * TITLE_WEIGHT + words(p.text)) for p in passages
        ]
        self._defined = [_defined_words(passage) for passage in passages]
        self._lengths = [count.total() for count in self._counts]
        self._mean_length = sum(self._lengths) / max(1, len(self._lengths))
        self._num_with = Counter(word for count in self._counts for word in count)

    def search(self, question: str, before: str = "", limit: int = 2) -> list[Passage]:
        """The passages that fit best, in the order of the chapter.

        Chapter order, not rank, so that questions with the same passages share their
        prompt's beginning and hit the prefix cache. Empty when no word matches.
        """
        terms = words(question)
        if len(set(terms)) < MIN_OWN_WORDS:
            terms += words(before)
        terms += joined_words(question)
        scores = [
            self._score(number, set(terms)) for number in range(len(self._counts))
        ]
        ranked = sorted(
            (number for number, score in enumerate(scores) if score > 0),
            key=lambda number: (-scores[number], number),
        )
        return [self._passages[number] for number in sorted(ranked[:limit])]

    def _score(self, number: int, terms: set[str]) -> float:
        count = self._counts[number]
        norm = K1 * (1 - B + B * self._lengths[number] / max(1.0, self._mean_length))
        score = 0.0
        for term in terms & count.keys():
            weight = count[term] * (K1 + 1) / (count[term] + norm)
            if term in self._defined[number]:
                weight += DEFINES_WEIGHT
            score += weight * self._rarity(term)
        return score

    def _rarity(self, term: str) -> float:
        """Inverse document frequency, never negative."""
        num_with = self._num_with[term]
        return math.log(1 + (len(self._counts) - num_with + 0.5) / (num_with + 0.5))
