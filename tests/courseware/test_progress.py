"""Progress: remembered without an account, shown, counted, and forgotten."""

import pytest
from django.test import Client
from django.urls import reverse

from courseware import progress
from courseware.loader import Report
from courseware.models import Chapter, Learner, ReadSection, User
from tests.courseware.conftest import BROWSER, Load

CHAPTER = "/chapters/deploying-ai-models/"
READ = CHAPTER + "read/"
JSON = {"HTTP_ACCEPT": "application/json"}


def test_what_was_read_is_remembered_and_shown(reader: Client, course: Report) -> None:
    reader.get(CHAPTER)
    answer = reader.post(READ, {"anchor": "pagedattention"}, **JSON)
    assert answer.json() == {"read": 1, "sections": 9}
    page = reader.get(CHAPTER).text
    assert '<a href="#pagedattention" data-read>' in page
    assert '<a href="#cold-starts">' in page
    assert "1 of 9 read" in page
    assert "1 of 9 sections read" in reader.get("/").text


def test_the_whole_chapter_is_marked_by_its_button_without_scripts(
    reader: Client, course: Report
) -> None:
    reader.get(CHAPTER)
    answer = reader.post(READ)
    assert answer.headers["Location"] == f"{CHAPTER}#end"
    assert "9 of 9 read" in reader.get(CHAPTER).text
    assert ">read<" in reader.get("/").text


def test_a_section_is_read_once_and_only_if_it_exists(
    reader: Client, course: Report
) -> None:
    reader.get(CHAPTER)
    for _ in range(2):
        reader.post(READ, {"anchor": ["hardware", "sources", "../x", "notes", ""]})
    assert list(ReadSection.objects.values_list("anchor", flat=True)) == ["hardware"]


def test_somebody_without_a_learner_id_is_not_remembered(course: Report) -> None:
    bot = Client(HTTP_USER_AGENT="Googlebot/2.1")
    bot.get(CHAPTER)
    assert bot.post(READ, **JSON).json()["read"] == 0
    assert not ReadSection.objects.exists()


@pytest.mark.parametrize(("method", "status"), [("get", 405), ("post", 404)])
def test_reading_is_noted_by_a_form_about_a_chapter_that_exists(
    method: str, status: int, reader: Client, db
) -> None:
    Chapter.objects.create(slug="one", title="One", position=1, minutes=1)
    path = "/chapters/one/read/" if method == "get" else "/chapters/two/read/"
    assert getattr(reader, method)(path).status_code == status


def test_progress_needs_the_forms_token(course: Report) -> None:
    strict = Client(enforce_csrf_checks=True, **BROWSER)
    page = strict.get(CHAPTER).text
    assert strict.post(READ).status_code == 403
    token = page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    assert strict.post(READ, {"csrfmiddlewaretoken": token}).status_code == 302


def test_progress_goes_with_the_learners_data(reader: Client, course: Report) -> None:
    reader.get(CHAPTER)
    reader.post(READ)
    reader.post("/privacy/forget/")
    assert not ReadSection.objects.exists()


def test_a_section_that_is_gone_from_the_chapter_is_gone_from_progress(
    load: Load,
) -> None:
    load("## One\n\nA.\n\n## Two\n\nB.\n")
    Learner.objects.create(learner_id="a")
    progress.mark_read("a", Chapter.objects.get(), ["one", "two"])
    load("## One\n\nA.\n\n## Three\n\nB.\n")
    assert progress.by_chapter("a") == {"test": progress.Progress(1, 2)}


def test_the_way_on_leads_to_neighbours_and_what_is_planned(reader: Client, db) -> None:
    for number, slug in enumerate(["one", "two", "three"], start=1):
        Chapter.objects.create(slug=slug, title=slug, position=number, minutes=1)
    first, second, last = (
        reader.get(f"/chapters/{slug}/").text for slug in ("one", "two", "three")
    )
    assert 'rel="prev"' not in first and 'rel="next" href="/chapters/two/"' in first
    assert 'rel="prev" href="/chapters/one/"' in second
    assert 'rel="next" href="/chapters/three/"' in second
    assert 'rel="next"' not in last and "Advanced Monitoring" in last


def _reader_who_read(name: str, *anchors: str) -> None:
    Learner.objects.create(learner_id=name)
    progress.mark_read(name, Chapter.objects.get(), list(anchors))


def test_readership_counts_readers_and_where_they_stop(load: Load) -> None:
    load("".join(f"## {name}\n\nWords.\n\n" for name in ("One", "Two", "Three")))
    _reader_who_read("a", "one")
    _reader_who_read("b", "one", "two")
    _reader_who_read("c", "two")
    _reader_who_read("d", "one", "two", "three")
    found = progress.readership(Chapter.objects.get())
    assert (found.num_readers, found.num_finished) == (4, 1)
    assert found.read_by == {"one": 3, "two": 3, "three": 1}
    assert found.stopped_at == {"one": 1, "two": 2}


def test_staff_see_counts_and_nobody_in_particular(client: Client, load: Load) -> None:
    load("## One\n\nA.\n\n## Two\n\nB.\n")
    _reader_who_read("f" * 32, "one")
    client.force_login(
        User.objects.create_superuser("staff@example.org", "pw"),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    page = client.get(reverse("admin:courseware_chapter_change", args=["test"])).text
    assert "1 reader, 0 to the end" in page
    assert "Read by" in page and "Stop here" in page
    assert "f" * 32 not in page
    index = client.get("/admin/").text
    assert "learner" not in index.lower() and "readsection" not in index.lower()
