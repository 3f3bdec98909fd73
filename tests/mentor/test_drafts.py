"""A chapter in draft: the mentor answers nothing from it."""

from courseware.models import Chapter, Section
from mentor.passages import chapter_index


def test_the_mentor_knows_no_passage_of_a_draft(db) -> None:
    chapter = Chapter.objects.create(
        slug="birds", title="Birds", summary="B.", position=9, minutes=1
    )
    text = "Penguins swim. " * 40
    Section.objects.create(
        chapter=chapter, position=0, anchor="a", title="Swim", html="", text=text
    )
    assert chapter_index().search("Do penguins swim?")
    Chapter.objects.update(is_draft=True)
    assert not chapter_index().search("Do penguins swim?")
