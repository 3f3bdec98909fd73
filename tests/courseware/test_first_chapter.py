"""The chapter "Deploying AI Models": complete, and right where others are not."""

import re

from courseware.loader import CONTENT, Report
from courseware.models import Chapter, Section

SLUG = "deploying-ai-models"


def _words() -> str:
    return "\n".join(Section.objects.values_list("text", flat=True))


def _html() -> str:
    return "\n".join(Section.objects.values_list("html", flat=True))


def test_it_loads(course: Report) -> None:
    assert course.broken == []
    assert course.added == [SLUG]


def test_it_has_its_four_parts_and_its_places(course: Report) -> None:
    numbered = Section.objects.exclude(number=None)
    assert list(numbered.values_list("number", "anchor")) == [
        (1, "pagedattention"),
        (2, "serverless-or-provisioned"),
        (3, "cold-starts"),
        (4, "hardware"),
        (5, "deploy"),
    ]
    anchors = set(Section.objects.values_list("anchor", flat=True))
    assert {"ask", "quiz", "takeaways", "next", "sources"} <= anchors
    assert 'id="quiz-deploying-ai-models"' in _html()
    assert 'id="challenge-scaling-cost"' in _html()


def test_it_is_neither_a_note_nor_a_book(course: Report) -> None:
    chapter = Chapter.objects.get()
    assert 20 <= chapter.minutes <= 27
    assert 9 <= chapter.short_minutes <= 15


def test_it_puts_the_usual_claims_right(course: Report) -> None:
    words = _words()
    assert "worst of three allocators" in words
    assert "two LLaMA models" in words
    assert "20–26\u202f% slower" in words
    assert "only as long as the capacity you have is enough" in words
    assert "maintenance mode" in words
    assert "every ping starts a worker" in words


def test_every_claim_mark_leads_to_its_source(course: Report) -> None:
    html = _html()
    wanted = set(re.findall(r'href="#(source-[a-z0-9-]+)"', html))
    present = set(re.findall(r'<li id="(source-[a-z0-9-]+)"', html))
    assert wanted == present
    assert len(present) >= 30


def test_a_claim_is_said_once_in_the_page(course: Report) -> None:
    html = _html()
    marks = re.findall(r'<a class="claim-mark [^>]* href="#source-([a-z0-9-]+)"', html)
    assert len(marks) > len(set(marks)) >= 30
    said = re.findall(r'<li id="source-[a-z0-9-]+">.*?</span> (.*?) <span', html)
    boxes = len(re.findall('class="claim-box"', html))
    assert sum(html.count(words) - 1 for words in set(said)) <= boxes


def test_every_popover_has_its_button_and_ids_are_unique(course: Report) -> None:
    html = _html()
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'popovertarget="([^"]+)"', html)) <= set(ids)


def test_claims_are_numbered_in_reading_order(course: Report) -> None:
    marks = re.findall(r'aria-label="[a-z]+: source (\d+)"', _html())
    firsts = list(dict.fromkeys(int(number) for number in marks))
    assert firsts == sorted(firsts)


def test_every_figure_says_in_words_what_it_shows(course: Report) -> None:
    html = _html()
    assert html.count("<figure") == 20
    for figure in re.findall(r"<figure.*?</figure>", html, re.S):
        assert "<figcaption" in figure
        for svg in re.findall(r"<svg[^>]*>", figure):
            assert 'aria-hidden="true"' in svg or 'aria-label="' in svg


def test_content_carries_no_style_or_script(course: Report) -> None:
    html = _html()
    assert " style=" not in html and "<script" not in html


def test_the_source_names_only_figures_that_exist() -> None:
    source = (CONTENT / f"{SLUG}.md").read_text(encoding="utf-8")
    assert len(re.findall(r"^::: figure ", source, re.M)) == 11
