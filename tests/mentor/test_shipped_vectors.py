"""The vectors in the tree are those of the course as it stands there."""

from courseware.loader import load_chapters
from mentor.knowing import find
from mentor.knowing.knowledge import knowledge, outside
from mentor.knowing.vectors import num_missing
from mentor.seeing import texts as of_lab


def test_no_text_of_the_course_is_embedded_by_a_web_process(db) -> None:
    load_chapters()
    of_course = [*knowledge().texts(), *outside().texts()]
    texts = [*of_course, *of_lab()]
    missing = num_missing(texts)
    assert missing == 0, f"{missing} texts changed: run manage.py embedcourse."


def test_the_courses_own_notes_answer(db) -> None:
    load_chapters()
    (note, *_) = find("So vLLM makes the GPU faster?").notes
    assert note.note_id == "gain-is-memory"
    assert find("How do I clear the cookies of my browser?").kind != "answer"
