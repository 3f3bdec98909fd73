"""The reader's pages, through the front door."""

import re

import html5lib
import pytest
from django.test import Client
from django.urls import reverse

from courseware.loader import Report
from courseware.models import User

CHAPTER = "/chapters/deploying-ai-models/"
PAGES = [
    "/",
    CHAPTER,
    "/glossary/",
    "/search/",
    "/search/?q=block",
    "/search/?q=nothing-has-this",
    "/design/",
    "/privacy/",
    "/licences/",
    "/account/sign-up/",
    "/account/sign-in/",
    "/account/reset/",
    "/account/reset/sent/",
    "/account/reset/x/y/",
]


@pytest.mark.parametrize("path", PAGES)
def test_each_page_answers(path: str, reader: Client, course: Report) -> None:
    response = reader.get(path)
    assert response.status_code == 200
    assert "<h1" in response.text and "Skip to the text" in response.text


def test_home_lists_the_chapter_and_what_is_planned(
    reader: Client, course: Report
) -> None:
    page = reader.get("/").text
    assert CHAPTER in page
    assert re.search(r"\d+ min<", page)
    assert "Advanced Monitoring" in page and "planned" in page


def test_home_says_what_to_do_when_nothing_is_loaded(reader: Client, db) -> None:
    assert "manage.py loadchapters" in reader.get("/").text


def test_the_chapter_stands_beside_the_instrument(
    reader: Client, course: Report
) -> None:
    page = reader.get(CHAPTER).text
    aside = page[page.index('<aside class="instrument" id="instrument"') :]
    assert 'id="lab"' in aside and 'id="mentor"' in aside
    assert page.index("<article") < page.index("<aside")


def test_contents_lead_to_sections_of_the_page(reader: Client, course: Report) -> None:
    page = reader.get(CHAPTER).text
    start = page.index('class="contents"')
    contents = page[start : page.index("</nav>", start)]
    anchors = re.findall(r'href="#([a-z-]+)"', contents)
    sections = re.findall(r'<section id="([a-z-]+)"', page)
    in_contents = [anchor for anchor in anchors if anchor in sections]
    assert in_contents == [one for one in sections if one != "opening"]
    assert len(in_contents) == 11
    assert all(f'id="{anchor}"' in page for anchor in anchors)


def test_a_chapter_takes_at_most_six_queries(
    reader: Client, course: Report, django_assert_max_num_queries
) -> None:
    reader.get(CHAPTER)
    with django_assert_max_num_queries(6):
        reader.get(CHAPTER)


@pytest.mark.parametrize("path", ["/chapters/none/", "/nothing"])
def test_a_missing_page_says_so_in_the_look(path: str, reader: Client, db) -> None:
    response = reader.get(path)
    assert response.status_code == 404
    assert "There is no such page" in response.text and "base.css" in response.text


def test_a_bad_address_is_refused_in_the_look(client: Client, db) -> None:
    response = client.get("/", HTTP_HOST="evil.example")
    assert response.status_code == 400
    assert "cannot be read" in response.text


def test_a_failure_is_owned_without_details(
    client: Client, db, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("courseware.views.home_motif", fail)
    client.raise_request_exception = False
    response = client.get("/")
    assert response.status_code == 500
    assert "Something broke here" in response.text
    assert "secret detail" not in response.text


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_chosen_theme_is_in_the_page_from_the_start(
    theme: str, reader: Client, course: Report
) -> None:
    reader.cookies["theme"] = theme
    assert f'<html lang="en" data-theme="{theme}">' in reader.get("/").text


def test_an_unknown_theme_is_ignored(reader: Client, course: Report) -> None:
    reader.cookies["theme"] = "x onload=y"
    assert '<html lang="en">' in reader.get("/").text


@pytest.mark.parametrize("path", [*PAGES, "/nothing", "/account/"])
def test_html_is_valid(path: str, reader: Client, course: Report) -> None:
    """No error of the HTML parser, no id twice, no reference to an id that is not."""
    page = reader.get(path, follow=True).text
    document = html5lib.HTMLParser(strict=True).parse(page)
    elements = [e for e in document.iter() if isinstance(e.tag, str)]
    ids = [element.get("id") for element in elements if element.get("id")]
    assert len(ids) == len(set(ids))
    for element in elements:
        for name in ("for", "aria-labelledby", "aria-describedby", "popovertarget"):
            for wanted in (element.get(name) or "").split():
                assert wanted in ids, f"{name}={wanted}"


def test_staff_see_chapters_but_write_them_in_files(
    client: Client, course: Report
) -> None:
    client.force_login(
        User.objects.create_superuser("staff@example.org", "pw"),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    assert client.get(reverse("admin:courseware_chapter_changelist")).status_code == 200
    assert client.get(reverse("admin:courseware_chapter_add")).status_code == 403
    assert client.get(reverse("admin:courseware_user_changelist")).status_code == 200
    assert client.get(reverse("admin:courseware_user_add")).status_code == 200


def test_a_browser_finds_the_mark_beside_a_file_that_names_none(client: Client) -> None:
    answer = client.get("/favicon.ico")
    assert answer.status_code == 302 and answer.headers["Location"].endswith(".svg")
