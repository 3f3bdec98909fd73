"""What the quizzes tell other apps of a learner's answers: see courseware.answered.

No more than the page shows: an answer is explained when its feedback is shown, and not
where the same question waits for an answer again, as another variant or in another
attempt.
"""

from collections.abc import Sequence
from typing import Any

from courseware.answered import Explained, Explanation, OpenQuestion, Option
from quizzes import presentation
from quizzes.concepts import concepts
from quizzes.mastery import section_of
from quizzes.models import Answer

MAX_ASKED_CHARS = 400
"""Of a question's text, to say which one it was."""
_WAITING = (Answer.State.OPEN, Answer.State.RUNNING, Answer.State.FAILED)


class PublishedAnswers:
    """The courseware.answered.Answered of the quizzes."""

    def explained(self, learner_id: str, answer_id: int | None) -> Explained | None:
        """The learner's answer with this id, or the last one."""
        mine = Answer.objects.filter(
            attempt__learner_id=learner_id, state=Answer.State.DONE
        ).select_related("attempt__quiz", "question")
        chosen = mine if answer_id is None else mine.filter(pk=answer_id)
        answer = chosen.order_by("-answered_at", "-pk").first()
        return _explained(answer) if answer else None

    def open_questions(self, learner_id: str) -> list[OpenQuestion]:
        """Those that wait for an answer in an attempt under way."""
        rows = _waiting(learner_id).select_related("attempt__quiz", "question")
        return [OpenQuestion(row.variant().text, *_place(row)) for row in rows]

    def explanations(self) -> Sequence[Explanation]:
        """Those that give no answer away."""
        return concepts()


def _waiting(learner_id: str) -> "Any":
    return Answer.objects.filter(
        attempt__learner_id=learner_id, attempt__closed_at=None, state__in=_WAITING
    )


def _place(answer: Answer) -> tuple[str, str]:
    """Title and address of what the question is about."""
    authored = answer.question.authored()
    section = section_of(answer.attempt.quiz.chapter, authored.section)
    return (section["title"], section["url"]) if section else ("", "")


def _explained(answer: Answer) -> Explained:
    feedback = presentation.explained(answer)
    is_open = (
        _waiting(answer.attempt.learner_id)
        .filter(question__name=answer.question.name)
        .exists()
    )
    title, url = _place(answer)
    text = " ".join(answer.variant().text.replace("`", "").split())
    return Explained(
        answer_id=answer.pk,
        question=text[:MAX_ASKED_CHARS],
        said=_said(answer, feedback),
        outcome=answer.outcome,
        title=title,
        url=url,
        answered_at=answer.answered_at or answer.attempt.started_at,
        is_open=is_open,
        **({} if is_open else _told(answer, feedback)),
    )


def _told(answer: Answer, feedback: dict[str, Any]) -> dict[str, Any]:
    """What only the feedback may say."""
    kind = answer.question.kind
    return {
        "reasons": tuple(filter(None, _reasons(kind, feedback))),
        "right": _right(kind, feedback),
        "explanation": feedback["explanation"],
        "options": _options(answer, feedback),
    }


def _said(answer: Answer, feedback: dict[str, Any]) -> str:
    """The answer in words; a line of several has none."""
    if answer.question.kind in ("numeric", "shorttext"):
        return str(feedback["said"])
    chosen = [row["text"] for row in feedback["rows"] if row["is_chosen"]]
    has_choices = bool(answer.variant().question.choices)
    return " and ".join(map(_quoted, chosen)) if has_choices else ""


def _quoted(text: str) -> str:
    """Without the point at its end, which the sentence around it has."""
    return f"“{text.rstrip('.')}”"


def _reasons(kind: str, feedback: dict[str, Any]) -> list[str]:
    if kind == "measured":
        rows = (feedback["measured"] or {"rows": []})["rows"]
        return [_measured(row) for row in rows if not row["is_correct"]]
    if kind in ("numeric", "shorttext"):
        return [feedback["mistake"]]
    return [_reason(kind, row) for row in feedback["rows"] if _is_amiss(kind, row)]


def _is_amiss(kind: str, row: dict[str, Any]) -> bool:
    """A part that was answered wrongly, or left out where several are asked for."""
    if "is_right" not in row:
        return not row["is_correct"]
    is_wanted = row["is_right"] and kind == "multiple"
    return (row["is_chosen"] and not row["is_right"]) or (
        is_wanted and not row["is_chosen"]
    )


def _measured(row: dict[str, Any]) -> str:
    unit = f" {row['unit']}" if row["unit"] else ""
    return (
        f"{row['label']}: you predicted {row['predicted'] or 'nothing'}{unit}, "
        f"the engine measured {row['truth']}{unit}."
    )


def _reason(kind: str, row: dict[str, Any]) -> str:
    """About a part that is not as it should be."""
    if kind == "ordering":
        place = f"“{row['text']}” comes in place {row['right']}, not {row['given']}."
        return f"{place} {row['because']}".strip()
    if kind == "matching":
        pair = f"“{row['text']}” goes with “{row['right']}”."
        return f"{pair} {row['because']}".strip()
    missed = "" if row["is_chosen"] else f"You left out “{row['text']}”. "
    return f"{missed}{row['because']}"


def _right(kind: str, feedback: dict[str, Any]) -> str:
    if feedback["right_answer"]:
        return str(feedback["right_answer"])
    right = [row["text"] for row in feedback["rows"] if row.get("is_right")]
    return " and ".join(map(_quoted, right))


def _options(answer: Answer, feedback: dict[str, Any]) -> tuple[Option, ...]:
    """The choices in the order they were shown in."""
    letters = {part.text: part.letter for part in answer.variant().parts}
    return tuple(
        Option(letters[row["text"]], row["text"], row["because"], row["is_right"])
        for row in feedback["rows"]
        if "is_right" in row
    )
