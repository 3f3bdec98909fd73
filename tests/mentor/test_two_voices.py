"""What the course says and what an engine says, through the socket."""

import asyncio
import threading
from dataclasses import replace

import pytest
from django.contrib.auth import logout
from django.contrib.sessions.backends.db import SessionStore
from django.test import RequestFactory

from courseware.models import User
from courseware.sockets import NO_LEARNER
from mentor.knowing import Passage
from mentor.models import Conversation, Turn
from tests.lab.live import until
from tests.mentor.fake_course import (
    ANSWER,
    DECLINE,
    NEAR,
    OFFER,
    PASSAGE,
    TRUE,
    URL,
)

pytestmark = pytest.mark.django_db(transaction=True)
QUESTION = "What is PagedAttention?"


class Held(list):
    """Takes no request before something has been heard."""

    def __init__(self, heard: threading.Event) -> None:
        super().__init__()
        self._heard = heard

    def append(self, request: object) -> None:
        assert self._heard.wait(60), "the course is silent until an engine is asked"
        super().append(request)


async def test_the_course_speaks_at_once_and_before_an_engine_is_asked(
    learner, chapter, engine, browse
):
    browser = await browse(learner)
    heard = threading.Event()
    engine.submitted = Held(heard)
    await browser.say(type="ask", conversation=None, question=QUESTION, ref=1)
    turn = (await browser.hear("asked"))["turn"]
    said = await browser.hear("course")
    assert engine.submitted == [] and turn["course"] is None
    heard.set()
    assert (said["turn"], said["kind"]) == (turn["id"], "answer")
    assert "<code>KV cache</code> into blocks." in said["html"]
    assert f'href="{URL}">PagedAttention</a>' in said["html"]
    assert 'href="/chapters/deploying/#source-memory">source</a>' in said["html"]


async def test_a_doubt_stands_before_the_courses_sentences_and_apart_from_them(
    learner, chapter, engine, browse, teacher
):
    doubt = "The course may not say just that."
    teacher.finding = replace(ANSWER, words=doubt)
    browser = await browse(learner)
    await browser.say(type="ask", conversation=None, question=QUESTION, ref=1)
    await browser.hear("asked")
    said = await browser.hear("course")
    assert said["kind"] == "answer" and said["words"] == doubt
    before, fact = said["html"].split('<p class="mentor-fact">')
    assert f'<p class="mentor-words">{doubt}</p>' in before and "blocks." in fact


async def test_each_sentence_of_the_engine_is_checked_and_the_false_one_struck(
    learner, chapter, engine, browse
):
    browser = await browse(learner)
    await browser.ask(QUESTION)
    text = f"{TRUE} It was born in 1887 in <b>Rome</b>."
    await engine.report(engine.request_id(), text)
    ended = (await browser.hear("turn"))["turn"]
    true, false = ended["checked_html"].split("is-made-up")
    assert TRUE in true and f'href="{URL}"' in true
    assert "<s>It was born in 1887 in &lt;b&gt;Rome&lt;/b&gt;.</s>" in false
    assert "the model made this up" in false
    assert "Not supported by the course" in false, "in words, for a screen reader"
    assert (ended["num_supported"], ended["num_sentences"]) == (1, 2)


async def test_both_voices_are_there_again_from_history(
    learner, chapter, engine, browse
):
    browser = await browse(learner)
    await browser.ask(QUESTION)
    await engine.report(engine.request_id(), f"{TRUE} It is a bird.")
    ended = (await browser.hear("turn"))["turn"]
    again = await browse(learner)
    await again.say(type="open", conversation=None)
    assert (await again.hear("conversation"))["turns"] == [ended]


