"""Lessons: what an engine is asked, and the note's words as the answer."""

import pytest

from mentor import course, knowing, prompts
from mentor.knowing.finding import in_course
from mentor.knowing.sentences import sentences
from mentor.lessons import is_held_out, lessons
from tests.mentor.knowing_course import NOTES, small_course


@pytest.fixture
def made(db):
    with course.taught_by(knowing), in_course(small_course()):
        yield list(lessons(seed=1, notes=NOTES))


def test_a_lesson_is_the_engines_prompt_and_sentences_of_the_note(made):
    assert made
    for lesson in made:
        system, user = lesson["messages"]
        assert system["content"] == prompts.SYSTEM
        assert user["content"].startswith("Text:\n") and prompts.TASK in user["content"]
        asked = user["content"].rpartition("Question: ")[2]
        note = next(note for note in NOTES if asked in note.asks)
        own = " ".join((note.plain, note.standard, note.deep))
        assert all(s in own for s in sentences(lesson["answer"]))
        assert lesson["is_held_out"] == is_held_out(note.note_id)


def test_the_same_seed_gives_the_same_lessons(made):
    with course.taught_by(knowing), in_course(small_course()):
        assert list(lessons(seed=1, notes=NOTES)) == made
        assert list(lessons(seed=2, notes=NOTES)) != made


def test_about_one_note_in_ten_is_held_out():
    share = sum(is_held_out(f"note-{n}") for n in range(1_000)) / 1_000
    assert 0.07 < share < 0.13
