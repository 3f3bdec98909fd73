"""All passages with their words and vectors, read once for each state of the course."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from courseware.notes import LEVELS, Note, all_notes
from courseware.words import WordIndex, content_stems, stem, stems, words
from mentor.knowing import leaning
from mentor.knowing import passages as course
from mentor.knowing.model import english_words
from mentor.knowing.passages import Passage
from mentor.knowing.safetensors import Tensor
from mentor.knowing.spelling import Spelling
from mentor.knowing.vectors import vectors_of

OUTSIDE = Path(__file__).with_name("outside.yaml")
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Outside:
    """Questions that the course does not answer, and words of its neighbourhood."""

    near: tuple[str, ...]
    out: tuple[str, ...]
    words: frozenset[str]
    """Stems."""
    common: frozenset[str]
    """Abbreviations that are no names of anything outside, in lower case."""
    later: tuple[str, ...]
    """Questions that go on with any other."""

    def texts(self) -> list[str]:
        """All that is embedded."""
        return [*self.near, *self.out, *self.later]

    @cached_property
    def words_of_later(self) -> frozenset[str]:
        """Stems of what goes on with any question: they may be said of anything."""
        return frozenset(one for text in self.later for one in content_stems(text))


@lru_cache(maxsize=1)
def outside() -> Outside:
    """Read once: the file belongs to the code."""
    rows = yaml.safe_load(OUTSIDE.read_text(encoding="utf-8"))
    names = frozenset(stem(word) for word in words(rows["words"]))
    common = frozenset(rows["common"].split())
    near, out, later = (tuple(rows[kind]) for kind in ("near", "out", "later"))
    return Outside(near, out, names, common, later)


class Knowledge:
    """Notes and passages as rows of matrices, and as lists of stems."""

    def __init__(self, notes: Sequence[Note], passages: Sequence[Passage]) -> None:
        self.notes, self.passages = tuple(notes), tuple(passages)
        asks = [(n, text) for n, note in enumerate(notes) for text in _asks(note)]
        answers = [
            (n, note.answer(level)) for n, note in enumerate(notes) for level in LEVELS
        ]
        self._asks, self.note_of_ask = _rows(asks)
        self._answers, self.note_of_answer = _rows(answers)
        stems_of_asks = [stems(" ".join(_asks(note))) for note in notes]
        stems_of_notes = [
            [*asked, *stems(" ".join(note.answer(level) for level in LEVELS))]
            for asked, note in zip(stems_of_asks, notes, strict=True)
        ]
        self.words_of_asks = WordIndex(stems_of_asks)
        self.words_of_notes = WordIndex(stems_of_notes)
        self.words_of_passages = WordIndex(
            stems(f"{passage.title} {passage.text}") for passage in passages
        )
        self.quotes: list[Passage] = []
        self.quotes_of: dict[int, range] = {}
        """Numbers of the quotes of a passage, by its number."""
        for number, passage in enumerate(passages):
            if passage.kind == "section":
                first = len(self.quotes)
                self.quotes += course.quotes(passage)
                self.quotes_of[number] = range(first, len(self.quotes))
        self.stems_of_notes = [frozenset(found) for found in stems_of_notes]
        self._num_with = Counter(s for found in self.stems_of_notes for s in found)

    @cached_property
    def spelling(self) -> Spelling:
        """Corrects a question by the course's words."""
        return Spelling(self.texts(), english_words() | set(_field_words()))

    @cached_property
    def vectors_of_asks(self) -> Tensor:
        """A row for each wording of each note, misconceptions included."""
        return vectors_of(self._asks)

    @cached_property
    def vectors_of_answers(self) -> Tensor:
        """A row for each level of each note."""
        return vectors_of(self._answers)

    @cached_property
    def vectors_of_passages(self) -> Tensor:
        """A row for each passage that is no note."""
        return vectors_of([passage.text for passage in self.passages])

    @cached_property
    def vectors_of_quotes(self) -> Tensor:
        """A row for each sentence that may be quoted."""
        return vectors_of([quote.text for quote in self.quotes])

    def scores_of_passages(self, vector: Tensor, asked: Sequence[str]) -> Tensor:
        """How well each passage that is no note fits, by meaning and words."""
        words = self.words_of_passages.scores(asked)
        found = self.vectors_of_passages @ vector
        return found + 0.5 * words / max(1.0, float(words.max(initial=0)))

    @cached_property
    def vectors_outside(self) -> tuple[Tensor, Tensor]:
        """(near, out): a row for each question that the course does not answer."""
        return vectors_of(outside().near), vectors_of(outside().out)

    @cached_property
    def vectors_of_later(self) -> Tensor:
        """A row for each question that goes on with any other."""
        return vectors_of(outside().later)

    def leans(self, vector: Tensor) -> float:
        """How much a question sounds like a note's wording and not like one outside:
        the logarithm of the odds, see mentor.knowing.leaning."""
        return float(vector @ self._leaning[:-1] + self._leaning[-1])

    @cached_property
    def _leaning(self) -> Tensor:
        return leaning.fit(self.vectors_of_asks, np.concatenate(self.vectors_outside))

    def writes(self, name: str) -> bool:
        """Whether a flag, a variable or a parameter stands in the course."""
        return name in self._lower

    @cached_property
    def _lower(self) -> str:
        return "\n".join(self.texts()).lower()

    def texts(self) -> list[str]:
        """All that is embedded, less the questions outside."""
        of_passages = (p.text for p in (*self.passages, *self.quotes))
        return [*self._asks, *self._answers, *of_passages]

    def rarity(self, one: str) -> float:
        """How much a stem says: the fewer notes have it, the more; never negative."""
        return math.log(1 + (len(self.notes) + 0.5) / (self._num_with[one] + 0.5))

    def knows(self, one: str) -> bool:
        """Whether a stem stands in any note."""
        return one in self._num_with


def _asks(note: Note) -> list[str]:
    return [*note.asks, *([note.misconception] if note.misconception else [])]


def _rows(texts: Sequence[tuple[int, str]]) -> tuple[list[str], Numbers]:
    numbers = np.array([number for number, _ in texts], dtype=np.int64)
    return [text for _, text in texts], numbers


def _field_words() -> list[str]:
    rows = yaml.safe_load(OUTSIDE.read_text(encoding="utf-8"))
    return words(rows["words"])


def knowledge() -> Knowledge:
    """Of the course as it is now."""
    return _read(id(all_notes()), course.state_of_course())


def as_read() -> Knowledge:
    """The course as it was read last, whether or not it has changed since."""
    return _last[0] if _last else knowledge()


_last: list[Knowledge] = []
"""What was read last."""


@lru_cache(maxsize=1)
def _read(notes_id: int, state: object) -> Knowledge:
    """Of the notes with this identity, which they keep until they are forgotten."""
    _last[:] = [Knowledge(all_notes(), course.from_texts())]
    return _last[0]
