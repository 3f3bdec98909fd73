"""Sentences of the chapter itself that say what a note's answer leaves out.

A note answers one question; who asks in other words often wants the sentence beside it.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from courseware.words import content_stems
from mentor.knowing import deciding
from mentor.knowing.knowledge import Knowledge
from mentor.knowing.passages import Passage
from mentor.knowing.ranking import Ranked
from mentor.knowing.sentences import numbers

MAX_QUOTES, NUM_PASSAGES = 2, 3
"""At most so many sentences, out of the paragraphs that fit best."""
LEAST = 0.5
WORDS = 0.3
"""Weight of the share of the question's words beside the cosine, and of both together
the least."""
CLEARLY, APART = 0.45, 0.05
"""So like a paragraph, and by so much more than like a question outside."""
NOTHING_NEW = 0.8
"""Share of a sentence's words that the answer has already. Words count by rarity."""


def quoted(
    known: Knowledge, ranked: Ranked, said: Sequence[str], asked: Iterable[str]
) -> list[Passage]:
    """Sentences to be shown after ``said``, best first; ``asked`` are the stems of the
    question."""
    text, stems = " ".join(said), frozenset(asked)
    told, told_numbers = frozenset(content_stems(text)), _figures(text)
    found: list[tuple[float, Passage]] = []
    for number in _candidates(known, ranked):
        quote = known.quotes[number]
        words = frozenset(content_stems(quote.text))
        is_new = _share(known, words, told) <= NOTHING_NEW
        if not is_new and _figures(quote.text) <= told_numbers:
            continue
        score = float(known.vectors_of_quotes[number] @ ranked.vector)
        score += WORDS * _share(known, stems, words)
        if score >= LEAST:
            found.append((score, quote))
    found.sort(key=lambda pair: -pair[0])
    best: list[Passage] = []
    for _, quote in found:
        if not any(_overlap(quote.text, one.text) for one in best):
            best.append(quote)
    return best[:MAX_QUOTES]


def paragraph(known: Knowledge, ranked: Ranked, asked: Iterable[str]) -> list[Passage]:
    """Sentences of the paragraph that is clearly what is asked about, where no note is;
    empty where none is, or where the question is as much like one outside."""
    if deciding.num_neighbours(known, ranked):
        return []
    sections = [n for n in known.quotes_of if known.quotes_of[n]]
    alike = known.vectors_of_passages[sections] @ ranked.vector
    near_and_out = deciding.similarity_outside(known, ranked.vector)
    if not sections or alike.max() < max(CLEARLY, *(o + APART for o in near_and_out)):
        return []
    return quoted(known, ranked, [], asked)


def _overlap(one: str, other: str) -> bool:
    """A sentence that needs the one before it holds that one's words as well."""
    return one in other or other in one


def _candidates(known: Knowledge, ranked: Ranked) -> Iterator[int]:
    """Numbers of the quotes out of the paragraphs that fit best."""
    scores = known.scores_of_passages(ranked.vector, ranked.stems)
    prose = [n for n in np.argsort(-scores) if known.quotes_of.get(int(n))]
    for passage in prose[:NUM_PASSAGES]:
        yield from known.quotes_of[int(passage)]


def _share(known: Knowledge, some: frozenset[str], of: frozenset[str]) -> float:
    """Of ``some``, what is in ``of``; rare stems count more."""
    total = sum(map(known.rarity, some))
    return sum(map(known.rarity, some & of)) / total if total else 0.0


def _figures(text: str) -> set[str]:
    return {number for number, _ in numbers(text)}