async def test_words_are_checked_once_by_whoever_shows_them_first(
    learner, chapter, engine, teacher, browse, later
):
    browser = await browse(learner)
    await browser.ask(QUESTION)
    await browser.leave()
    await engine.store(engine.request_id(), f"{TRUE} It is a bird.")
    stored = await later(Turn.objects.get)()
    assert (stored.state, stored.checked, teacher.num_checks) == ("answered", None, 0)
    for _ in range(2):
        again = await browse(learner)
        await again.say(type="open", conversation=None)
        [turn] = (await again.hear("conversation"))["turns"]
        assert (turn["num_supported"], turn["num_sentences"]) == (1, 2)
    assert teacher.num_checks == 1


async def test_a_question_whose_search_takes_long_holds_up_nobody_else(
    make_learner, chapter, engine, teacher, browse, later
):
    one, other = await later(make_learner)(), await later(make_learner)()
    slow, quick = await browse(one), await browse(other)
    teacher.held["Slow?"] = threading.Event()
    await slow.say(type="ask", conversation=None, question="Slow?", ref=1)
    await slow.hear("asked")
    assert (await quick.ask(QUESTION))["type"] == "asked"
    assert quick.course["kind"] == "answer"
    teacher.held["Slow?"].set()
    assert (await slow.hear("course"))["kind"] == "answer"


@pytest.mark.parametrize("finding", [OFFER, DECLINE, NEAR], ids=lambda f: f.kind)
async def test_what_the_course_does_not_answer_no_engine_is_asked(
    finding, learner, chapter, engine, teacher, browse
):
    teacher.finding = finding
    browser = await browse(learner)
    turn = await browser.ask_to_the_end("Who won the World Cup?")
    assert engine.submitted == []
    assert (turn["state"], turn["error"], turn["answer"]) == ("answered", "", "")
    assert turn["course"]["kind"] == finding.kind
    assert finding.words in turn["course"]["html"]
    assert turn["course"]["sentences"] == []
    assert (f'href="{URL}">Read there' in turn["course"]["html"]) == bool(finding.url)
    offered = [offer["question"] for offer in turn["course"]["offers"]]
    assert offered == [note.asks[0] for note in finding.offers]


async def test_a_course_that_fails_is_said_and_the_learner_may_ask_again(
    learner, chapter, engine, teacher, browse
):
    teacher.broken = ValueError("no such file")
    browser = await browse(learner)
    turn = await browser.ask_to_the_end(QUESTION)
    assert (turn["state"], engine.submitted) == ("failed", [])
    assert "for a reason on our side" in turn["error"]
    teacher.broken = None
    assert (await browser.ask(QUESTION))["type"] == "asked"
    assert len(engine.submitted) == 1


async def test_where_the_learner_is_goes_with_the_question(
    learner, chapter, engine, teacher, browse
):
    browser = await browse(learner)
    selected = "one  table\n per request"
    where = {"section": "hardware", "selected": selected, "level": "deep"}
    asked = await browser.ask("Explain this", **where)
    await engine.report(engine.request_id(), TRUE)
    ended = (await browser.hear("turn"))["turn"]
    assert teacher.asked[0] == {
        "question": "Explain this",
        "before": [],
        "section": "hardware",
        "selected": "one table per request",
        "level": "deep",
    }
    assert asked["turn"]["selected"] == "one table per request"
    assert ended["course"]["sentences"][1]["text"] == "In deep words."
    assert "“one table per request”" in engine.prompt()[1]["content"]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"selected": "word " * 300}, "1,499 characters; a question can be about"),
        ({"selected": 3}, "The selected text is text"),
        ({"level": "shouting"}, "A level is one of plain, standard, deep"),
        ({"replaces": "x"}, "named by its number"),
        ({"replaces": 99}, "not yours, or no longer exists"),
    ],
)
async def test_where_the_learner_says_to_be_is_checked(
    more, sentence, learner, chapter, engine, browse, later
):
    refused = await (await browse(learner)).ask(QUESTION, **more)
    assert refused["type"] == "refused" and sentence in refused["reason"]
    assert await later(Conversation.objects.count)() == 0


