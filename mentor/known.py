"""What is known of a question: of the learner's quiz answers, the course, the lab."""

from collections.abc import Sequence
from typing import Any

from mentor import course, last_answer, looking
from mentor.knowing import LEFT_BEHIND, Finding, Level, one_course
from mentor.looking import Where
from mentor.models import Turn


def known(turn: Turn, where: Where) -> tuple[Finding, dict[str, Any]]:
    """What is known: of the learner's quiz answers, else of the course and the lab."""
    earlier = turn.earlier()
    answer_id = turn.quiz_answer or (earlier[-1].quiz_answer if earlier else None)
    found = last_answer.find(turn.learner_id, turn.question, turn.selected, answer_id)
    if found is None:
        with one_course():
            finding = _find(turn, earlier)
            said = course.answer(finding, _level(turn))
            return finding, _with_lab(turn, earlier, where, finding, said)
    finding, said, answer_id = found
    Turn.objects.filter(pk=turn.pk).update(quiz_answer=answer_id)
    return finding, said


def _find(turn: Turn, earlier: Sequence[Turn]) -> Finding:
    return course.find(
        turn.question,
        before=[one.question for one in earlier if one.kind not in LEFT_BEHIND],
        section=turn.section,
        selected=turn.selected,
        level=_level(turn),
    )


def _with_lab(
    turn: Turn,
    earlier: Sequence[Turn],
    where: Where,
    finding: Finding,
    said: dict[str, Any],
) -> dict[str, Any]:
    """What the course says, with what is measured where the lab is asked about."""
    asked = course.lab_question(turn.question, [one.question for one in earlier])
    share = looking.share(asked, finding)
    if asked is None or share == "none" or turn.selected:
        return said
    seen = looking.look(asked, turn.learner_id, where, _level(turn))
    return looking.combined(seen, share, said, finding)


def _level(turn: Turn) -> Level:
    return next(level for level in course.LEVELS if level == turn.level)
