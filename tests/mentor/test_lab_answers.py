"""Questions about the lab through the front door: the socket, the page, the export."""

from collections.abc import Iterator

import pytest
from django.test import Client

from lab.recordings.still import StillEngine
from mentor.seeing import LabQuestion
from mentor.seeing.catalog import catalog
from mentor.seeing.slots import read_slots
from tests.lab.fake_engine import HOST, FakeEngine
from tests.mentor.fake_course import DECLINE, FACT, FakeCourse

QUESTION = "Whose is block 17?"
OWNER = "Block 17 belongs to request 031"
NOT_ASKED = "a question about the lab asks an engine for no words"


def lab_question(question: str, kind: str, score: float = 9.0) -> LabQuestion:
    return LabQuestion(catalog().kinds[kind], read_slots(question), score)


@pytest.fixture
def lab(engine: FakeEngine, teacher: FakeCourse) -> Iterator[FakeEngine]:
    """An engine that is stopped at step 1,900 and is asked whose block 17 is."""
    still = StillEngine()
    engine.replies = [still.look(own=[], block_id=17).to_json()]
    teacher.lab = lab_question(QUESTION, "block_owner")
    yield engine


async def test_a_question_about_the_lab_is_answered_by_what_is_measured(
    learner, chapter, lab, browse
):
    browser = await browse(learner)
    ended = await browser.ask_to_the_end(QUESTION)
    said = browser.course
    assert said["kind"] == "measured" and OWNER in said["measured_html"]
    assert "measured at step 1,900 on host servelab-cpu" not in said["html"]
    assert said["measured"]["step"] == 1900 and said["has_words"] is False
    assert ended["state"] == "answered" and ended["answer"] == ""
    assert lab.submitted == [], NOT_ASKED
    (name, arguments) = lab.commands[-1]
    assert (name, arguments["block_id"]) == ("lab_look", 17)


async def test_an_old_answer_keeps_its_step_in_history_page_and_export(
    learner, chapter, lab, browse, later
):
    browser = await browse(learner)
    await browser.ask_to_the_end(QUESTION)
    lab.replies = []
    again = await browse(learner)
    await again.say(type="open", conversation=None)
    shown = await again.hear("conversation")
    (turn,) = shown["turns"]
    assert "Measured at step 1,900" in turn["course"]["measured_html"]
    client = Client()
    session = await later(lambda: client.session)()
    session["learner_id"] = learner
    await later(session.save)()
    client.cookies["sessionid"] = session.session_key
    address = f"/mentor/conversations/{shown['conversation']['id']}/"
    page = (await later(client.get)(address)).content.decode()
    assert OWNER in page and "Measured at step 1,900" in page
    assert "From the course" not in page
    text = (await later(client.get)(f"{address}export/")).content.decode()
    assert "**Seen in the lab** (measured at step 1,900" in text and OWNER in text


async def test_this_block_is_the_one_that_is_marked_in_the_viewer(
    learner, chapter, lab, browse, teacher
):
    teacher.lab = lab_question("Whose is this block?", "block_owner")
    browser = await browse(learner)
    where = {"host": HOST, "block": 17, "request": None}
    await browser.ask_to_the_end("Whose is this block?", lab=where)
    assert lab.commands[-1][1]["block_id"] == 17
    assert OWNER in browser.course["measured_html"]


@pytest.mark.parametrize("where", [7, "x", {"host": 3, "block": "17"}, {"block": -1}])
async def test_a_place_that_is_none_is_left_out(
    where, learner, chapter, lab, browse, teacher
):
    teacher.lab = lab_question("Whose is this block?", "block_owner")
    browser = await browse(learner)
    await browser.ask_to_the_end("Whose is this block?", lab=where)
    assert lab.commands[-1][1]["block_id"] is None


async def test_without_an_engine_it_says_that_it_sees_none_and_what_the_course_has(
    learner, chapter, lab, browse, teacher
):
    lab.hosts = []
    browser = await browse(learner)
    ended = await browser.ask_to_the_end(QUESTION)
    assert "I see no engine in the lab now" in browser.course["measured_html"]
    assert "KV cache" in browser.course["html"], "the course has words for it"
    assert (ended["state"], ended["error"]) == ("answered", "")
    teacher.finding = DECLINE
    await browser.ask_to_the_end("And this?")
    assert browser.course["has_words"] is False
    assert lab.commands == []


async def test_an_engine_that_starts_or_stays_silent_says_so(
    learner, chapter, lab, browse
):
    lab.replies = []
    browser = await browse(learner)
    await browser.ask_to_the_end(QUESTION)
    assert "did not tell its state" in browser.course["measured_html"]


async def test_what_is_a_question_to_the_course_too_has_both_answers(
    learner, chapter, lab, browse, teacher
):
    teacher.lab = lab_question(QUESTION, "block_owner", score=1.0)
    browser = await browse(learner)
    await browser.ask(QUESTION)
    assert browser.course["kind"] == "answer" and browser.course["has_words"]
    assert OWNER in browser.course["measured_html"]
    assert len(lab.submitted) == 1 and FACT in lab.prompt()[-1]["content"]


async def test_why_a_request_waits_is_asked_while_it_waits(
    learner, chapter, lab, browse, teacher
):
    teacher.lab, waiting = None, lab_question("Why?", "waiting_reason")
    browser = await browse(learner)
    first = (await browser.ask("What is PagedAttention?"))["turn"]
    refused = await browser.ask("What is a block?", first["conversation"])
    assert refused["type"] == "refused", "questions to the course wait their turn"
    teacher.lab = waiting
    seen = (await browser.ask("Why do I wait?", first["conversation"]))["turn"]
    assert (seen["state"], seen["course"]["kind"]) == ("answered", "measured")
    assert "3 requests are waiting" in seen["course"]["measured_html"]
    await lab.report(lab.request_id(), "Blocks.")
    ended = (await browser.hear("turn"))["turn"]
    assert (ended["id"], ended["state"]) == (first["id"], "answered")
    assert len(lab.submitted) == 1
