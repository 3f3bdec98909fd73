"""Explanations of the bank as passages of the course: those that give nothing away.

A question's ``explanation`` follows its answer and may say what is right. A passage is
read by whoever asks the mentor, the question still open. So what is published is the
``concept`` that its author wrote for that; quizzes.rules refuses one with a word that
only the right answer has.
"""

from collections.abc import Sequence
from functools import lru_cache

from courseware.answered import Explanation
from courseware.models import Chapter, Section
from courseware.table_state import table_state
from quizzes.mastery import section_of
from quizzes.models import LearningGoal, QuestionRevision


def concepts() -> Sequence[Explanation]:
    """Of the questions in use, as the course is now; read anew when it changes."""
    questions = table_state(QuestionRevision, "id", only="is_current")
    return _concepts(*questions, *table_state(Section, "id"))


@lru_cache(maxsize=1)
def _concepts(*state: int | None) -> Sequence[Explanation]:
    goals = {goal.name: goal for goal in LearningGoal.objects.filter(is_current=True)}
    drafts = set(Chapter.objects.filter(is_draft=True).values_list("slug", flat=True))
    rows = QuestionRevision.objects.filter(is_current=True, goal__in=goals)
    found = []
    for row in rows.exclude(body__concept=None):
        question, goal = row.authored(), goals[row.goal]
        anchor = question.section or goal.section
        section = section_of(goal.chapter, anchor)
        if question.concept and section and goal.chapter not in drafts:
            place = (section["title"], section["url"], anchor)
            found.append(Explanation(question.concept, *place))
    return tuple(found)
