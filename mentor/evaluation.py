"""How often the mentor is right: questions with the facts that an answer has to state.

What counts is the text that a page shows as fact: the course's answer, and what is
measured in the lab; of what is offered or declined nothing is. A question has the
fields ``q``, ``after`` (the ones before it), ``section`` in view, ``kind``, ``facts``
(groups of regular expressions: one of each group has to match), ``wrong`` (none may
match) and ``scope``: in, near (of the field, not in the course), out or injection.
"""

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mentor import looking, seeing
from mentor.errors import BadQuestions
from mentor.knowing import LEFT_BEHIND, Finding, course_answer, find

SCOPES = ("in", "near", "out", "injection")
LAB = "lab"
"""The kind of those that are answered from the engine's state."""
_SPACES = re.compile("[\u00a0\u202f]")


@dataclass(frozen=True)
class Question:
    """One question of a set, its patterns compiled."""

    q: str
    after: tuple[str, ...]
    section: str
    kind: str
    scope: str
    facts: tuple[tuple[re.Pattern[str], ...], ...]
    wrong: tuple[re.Pattern[str], ...]

    @property
    def is_lab(self) -> bool:
        return self.kind == LAB

    def states(self, text: str) -> bool:
        """Whether a text has a fact of each group."""
        plain = _plain(text)
        groups = self.facts
        return all(any(one.search(plain) for one in group) for group in groups)

    def is_wrong(self, text: str) -> bool:
        """Whether a text says what is false, or does what it was ordered to."""
        return any(one.search(_plain(text)) for one in self.wrong)


@dataclass(frozen=True)
class Judged:
    """A question with what was found for it."""

    question: Question
    kind: str
    """answer, doubted (one that says it may not be what was asked), offer, decline,
    near, talk or measured."""
    text: str
    right: bool
    wrong: bool
    retrieved: bool
    """Whether one of the first three passages states the facts."""
    ms: float
    note_id: str
    score: float

    @property
    def declined(self) -> bool:
        return self.kind in ("decline", "near", "talk")


def read_questions(path: Path) -> list[Question]:
    """Any file of the form; BadQuestions with the number of the faulty entry."""
    try:
        rows = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadQuestions(f"{path} cannot be read: {error}") from error
    if not isinstance(rows, list):
        raise BadQuestions(f"{path} is no list of questions.")
    return [_question(number, row) for number, row in enumerate(rows, start=1)]


def _question(number: int, row: Any) -> Question:
    try:
        scope = str(row.get("scope", "in"))
        if scope not in SCOPES:
            raise ValueError(f"scope {scope!r} is none of {', '.join(SCOPES)}")
        return Question(
            q=str(row["q"]),
            after=_before(row.get("after")),
            section=str(row.get("section") or ""),
            kind=str(row.get("kind") or ""),
            scope=scope,
            facts=tuple(tuple(map(_pattern, g)) for g in row.get("facts") or ()),
            wrong=tuple(map(_pattern, row.get("wrong") or ())),
        )
    except (AttributeError, KeyError, TypeError, ValueError, re.error) as error:
        raise BadQuestions(f"Question {number}: {error!r}") from error


def _before(after: Any) -> tuple[str, ...]:
    """The questions before one: a list, or the only one as it is."""
    return (after,) if isinstance(after, str) else tuple(map(str, after or ()))


def _going_on(after: Iterable[str]) -> list[str]:
    """Those of the questions before that a later one may go on with."""
    kept: list[str] = []
    for one in after:
        if find(one, before=kept).kind not in LEFT_BEHIND:
            kept.append(one)
    return kept


def _pattern(text: Any) -> re.Pattern[str]:
    return re.compile(str(text), re.I | re.S)


def _plain(text: str) -> str:
    return _SPACES.sub(" ", text).replace("’", "'")


def judge(question: Question) -> Judged:
    """Ask it through the pipeline; an engine is looked at, and asked for no words."""
    before = _going_on(question.after)
    start = time.perf_counter()
    finding = find(question.q, before=before, section=question.section)
    kind: str = "doubted" if finding.is_doubted else finding.kind
    text = course_answer(finding).text
    asked = seeing.lab_question(question.q, before=question.after)
    share = looking.share(asked, finding)
    if asked is not None and share != "none":
        seen = looking.look(asked, learner_id="")
        is_alone = share == "alone" and (seen.is_seen or not text)
        kind = "measured" if share == "alone" else kind
        text = seen.text if is_alone else f"{seen.text} {text}"
    ms = (time.perf_counter() - start) * 1000
    return Judged(
        question=question,
        kind=kind,
        text=text,
        right=bool(text) and question.states(text),
        wrong=question.is_wrong(text),
        retrieved=_retrieved(question, finding),
        ms=ms,
        note_id=finding.notes[0].note_id if finding.notes else "",
        score=finding.score,
    )


def _retrieved(question: Question, finding: Finding) -> bool:
    return question.states("\n".join(passage.text for passage in finding.passages[:3]))


def results(judged: Sequence[Judged]) -> list[dict[str, Any]]:
    """The named results, in the form of the benches; those without a question left
    out."""
    scope = {name: [j for j in judged if j.question.scope == name] for name in SCOPES}
    course = [j for j in scope["in"] if not j.question.is_lab]
    lab = [j for j in scope["in"] if j.question.is_lab]
    rows = [
        _share("right_in_pct", course, lambda j: j.right),
        _count("wrong_in", scope["in"], lambda j: j.wrong),
        _share("declined_in_pct", course, lambda j: j.declined),
        _share("declined_out_pct", scope["out"], lambda j: j.declined),
        _count("near_invented", scope["near"], lambda j: j.wrong),
        _share("near_declined_pct", scope["near"], lambda j: j.declined),
        _share("near_answered_pct", scope["near"], lambda j: j.kind == "answer"),
        _share("doubted_in_pct", course, lambda j: j.kind == "doubted"),
        _count("injections_obeyed", scope["injection"], lambda j: j.wrong),
        _share("lab_right_pct", lab, lambda j: j.right),
        _share("retrieved_in_3_pct", course, lambda j: j.retrieved),
    ]
    found = [row for row in rows if row]
    if judged:
        found.append(_row("course_ms_p95", _p95([j.ms for j in judged]), "ms", judged))
    return found


def _share(
    name: str, some: Sequence[Judged], test: Callable[[Judged], bool]
) -> dict[str, Any]:
    if not some:
        return {}
    return _row(name, round(100 * sum(map(test, some)) / len(some), 1), "%", some)


def _count(
    name: str, some: Sequence[Judged], test: Callable[[Judged], bool]
) -> dict[str, Any]:
    return _row(name, sum(map(test, some)), "", some) if some else {}


def _row(name: str, value: float, unit: str, some: Sequence[Judged]) -> dict[str, Any]:
    conditions = f"{len(some)} questions"
    return {"name": name, "value": value, "unit": unit, "conditions": conditions}


def _p95(values: list[float]) -> float:
    return round(sorted(values)[min(len(values) - 1, int(0.95 * len(values)))], 1)
