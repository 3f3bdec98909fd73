"""Asking, streaming, stopping, coming back: through the socket."""

import asyncio
from dataclasses import replace

import pytest
from django.conf import settings
from kombu.exceptions import OperationalError

from courseware.sockets import NO_LEARNER
from lab.models import EngineRequest
from mentor import consumers
from mentor.commands import MAX_MESSAGE_CHARS
from mentor.knowing import Passage
from mentor.models import Conversation, Turn
from tests.lab.fake_engine import READY
from tests.mentor.fake_course import ANSWER, FACT, PASSAGE, URL

pytestmark = pytest.mark.django_db(transaction=True)


def fill_the_engine() -> None:
    """As many requests of others as are taken at once."""
    EngineRequest.objects.bulk_create(
        EngineRequest(request_id=f"{n:032x}", learner_id="f" * 32, purpose="mentor")
        for n in range(settings.LIMITS.mentor_total)
    )


async def test_an_answer_streams_as_it_is_made(learner, chapter, engine, browse):
    browser = await browse(learner)
    asked = await browser.ask("What is PagedAttention?")
    turn = asked["turn"]
    request_id = engine.request_id()

    await engine.play(request_id, phase="waiting", place=3, short_id=7)
    waiting = await browser.hear("event")
    await engine.play(request_id, phase="decode", text="Blocks", num_output_tokens=1)
    first = await browser.hear("event")
    await engine.play(request_id, phase="decode", text="Blocks of", num_output_tokens=2)
    second = await browser.hear("event")
    await engine.report(request_id, "Blocks of *KV* cache.")
    ended = (await browser.hear("turn"))["turn"]

    assert (asked["type"], asked["ref"], turn["state"]) == ("asked", 1, "open")
    assert (waiting["phase"], waiting["place"], waiting["short_id"]) == (
        "waiting",
        3,
        7,
    )
    assert (first["offset"], first["text"]) == (0, "Blocks")
    assert (second["offset"], second["text"]) == (6, " of")
    assert ended["state"] == "answered"
    assert ended["html"] == "<p>Blocks of <em>KV</em> cache.</p>\n"
    assert ended["measured"]["num_cached_tokens"] == 256
    assert ended["measured"]["engine"] == "SmolLM2-135M-Instruct on CPU engine"


async def test_offsets_count_as_javascript_does(learner, chapter, engine, browse):
    browser = await browse(learner)
    await browser.ask("What is PagedAttention?")
    await engine.play(engine.request_id(), phase="decode", text="a\U0001f600")
    await browser.hear("event")
    await engine.play(engine.request_id(), phase="decode", text="a\U0001f600b")
    assert (await browser.hear("event"))["offset"] == 3


async def test_the_prompt_is_made_of_what_the_course_says(
    learner, chapter, engine, teacher, browse
):
    other = Passage("Blocks", "/chapters/deploying/#blocks", "A block holds tokens.")
    own = replace(PASSAGE, note_id="paged")
    teacher.finding = replace(ANSWER, passages=[own, other])
    browser = await browse(learner)
    await browser.ask("What is PagedAttention?")
    system, user = engine.prompt()
    await engine.report(engine.request_id(), "Blocks.")
    ended = (await browser.hear("turn"))["turn"]
    assert system["role"] == "system"
    said, passage, question = user["content"].split("\n\n")
    assert said == f"Text:\nPagedAttention: {FACT} In standard words."
    assert passage == "Blocks: A block holds tokens.", "the note itself is not repeated"
    assert question.endswith("Question: What is PagedAttention?")
    assert [p["url"] for p in ended["passages"]] == [URL, other.url]


async def test_turns_follow_on_each_other(learner, chapter, engine, browse):
    browser = await browse(learner)
    first = (await browser.ask("What is PagedAttention?"))["turn"]
    await engine.report(engine.request_id(), "Blocks.")
    await browser.hear("turn")
    second = await browser.ask("And cold starts?", first["conversation"])
    roles = [message["role"] for message in engine.prompt()]
    assert second["turn"]["conversation"] == first["conversation"]
    assert roles == ["system", "user", "assistant", "user"]
    assert engine.prompt()[1] == engine.prompt(0)[1], "sent again as it was: a prefix"
    assert engine.prompt()[2]["content"] == "Blocks."