async def test_a_section_that_does_not_exist_is_left_out(
    learner, chapter, engine, teacher, browse
):
    browser = await browse(learner)
    for section in ("nowhere", "<b>", 7):
        await browser.ask(QUESTION, section=section)
    assert [asked["section"] for asked in teacher.asked] == [""]


async def test_three_asks_at_once_make_one_turn(
    learner, chapter, engine, browse, later
):
    browsers = [await browse(learner) for _ in range(3)]
    asks = {"conversation": None, "question": QUESTION, "ref": 1}
    for browser in browsers:
        await browser.say(type="ask", **asks)
        await browser.say(type="ask", **asks)
    turns = {(await browser.hear("asked"))["turn"]["id"] for browser in browsers}
    await until(lambda: engine.submitted)
    await asyncio.sleep(0.3)
    assert len(turns) == 1
    assert await later(Turn.objects.count)() == 1
    assert await later(Conversation.objects.count)() == 1
    assert len(engine.submitted) == 1


async def test_a_double_click_on_what_is_declined_makes_one_turn(
    learner, chapter, engine, teacher, browse, later
):
    teacher.finding = DECLINE
    browser = await browse(learner)
    first = await browser.ask_to_the_end("Who won?")
    again = await browser.ask("Who won?")
    assert again["turn"] == first | {"title": "Who won?"}
    assert await later(Turn.objects.count)() == 1


async def test_one_question_is_pending_in_all_conversations(
    learner, chapter, engine, browse, later
):
    browser = await browse(learner)
    await browser.ask(QUESTION)
    refused = await browser.ask("And cold starts?")
    assert "still being answered" in refused["reason"]
    assert await later(Conversation.objects.count)() == 1


async def test_asked_again_it_takes_the_place_and_the_engine_has_other_words(
    learner, chapter, engine, browse, later
):
    browser = await browse(learner)
    first = (await browser.ask(QUESTION))["turn"]
    await engine.report(engine.request_id(), TRUE)
    await browser.hear("turn")
    place = {"conversation": first["conversation"], "replaces": first["id"]}
    again = await browser.ask(QUESTION, **place)
    assert again["replaces"] == first["id"]
    assert [r["temperature"] for r in engine.submitted] == [0.0, 0.7]
    assert len(engine.prompt()) == 2, "what was replaced is not told to the engine"
    await engine.report(engine.request_id(), TRUE)
    await browser.hear("turn")
    await browser.say(type="open", conversation=None)
    shown = (await browser.hear("conversation"))["turns"]
    assert [turn["id"] for turn in shown] == [again["turn"]["id"]]
    assert await later(Turn.objects.count)() == 2, "staff see what was marked"


async def test_an_edited_question_takes_the_place_of_it_and_of_what_followed(
    learner, chapter, engine, teacher, browse
):
    teacher.finding = DECLINE
    browser = await browse(learner)
    first = await browser.ask_to_the_end("Who won?")
    place = {"conversation": first["conversation"]}
    await browser.ask_to_the_end("And who lost?", **place)
    edited = await browser.ask_to_the_end("Who played?", replaces=first["id"], **place)
    await browser.say(type="open", conversation=None)
    shown = (await browser.hear("conversation"))["turns"]
    assert [turn["id"] for turn in shown] == [edited["id"]]
    assert teacher.asked[-1]["before"] == []


async def test_no_question_goes_on_with_one_that_left_the_course(
    learner, chapter, engine, teacher, browse
):
    browser = await browse(learner)
    teacher.finding = OFFER
    first = await browser.ask_to_the_end("Blocks?")
    place = {"conversation": first["conversation"]}
    teacher.finding = DECLINE
    await browser.ask_to_the_end("Who won the cup?", **place)
    await browser.ask_to_the_end("And why not bigger?", **place)
    assert teacher.asked[-1]["before"] == ["Blocks?"]


async def test_the_level_is_kept_for_the_learner(learner, chapter, engine, browse):
    browser = await browse(learner)
    await browser.say(type="level", level="deep")
    await browser.say(type="open", conversation=None)
    assert (await browser.hear("conversation"))["level"] == "deep"


