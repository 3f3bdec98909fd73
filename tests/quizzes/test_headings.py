"""Where a question and a goal send their reader: a heading of the chapter."""

from courseware.loader import load_chapters
from quizzes.bank import read_bank
from quizzes.mastery import section_of


def test_questions_and_goals_lead_to_a_heading_of_the_chapter(db: None) -> None:
    load_chapters()
    bank = read_bank()
    for question in bank.questions.values():
        found = section_of("deploying-ai-models", question.section)
        assert found and found["title"], question.name
    for goal in (bank.goals or {}).values():
        found = section_of(goal.chapter, goal.section)
        assert found and found["title"], goal.name
    found = section_of("deploying-ai-models", "bill")
    assert found == {
        "title": "The bill, per million tokens",
        "url": "/chapters/deploying-ai-models/#bill",
    }
    assert section_of("deploying-ai-models", "no-such-heading") is None