async def test_a_reload_shows_the_conversation_and_goes_on_streaming(
    learner, chapter, engine, browse
):
    before = await browse(learner)
    turn = (await before.ask("What is PagedAttention?"))["turn"]
    await engine.play(engine.request_id(), phase="decode", text="Blocks")
    await before.hear("event")
    await before.leave()

    after = await browse(learner)
    await after.say(type="open", conversation=None)
    shown = await after.hear("conversation")
    await engine.play(engine.request_id(), phase="decode", text="Blocks of")
    event = await after.hear("event")

    assert shown["conversation"]["id"] == turn["conversation"]
    assert [t["question"] for t in shown["turns"]] == ["What is PagedAttention?"]
    assert (event["turn"], event["offset"], event["text"]) == (
        turn["id"],
        0,
        "Blocks of",
    )


async def test_an_answer_is_kept_although_the_browser_left(
    learner, chapter, engine, browse
):
    browser = await browse(learner)
    await browser.ask("What is PagedAttention?")
    await browser.leave()
    await engine.store(engine.request_id(), "Blocks.")
    again = await browse(learner)
    await again.say(type="open", conversation=None)
    turn = (await again.hear("conversation"))["turns"][0]
    assert (turn["state"], turn["answer"]) == ("answered", "Blocks.")


async def test_a_lost_last_event_heals(learner, chapter, engine, browse):
    browser = await browse(learner)
    await browser.ask("What is PagedAttention?")
    await engine.store(engine.request_id(), "Blocks.")
    assert (await browser.hear("turn"))["turn"]["answer"] == "Blocks."


async def test_a_turn_whose_words_still_come_is_not_looked_up(
    learner, chapter, engine, browse, monkeypatch
):
    monkeypatch.setattr(consumers, "HEAL_S", 2.0)
    browser = await browse(learner)
    await browser.ask("What is PagedAttention?")
    request_id = engine.request_id()
    await engine.play(request_id, phase="decode", text="Bl")
    await engine.store(request_id, "Blocks.")
    for number in range(8):
        await engine.play(request_id, phase="decode", text="Block"[: 1 + number])
        await asyncio.sleep(0.3)
    heard = [(await browser.hear())["type"] for _ in range(10)]
    assert heard == ["event"] * 9 + ["turn"], "the words, and the end after a silence"


async def test_lost_events_cost_nothing_and_heal_sends_all_again(
    learner, chapter, engine, browse
):
    browser = await browse(learner)
    turn = (await browser.ask("What is PagedAttention?"))["turn"]
    await engine.play(engine.request_id(), phase="decode", text="One two three")
    assert (await browser.hear("event"))["text"] == "One two three"
    await browser.say(type="heal", turn=turn["id"])
    await browser.say(type="open", conversation=None)
    await browser.hear("conversation")
    await engine.play(engine.request_id(), phase="decode", text="One two three four")
    event = await browser.hear("event")
    assert (event["offset"], event["text"]) == (0, "One two three four")


async def test_stop_aborts_in_the_engine_and_keeps_what_was_said(
    learner, chapter, engine, browse
):
    browser = await browse(learner)
    turn = (await browser.ask("What is PagedAttention?"))["turn"]
    await browser.say(type="stop", turn=turn["id"])
    await browser.say(type="open", conversation=None)
    await browser.hear("conversation")
    assert engine.aborted == [engine.request_id()]
    await engine.report(engine.request_id(), "Half", finish_reason="aborted")
    ended = (await browser.hear("turn"))["turn"]
    assert (ended["state"], ended["answer"]) == ("stopped", "Half")