async def test_feedback_has_a_reason_and_belongs_to_the_owner(
    learner, make_learner, chapter, engine, teacher, browse, later
):
    teacher.finding = DECLINE
    browser = await browse(learner)
    turn = await browser.ask_to_the_end("Who won?")
    said = {"turn": turn["id"], "verdict": "wrong", "reason": " It is in part 2. "}
    other = await browse(await later(make_learner)())
    await other.say(type="feedback", **said)
    assert "not yours" in (await other.hear("refused"))["reason"]
    await browser.say(type="feedback", **said)
    marked = (await browser.hear("turn"))["turn"]
    assert (marked["verdict"], marked["reason"]) == ("wrong", "It is in part 2.")
    for bad in ({"verdict": "maybe"}, {"reason": "a" * 501}, {"reason": 3}):
        await browser.say(type="feedback", **said | bad)
        assert (await browser.hear("refused"))["reason"]


async def test_two_tabs_agree(learner, chapter, engine, teacher, browse):
    teacher.finding = DECLINE
    one, other = await browse(learner), await browse(learner)
    turn = await one.ask_to_the_end("Who won?")
    shown = await other.hear("conversation")
    assert [t["id"] for t in shown["turns"]] == [turn["id"]]
    await other.say(
        type="rename", conversation=turn["conversation"], title=" Football "
    )
    assert (await other.hear("conversation"))["conversation"]["title"] == "Football"
    assert (await one.hear("conversation"))["conversation"]["title"] == "Football"
    await one.say(type="feedback", turn=turn["id"], verdict="wrong", reason="No.")
    assert (await one.hear("turn"))["turn"]["verdict"] == "wrong"
    (marked,) = (await other.hear("conversation"))["turns"]
    assert (marked["verdict"], marked["reason"]) == ("wrong", "No.")
    await other.say(type="level", level="deep")
    assert (await one.hear("conversation"))["level"] == "deep"
    await one.say(type="delete", conversation=turn["conversation"])
    await one.hear("conversation")
    assert (await other.hear("conversation"))["turns"] == []


def signed_in(learner: str) -> SessionStore:
    session = SessionStore()
    session["learner_id"] = learner
    session.save()
    return session


async def test_signing_out_closes_the_open_sockets_of_the_session_only(
    learner, chapter, engine, browse, later
):
    here, elsewhere = await later(signed_in)(learner), await later(signed_in)(learner)
    browser, at_home = await browse(learner, here), await browse(learner, elsewhere)
    user = await later(User.objects.create_user)("ann@example.org", "secret words")

    def sign_out() -> None:
        request = RequestFactory().post("/account/sign-out/")
        request.session, request.user = here, user
        logout(request)

    await later(sign_out)()
    assert await browser.closing() == {"type": "websocket.close", "code": NO_LEARNER}
    assert await at_home.hears_nothing()


async def test_a_socket_that_was_not_told_of_the_end_of_its_session_asks_itself(
    learner, chapter, engine, browse, later
):
    session = await later(signed_in)(learner)
    browser = await browse(learner, session)
    await later(SessionStore(session.session_key).delete)()
    await browser.say(type="ask", conversation=None, question=QUESTION, ref=1)
    assert await browser.closing() == {"type": "websocket.close", "code": NO_LEARNER}
    assert await later(Turn.objects.count)() == 0


async def test_passages_beyond_two_and_those_the_answer_has_stay_out_of_the_prompt(
    learner, chapter, engine, teacher, browse
):
    more = [Passage(f"P{n}", f"/#{n}", f"Fact {n}.") for n in range(4)]
    teacher.finding = replace(
        ANSWER, passages=[replace(PASSAGE, note_id="paged"), *more]
    )
    await (await browse(learner)).ask(QUESTION)
    content = engine.prompt()[1]["content"]
    assert "Fact 1." in content and "Fact 2." not in content
