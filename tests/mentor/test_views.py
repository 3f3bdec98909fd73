"""The pages that work without JavaScript."""

import re

import pytest
import yaml
from django.test import Client
from django.urls import reverse

from courseware.learner import SESSION_KEY
from courseware.loader import load_chapters
from courseware.models import Section
from courseware.notes import CONTENT, all_notes, read_notes
from mentor import asking
from mentor.commands import Ask
from mentor.models import Conversation, Turn
from tests.lab.fake_engine import deliver, finished
from tests.mentor.fake_course import DECLINE, NEAR, OFFER, TRUE, URL

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def reader(client, learner):
    session = client.session
    session[SESSION_KEY] = learner
    session.save()
    return client


@pytest.fixture
def conversation(learner, chapter, engine):
    turn = asking.ask(learner, Ask(None, "What is <b>it</b>?"), "a" * 32)
    deliver(finished(turn.request_id, "**Blocks** <script>alert(1)</script>"))
    return turn.conversation


def test_conversations_are_listed_and_read(reader, conversation):
    listed = reader.get(reverse("mentor:conversations")).content.decode()
    shown = reader.get(reverse("mentor:conversation", args=[conversation.pk]))
    page = shown.content.decode()
    assert "What is &lt;b&gt;it&lt;/b&gt;?" in listed
    assert "<strong>Blocks</strong>" in page
    assert "<script>alert" not in page


def test_a_conversation_is_deleted_by_one_button(reader, conversation):
    answer = reader.post(reverse("mentor:delete", args=[conversation.pk]))
    assert answer.url == reverse("mentor:conversations")
    assert not Conversation.objects.exists()


def test_others_see_and_delete_nothing(client, conversation):
    urls = [reverse(f"mentor:{n}", args=[conversation.pk]) for n in ("conversation",)]
    assert [client.get(url).status_code for url in urls] == [404]
    deleted = client.post(reverse("mentor:delete", args=[conversation.pk]))
    assert deleted.status_code == 404
    listed = client.get(reverse("mentor:conversations")).content.decode()
    assert "not asked anything yet" in listed
    assert Conversation.objects.count() == 1


def test_looking_does_not_delete(reader, conversation):
    url = reverse("mentor:delete", args=[conversation.pk])
    assert reader.get(url).status_code == 405
    assert Conversation.objects.count() == 1


def test_both_voices_are_read_without_javascript_and_exported(reader, conversation):
    page = reader.get(reverse("mentor:conversation", args=[conversation.pk]))
    text = page.content.decode()
    assert "From the course" in text and "In the engine’s words" in text
    assert "the model made this up" in text
    answer = reader.get(reverse("mentor:export", args=[conversation.pk]))
    assert answer["Content-Type"] == "text/markdown; charset=utf-8"
    exported = answer.content.decode()
    assert "## What is <b>it</b>?" in exported
    there = "http://testserver/chapters/deploying/#pagedattention"
    said = "PagedAttention cuts the `KV cache` into blocks. In standard words."
    assert f"{said} ([PagedAttention]({there}))" in exported
    assert "(the model made this up)" in exported


def test_an_export_leads_to_where_the_course_says_it(
    reader, learner, chapter, engine, teacher
):
    asked = asking.ask(learner, Ask(None, "What is it?"))
    deliver(finished(asked.request_id, TRUE))
    for teacher.finding in (NEAR, OFFER):
        asking.ask(learner, Ask(asked.conversation_id, f"And {teacher.finding.kind}?"))
    url = reverse("mentor:export", args=[asked.conversation_id])
    exported = reader.get(url, headers={"host": "localhost:8000"}).content.decode()
    there = f"http://localhost:8000{URL}"
    assert f"- {TRUE} ([PagedAttention]({there}))" in exported
    assert f"{NEAR.words} ([read there]({there}))" in exported
    offered = "http://localhost:8000/chapters/deploying/#kv"
    assert f"- [What is the KV cache?]({offered})" in exported


def test_conversations_are_searched_and_renamed(reader, conversation):
    url = reverse("mentor:conversations")
    assert "it&lt;/b&gt;?" in reader.get(url, {"q": "blocks"}).content.decode()
    assert "Nothing you asked" in reader.get(url, {"q": "penguin\x00"}).content.decode()
    place = reverse("mentor:rename", args=[conversation.pk])
    reader.post(place, {"title": "  Paging " + "x" * 90})
    conversation.refresh_from_db()
    assert conversation.title == "Paging " + "x" * 53
    reader.post(place, {"title": " "})
    conversation.refresh_from_db()
    assert conversation.title.startswith("Paging")


