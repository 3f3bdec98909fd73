"""Lessons for a small voice: prompts as an engine gets them, and the note's words.

A lesson asks one wording of a note at one level. The prompt is the one that
mentor.prompts makes of what the course finds; the answer is those sentences of the note
at that level which fit the question best, in their order. A sentence of another level
that says the same, with the same numbers, stands in for one of them now and then, so
that the voice learns to say it otherwise. Of one note in ten all wordings are held out.
"""

import hashlib
import random
from collections.abc import Iterator, Sequence
from typing import Any

from courseware.notes import LEVELS, Note, all_notes
from mentor import asking, course, prompts
from mentor.knowing.model import sentence_model
from mentor.knowing.sentences import denies, numbers, sentences

MAX_SENTENCES = 3
SAME = 0.7
"""Least cosine of two sentences of a note of which one may stand for the other."""
OTHERWISE = 0.5
"""Share of those that are replaced."""
HELD_OUT = 10


def lessons(
    seed: int = 0, wordings: int = 2, notes: Sequence[Note] | None = None
) -> Iterator[dict[str, Any]]:
    """Lessons of all ``notes``, ``wordings`` of each at a level drawn at random."""
    rng = random.Random(seed)
    for note in all_notes() if notes is None else notes:
        for ask in rng.sample(note.asks, min(wordings, len(note.asks))):
            level = rng.choice(LEVELS)
            if messages := _prompt(ask, level, note, rng):
                answer = " ".join(_answer(note, ask, level, rng))
                yield {
                    "messages": messages,
                    "answer": answer,
                    "is_held_out": is_held_out(note.note_id),
                }


def is_held_out(note_id: str) -> bool:
    """Whether nothing is learnt of a note: one in ten, by its name."""
    return int(hashlib.sha256(note_id.encode()).hexdigest(), 16) % HELD_OUT == 0


def _prompt(
    ask: str, level: Any, note: Note, rng: random.Random
) -> list[dict[str, str]]:
    """As the engine gets it, with fewer passages now and then; none where another
    note was found."""
    finding = course.find(ask, section=note.section, level=level)
    if finding.kind != "answer" or finding.notes[0].note_id != note.note_id:
        return []
    text = asking.text_of(course.answer(finding, level), course.kept(finding))
    text = text[: rng.choice((1, 2, 3))]
    return prompts.build(ask, text, [], prompts.Window()).messages


def _answer(note: Note, ask: str, level: str, rng: random.Random) -> list[str]:
    own = sentences(note.answer(level))
    others = [
        text
        for name in LEVELS
        if name != level
        for text in sentences(note.answer(name))
    ]
    vectors = sentence_model().embed([ask, *own, *others])
    fit = vectors[1 : 1 + len(own)] @ vectors[0]
    alike = vectors[1 : 1 + len(own)] @ vectors[1 + len(own) :].T
    best = sorted(sorted(range(len(own)), key=lambda n: -fit[n])[:MAX_SENTENCES])
    return [_otherwise(own[n], others, alike[n].tolist(), rng) for n in best]


def _otherwise(
    text: str, others: list[str], alike: list[float], rng: random.Random
) -> str:
    """The sentence, or the one most like it that states the same numbers."""
    for number in sorted(range(len(others)), key=lambda n: -alike[n]):
        other = others[number]
        is_same = numbers(other) == numbers(text) and denies(other) == denies(text)
        if alike[number] >= SAME and is_same:
            return other if rng.random() < OTHERWISE else text
    return text
