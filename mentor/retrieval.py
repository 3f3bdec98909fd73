"""Which passages of the chapter fit a question, by their words. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from courseware.words import WordIndex, content_stems, fold, stem, stems

Scores = NDArray[np.float32]
TITLE_WEIGHT = 2
MIN_OWN_WORDS = 2
"""A question with fewer content words ("Why?") is searched with the one before it."""
MIN_PASSAGE_CHARS = 200
"""A shorter paragraph, a heading for one, joins the next."""
MAX_PASSAGE_CHARS = 700
"""Two such passages, the question and two earlier turns fit 2,048 tokens."""
DEFINES_WEIGHT = 2.5
"""How much more a word counts in a passage that says what it "is" or "does"."""
_DEFINES = re.compile(r"([a-z0-9]+) (?:is|are|does|means|says)\b")
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


def joined_stems(text: str) -> list[str]:
    """Neighbours written as one: "paged attention" finds "PagedAttention"."""
    found = [fold(word) for word in re.findall(r"\w+", text)]
    return [stem(first + second) for first, second in pairwise(found)]


def _defined_stems(passage: Passage) -> set[str]:
    found = {stem(word) for word in _DEFINES.findall(passage.text.lower())}
    return found | set(stems(passage.title)) if passage.is_definition else found


class PassageIndex:
    """The words of all passages, in the order of the chapter."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = list(passages)
        self._index = WordIndex(
            stems(p.title) * TITLE_WEIGHT + stems(p.text) for p in passages
        )
        self._defined = [_defined_stems(passage) for passage in passages]

    def search(self, question: str, before: str = "", limit: int = 2) -> list[Passage]:
        """The passages that fit best, in the order of the chapter.

        Chapter order, not rank, so that questions with the same passages share their
        prompt's beginning and hit the prefix cache. Empty when no word matches.
        """
        terms = content_stems(question)
        if len(terms) < MIN_OWN_WORDS:
            terms += content_stems(before)
        scores = self._scores(dict.fromkeys([*terms, *joined_stems(question)]))
        best = np.argsort(-scores, kind="stable")[:limit]
        return [self._passages[n] for n in sorted(best) if scores[n] > 0]

    def _scores(self, terms: Iterable[str]) -> Scores:
        scores = np.zeros(len(self._passages), dtype=np.float32)
        for term in terms:
            defined = np.array([term in found for found in self._defined])
            found = self._index.scores([term])
            scores += found * np.where(defined, np.float32(DEFINES_WEIGHT), 1)
        return scores