async def test_an_answer_that_repeated_itself_is_kept_without_its_echo(
    learner, chapter, engine, browse
):
    browser = await browse(learner)
    await browser.ask("What is PagedAttention?")
    said = "It keeps blocks. It is a technique used in engines."
    echo = " It is a technique used in engines."
    await engine.report(engine.request_id(), said + echo, finish_reason="repetition")
    ended = (await browser.hear("turn"))["turn"]
    assert (ended["state"], ended["answer"]) == ("answered", said)
    assert "began to repeat itself" in ended["error"]


async def test_an_answer_is_kept_without_the_passages_that_it_copies(
    learner, chapter, engine, browse
):
    browser = await browse(learner)
    await browser.ask("What is PagedAttention?")
    text = f"It keeps blocks.\n\n{PASSAGE.title}: Operating systems solved this decades"
    await engine.report(engine.request_id(), text, finish_reason="length")
    ended = (await browser.hear("turn"))["turn"]
    assert (ended["state"], ended["answer"]) == ("answered", "It keeps blocks.")


async def test_a_failure_says_why(learner, chapter, engine, browse):
    browser = await browse(learner)
    await browser.ask("What is PagedAttention?")
    why = "The engine process ended. Ask again."
    await engine.report(engine.request_id(), finish_reason="error", error=why)
    ended = (await browser.hear("turn"))["turn"]
    assert (ended["state"], ended["error"]) == ("failed", why)


async def test_a_broker_that_does_not_answer_fails_the_turn_and_keeps_the_question(
    learner, chapter, engine, browse
):
    engine.broken = OperationalError("no route")
    turn = await (await browse(learner)).ask_to_the_end("What is PagedAttention?")
    assert turn["state"] == "failed"
    assert turn["question"] == "What is PagedAttention?"
    assert "Ask again" in turn["error"]
    assert turn["course"]["sentences"], "what the course says is there all the same"


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("  \n ", "There is no question yet"),
        ("a" * 2_001, "2,001 characters; at most 2,000"),
        ("字" * 700, "tokens long (estimated)"),
    ],
)
async def test_questions_outside_the_limits_are_refused_in_words(
    question, sentence, learner, chapter, engine, browse, later
):
    refused = await (await browse(learner)).ask(question)
    assert (refused["type"], refused["ref"]) == ("refused", 1)
    assert sentence in refused["reason"]
    assert engine.submitted == []
    assert await later(Conversation.objects.count)() == 0


async def test_one_question_at_a_time_in_a_conversation(
    learner, chapter, engine, browse
):
    browser = await browse(learner)
    turn = (await browser.ask("What is PagedAttention?"))["turn"]
    refused = await browser.ask("And cold starts?", turn["conversation"])
    assert "still being answered" in refused["reason"]
    assert len(engine.submitted) == 1


async def test_at_the_limit_of_the_engine_the_course_answers_alone_and_says_why(
    learner, chapter, engine, browse, later
):
    await later(fill_the_engine)()
    turn = await (await browse(learner)).ask_to_the_end("What is PagedAttention?")
    assert (turn["state"], engine.submitted) == ("answered", [])
    assert turn["course"]["sentences"]
    assert turn["error"].startswith("The engine was not asked: ")
    assert "512" in turn["error"]


async def test_without_an_engine_the_course_answers_alone_and_says_why(
    learner, chapter, engine, browse
):
    browser = await browse(learner)
    engine.hosts = []
    none = await browser.ask_to_the_end("What is PagedAttention?")
    engine.hosts = [
        READY.__class__(
            "h", "unavailable", 0.0, reason="vLLM does not support this processor."
        )
    ]
    unable = await browser.ask_to_the_end("And what is a block?")
    assert none["course"]["sentences"] and none["state"] == "answered"
    assert none["error"].startswith("The engine was not asked: no engine is running")
    assert unable["error"].endswith("vLLM does not support this processor.")


