"""A chapter in draft: the mentor answers nothing from it."""

from courseware.models import Chapter, Section
from mentor.knowing.passages import from_texts


def test_the_mentor_knows_no_passage_of_a_draft(db) -> None:
    chapter = Chapter.objects.create(
        slug="birds", title="Birds", summary="B.", position=9, minutes=1
    )
    text = "Penguins swim. " * 40
    Section.objects.create(
        chapter=chapter, position=0, anchor="a", title="Swim", html="", text=text
    )
    assert any("Penguins" in passage.text for passage in from_texts())
    Chapter.objects.update(is_draft=True)
    assert not any("Penguins" in passage.text for passage in from_texts())