def test_the_history_is_searched_in_what_course_and_lab_said(reader, conversation):
    url = reverse("mentor:conversations")

    def is_found(words: str) -> bool:
        shown = reader.get(url, {"q": words}).content.decode()
        return "Nothing you asked" not in shown

    declined = {"words": "I only know this course.", "sentences": []}
    conversation.turns.update(course=declined)
    assert not is_found("only know"), "said of whatever is declined"
    said = {
        "words": "",
        "sentences": [{"text": "A zebra’s “stripes” are free."}],
        "measured": {"sentences": ["Block 17 belongs to request 031."]},
    }
    conversation.turns.update(course=said)
    assert is_found("ZEBRA’s “str") and is_found("request 031")
    assert not is_found("sentences"), "the names of the fields are no text"
    conversation.turns.update(course=None)
    assert not is_found("zebra")


def test_nobody_exports_or_renames_what_is_not_theirs(client, conversation):
    assert (
        client.get(reverse("mentor:export", args=[conversation.pk])).status_code == 404
    )
    place = reverse("mentor:rename", args=[conversation.pk])
    assert client.post(place, {"title": "Mine"}).status_code == 404


def test_staff_see_what_needs_a_note_and_not_who_asked(
    admin_client, client, learner, chapter, engine, teacher
):
    wrong = asking.ask(learner, Ask(None, "What is paging?"))
    deliver(finished(wrong.request_id, "Birds."))
    Turn.objects.update(verdict="wrong", reason="No birds.")
    teacher.finding = DECLINE
    asking.ask(learner, Ask(None, "=SUM(A1:A9)"))
    shown = admin_client.get(reverse("mentor:questions")).content.decode()
    assert "What is paging?" in shown and "No birds." in shown
    assert "decline" in shown and learner not in shown
    assert reverse("mentor:questions") in (
        admin_client.get(reverse("mentor:conversations")).content.decode()
    )
    rows = admin_client.get(reverse("mentor:questions-csv")).content.decode()
    assert "decline,'=SUM(A1:A9)" in rows
    assert "marked wrong,What is paging?" in rows and learner not in rows
    for name in ("questions", "questions-csv", "questions-yaml"):
        name = f"mentor:{name}"
        assert client.get(reverse(name)).status_code == 302


def test_questions_to_begin_with_are_those_of_the_section(client):
    load_chapters()
    url = reverse("mentor:suggestions")
    assert client.get(url, {"section": "nowhere\x00"}).json() == {"questions": []}
    anchors = set(Section.objects.values_list("anchor", flat=True))
    found = [client.get(url, {"section": a}).json()["questions"] for a in anchors]
    asks = {note.asks[0] for note in all_notes()}
    assert all(len(questions) <= 4 and set(questions) <= asks for questions in found)
    assert any(found) or not asks


def test_unanswered_questions_become_notes_that_load_when_they_are_filled_in(
    admin_client, learner, engine, teacher, tmp_path
):
    load_chapters()
    teacher.finding = DECLINE
    questions = (
        "Can I run vLLM on\na submarine?",
        "is it possible to run vLLM on a submarine",
        'Does "quoting": [x] {value kv-8b gib} # break YAML?',
        "- !!python/object:os.system x",
        "???",
        "What is a KV cache?",
    )
    for number, question in enumerate(questions):
        asking.ask(learner, Ask(None, question, section="hardware"))
        Turn.objects.filter(question=question).update(
            verdict="wrong", reason=f"No {number}.\nReally: {{x}}"
        )
    response = admin_client.get(reverse("mentor:questions-yaml"))
    text = response.content.decode()
    assert "notes.yaml" in response["Content-Disposition"] and learner not in text
    entries = yaml.safe_load(text)
    assert len(entries) == 3, "alike ones are one note, and no note asks it already"
    asks = [ask for row in entries.values() for ask in row["asks"]]
    assert "Can I run vLLM on a submarine?" in asks

    path = tmp_path / "deploying-ai-models.notes.yaml"
    path.write_text(text, encoding="utf-8")
    source = (CONTENT / "deploying-ai-models.md").read_text()
    faults: list[Exception] = []
    read_notes(path, {}, source, faults)
    assert faults and all("has no answer in" in str(fault) for fault in faults)
    empty = re.compile(r"^  (plain|standard|deep): ''$", re.M)
    filled = empty.sub(r"  \1: The answer.", text)
    path.write_text(filled, encoding="utf-8")
    faults = []
    notes = read_notes(path, {}, source, faults)
    assert faults == [] and {note.section for note in notes} == {"hardware"}


async def test_a_rename_on_the_page_is_seen_in_an_open_tab(
    reader, conversation, learner, engine, browse, later
):
    browser = await browse(learner)
    place = reverse("mentor:rename", args=[conversation.pk])
    await later(reader.post)(place, {"title": "Paging"})
    assert (await browser.hear("conversation"))["conversation"]["title"] == "Paging"


def test_no_browser_keeps_what_was_asked(client: Client, db: None) -> None:
    assert "no-store" in client.get("/mentor/").headers["Cache-Control"]