async def test_a_starting_engine_takes_questions(learner, chapter, engine, browse):
    engine.hosts = [READY.__class__("h", "starting", 0.0)]
    browser = await browse(learner)
    await browser.ask("What is PagedAttention?")
    await engine.play(engine.request_id(), phase="engine_starting")
    assert (await browser.hear("event"))["phase"] == "engine_starting"


async def test_a_socket_without_a_learner_is_closed(engine, browse):
    browser = await browse(None)
    assert await browser.closing() == {"type": "websocket.close", "code": 4401}


async def test_what_is_not_a_command_is_refused_and_the_socket_lives_on(
    learner, chapter, engine, browse
):
    browser = await browse(learner)
    for raw in (
        {"text_data": "{"},
        {"text_data": "[" * 5_000},
        {"text_data": "[]"},
        {"text_data": '{"type": {"a": 1}}'},
        {"text_data": '{"type": "abort"}'},
        {"text_data": '{"type": "stop", "turn": true}'},
        {"text_data": '{"type": "stop", "turn": 99999999999999999999}'},
        {"text_data": '{"type": "ask", "question": 3}'},
        {"text_data": '{"type": "open", "conversation": "x"}'},
        {"text_data": '{"type": "delete"}'},
        {"text_data": '"' + "a" * MAX_MESSAGE_CHARS + '"'},
        {"bytes_data": b"\x00\xff"},
    ):
        await browser.say_raw(**raw)
        assert (await browser.hear("refused"))["reason"]
    assert (await browser.ask("What is PagedAttention?\x00\ud800"))["type"] == "asked"


async def test_too_many_messages_are_refused(learner, chapter, engine, browse):
    browser = await browse(learner)
    for _ in range(30):
        await browser.say(type="open", conversation=None)
    kinds = [(await browser.hear())["type"] for _ in range(30)]
    assert kinds[0] == "conversation"
    assert kinds[-1] == "refused"


async def test_knowing_an_id_gives_nothing(
    learner, make_learner, chapter, engine, browse, later
):
    other = await later(make_learner)()
    mine = await browse(learner)
    turn = (await mine.ask("What is PagedAttention?"))["turn"]
    theirs = await browse(other)

    asked = await theirs.ask("And?", turn["conversation"])
    await theirs.say(type="stop", turn=turn["id"])
    stopped = await theirs.hear()
    await theirs.say(type="delete", conversation=turn["conversation"])
    deleted = await theirs.hear()
    await theirs.say(type="open", conversation=turn["conversation"])
    opened = await theirs.hear()
    await theirs.say(type="heal", turn=turn["id"])
    await engine.play(engine.request_id(), phase="decode", text="secret")

    assert [m["type"] for m in (asked, stopped, deleted)] == ["refused"] * 3
    assert opened["turns"] == [] and opened["conversations"] == []
    assert engine.aborted == [] and len(engine.submitted) == 1
    assert await theirs.hears_nothing()
    assert (await mine.hear("event"))["text"] == "secret"


async def test_deleting_a_conversation_stops_it_and_shows_the_next(
    learner, chapter, engine, browse, later
):
    browser = await browse(learner)
    older = (await browser.ask("What is PagedAttention?"))["turn"]
    await engine.report(engine.request_id(), "Blocks.")
    await browser.hear("turn")
    newer = (await browser.ask("Why cold starts?"))["turn"]
    await browser.say(type="delete", conversation=newer["conversation"])
    shown = await browser.hear("conversation")
    assert shown["conversation"]["id"] == older["conversation"]
    assert engine.aborted == [engine.request_id()]
    await engine.report(engine.request_id(), "late")
    assert await browser.hears_nothing()
    assert await later(Turn.objects.count)() == 1


async def test_a_forgotten_learner_cannot_ask_through_an_open_socket(
    learner, chapter, engine, browse, later
):
    from courseware.models import Learner

    browser = await browse(learner)
    await later(Learner.objects.filter(learner_id=learner).delete)()
    await browser.say(type="ask", conversation=None, question="What is it?", ref=1)
    assert (await browser.closing())["code"] == NO_LEARNER
    assert await later(Conversation.objects.count)() == 0
