"""``check``: which of the engine's sentences the course supports.

A sentence is supported if one of the course's is about the same (cosine of the sentence
model), has each of its numbers with the same unit, denies as often, and has no word
exchanged. One that repeats the course word for word, as most of the bundled model's do,
needs no model for that.
"""

from dataclasses import dataclass

from mentor.knowing.exchanged import is_exchanged
from mentor.knowing.finding import Finding
from mentor.knowing.model import sentence_model
from mentor.knowing.remembered import Remembered
from mentor.knowing.sentences import denies, numbers, sentences

ALIKE = 0.62
"""Least cosine of two sentences that say the same: one in a hundred sentences of
another note is as like as this, half of those of the same note in plainer words."""
MAX_SENTENCES = 40
MAX_SAID = 2_048
"""Sentences of engines that are remembered; 1.5 kB each."""
_course = Remembered()
_said = Remembered(MAX_SAID)
"""At temperature 0 a model says the same to all who ask the same."""


@dataclass(frozen=True)
class CheckedSentence:
    """A sentence of the engine's, and what of the course supports it or does not."""

    text: str
    supported: bool
    url: str = ""
    why: str = ""
    """Why not, in words: "nothing like it", "another number", "the opposite",
    "a word exchanged"."""


def check(engine_text: str, finding: Finding) -> list[CheckedSentence]:
    """Every sentence of the engine's text against the passages it was made from."""
    said = sentences(engine_text)[:MAX_SENTENCES]
    known = [(s, p.url) for p in finding.passages for s in sentences(p.text)]
    where = {_plain(text): url for text, url in reversed(known)}
    repeated = {
        text: CheckedSentence(text, True, where[_plain(text)])
        for text in said
        if _plain(text) in where
    }
    others = list(dict.fromkeys(text for text in said if text not in repeated))
    found = repeated | {one.text: one for one in _held_against(known, others)}
    return [found[text] for text in said]


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _held_against(
    known: list[tuple[str, str]], said: list[str]
) -> list[CheckedSentence]:
    """Sentences that the course has not word for word, by their meaning."""
    if not said or not known:
        return [CheckedSentence(text, False, why="nothing like it") for text in said]
    embed = sentence_model().embed
    course = _course.embed([text for text, _ in known], embed)
    alike = _said.embed(said, embed) @ course.T
    return [
        _checked(text, known, row)
        for text, row in zip(said, alike.tolist(), strict=True)
    ]


def _checked(
    text: str, known: list[tuple[str, str]], alike: list[float]
) -> CheckedSentence:
    """The most alike sentence that does not contradict; else the first reason."""
    best = sorted(range(len(known)), key=lambda n: -alike[n])
    likely = [n for n in best if alike[n] >= ALIKE]
    why = "nothing like it"
    for number in likely:
        source, url = known[number]
        if not numbers(text) <= _numbers_beside(source, known, url):
            reason = "another number"
        elif denies(text) != denies(source):
            reason = "the opposite"
        elif is_exchanged(text, source):
            return CheckedSentence(text, False, why="a word exchanged")
        else:
            return CheckedSentence(text, True, url)
        why = reason if why == "nothing like it" else why
    return CheckedSentence(text, False, why=why)


def _numbers_beside(
    source: str, known: list[tuple[str, str]], url: str
) -> set[tuple[str, str]]:
    """Numbers of a sentence; a unit named there need not be repeated."""
    found = numbers(source)
    return found | {(number, "") for number, _ in found}
