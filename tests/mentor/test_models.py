"""What is stored of a conversation, and what ends it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from courseware.learner import carry, forget
from lab import client
from lab.models import EngineRequest
from mentor import asking
from mentor.commands import Ask
from mentor.errors import Refused, Unknown
from mentor.models import MAX_CONVERSATIONS, MAX_TURNS, Conversation, Turn
from tests.lab.fake_engine import READY, deliver, finished

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ask(learner, chapter, engine):
    def ask(question="What is PagedAttention?", conversation=None):
        request_id = f"{Turn.objects.count():032x}"
        asked = Ask(conversation and conversation.pk, question)
        return asking.ask(learner, asked, request_id)

    return ask


def test_a_report_becomes_the_answer_with_its_numbers(ask):
    turn = ask()
    deliver(finished(turn.request_id, "Blocks.", short_id=7))
    turn.refresh_from_db()
    assert (turn.state, turn.answer, turn.short_id) == ("answered", "Blocks.", 7)
    assert turn.report["num_cached_tokens"] == 256
    assert turn.report["engine"] == "SmolLM2-135M-Instruct on CPU engine"
    assert "text" not in turn.report


def test_only_the_first_report_counts(ask):
    turn = ask()
    deliver(finished(turn.request_id, "Blocks."))
    deliver(finished(turn.request_id, finish_reason="interrupted", error="Again."))
    turn.refresh_from_db()
    assert (turn.state, turn.answer, turn.error) == ("answered", "Blocks.", "")


def test_reports_of_other_purposes_and_unknown_requests_change_nothing(ask):
    turn = ask()
    deliver(finished(turn.request_id, "A demo."), purpose="demo")
    deliver(finished("f" * 32, "Nobody's."))
    turn.refresh_from_db()
    assert (turn.state, turn.answer) == ("open", "")


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        ("stop", "answered"),
        ("length", "answered"),
        ("aborted", "stopped"),
        ("error", "failed"),
        ("interrupted", "failed"),
    ],
)
def test_each_finish_reason_has_its_state(ask, reason, state):
    turn = ask()
    deliver(finished(turn.request_id, finish_reason=reason))
    turn.refresh_from_db()
    assert turn.state == state


def test_a_turn_whose_report_never_came_fails_but_a_late_report_still_counts(ask):
    turn = ask()
    long_ago = timezone.now() - client.OVERDUE - timedelta(seconds=1)
    Turn.objects.update(created_at=long_ago)
    Turn.objects.give_up_overdue()
    turn.refresh_from_db()
    assert turn.state == "open", "it is under way: its host or the sweep ends it"
    EngineRequest.objects.update(finish_reason="stop")
    Turn.objects.give_up_overdue()
    turn.refresh_from_db()
    assert (turn.state, turn.error) == (
        "failed",
        "No engine answered within 10 minutes. Ask again.",
    )
    deliver(finished(turn.request_id, "Late."))
    turn.refresh_from_db()
    assert (turn.state, turn.answer, turn.error) == ("answered", "Late.", "")


def test_a_question_that_no_process_hands_over_any_more_does_not_block(
    learner, chapter, engine
):
    lost = asking.take(learner, Ask(None, "What is PagedAttention?"), "a" * 32)
    Turn.objects.update(created_at=timezone.now() - timedelta(seconds=31))
    asking.ask(learner, Ask(None, "Why cold starts?"))
    lost.refresh_from_db()
    assert (lost.state, "got lost" in lost.error) == ("failed", True)


def test_two_learners_with_open_questions_become_one(ask, learner, make_learner):
    account = make_learner()
    asking.ask(account, Ask(None, "Why cold starts?"))
    mine = ask()
    carry.send(sender=None, learner_id=learner, into=account)
    still_open = Turn.objects.open().get()
    assert (still_open.pk, still_open.learner_id) == (mine.pk, account)
    ended = Turn.objects.exclude(pk=mine.pk).get()
    deliver(finished(ended.request_id, "Late."))
    ended.refresh_from_db()
    assert (ended.state, ended.answer) == ("answered", "Late.")


def test_the_smallest_serving_engine_sets_how_much_fits(ask, engine):
    engine.hosts = [
        replace(READY, engine_host_id="large", max_model_len=8_192),
        replace(READY, max_model_len=512, max_output_tokens=64),
        replace(READY, state="failed", max_model_len=128),
    ]
    turn = ask()
    assert turn.context_tokens == 512
    assert engine.submitted[-1]["max_tokens"] == 64
    with pytest.raises(Refused, match="has room for"):
        ask("word " * 390)


def test_what_no_longer_fits_is_dropped_and_counted(ask, engine):
    conversation = None
    for number in range(4):
        turn = ask(f"{number}: what is PagedAttention {'really ' * 150}?", conversation)
        conversation = turn.conversation
        deliver(finished(turn.request_id, "Blocks. " * 60))
    assert turn.num_turns_dropped > 0
    answers = [m for m in engine.prompt() if m["role"] == "assistant"]
    assert len(answers) == 3 - turn.num_turns_dropped


def test_stopped_and_failed_turns_are_not_shown_to_the_model_again(ask, engine):
    first = ask()
    deliver(finished(first.request_id, "Half", finish_reason="aborted"))
    ask("And cold starts?", first.conversation)
    assert [m["role"] for m in engine.prompt()] == ["system", "user"]


def test_a_conversation_is_full_at_a_stated_number(ask, learner):
    conversation = Conversation.objects.create(learner_id=learner)
    earlier = [
        Turn(
            conversation=conversation,
            position=position,
            question="What?",
            prompt="What?",
            context_tokens=2048,
            state=Turn.State.ANSWERED,
            request_id=f"f{position:031x}",
        )
        for position in range(MAX_TURNS - 1)
    ]
    Turn.objects.bulk_create(earlier)
    last = ask("The last?", conversation)
    deliver(finished(last.request_id, "Blocks."))
    with pytest.raises(Refused, match="has 100 questions, which is the most"):
        ask("And?", conversation)


def test_the_oldest_conversation_makes_room(ask, learner):
    oldest = ask()
    deliver(finished(oldest.request_id, "Blocks."))
    between = Conversation.objects.bulk_create(
        Conversation(learner_id=learner) for _ in range(MAX_CONVERSATIONS - 1)
    )
    newest = ask("Why cold starts?")
    kept = {c.pk for c in Conversation.objects.latest_of(learner)}
    assert kept == {*(c.pk for c in between), newest.conversation_id}
    assert not Turn.objects.filter(pk=oldest.pk).exists()


def test_forgetting_a_learner_stops_and_deletes_what_is_theirs_only(
    ask, learner, make_learner, engine
):
    mine = ask()
    other = make_learner()
    theirs = asking.ask(other, Ask(None, "Cold starts?"), "e" * 32)
    forget.send(sender=None, learner_id=learner)
    assert set(engine.aborted) == {mine.request_id}
    assert list(Turn.objects.all()) == [theirs]
    deliver(finished(mine.request_id, "Late."))
    assert Turn.objects.count() == 1


def test_forgetting_works_while_the_broker_does_not(ask, learner, engine):
    from kombu.exceptions import OperationalError

    ask()
    engine.broken = OperationalError("gone")
    forget.send(sender=None, learner_id=learner)
    assert Turn.objects.count() == 0


def test_a_request_the_engine_no_longer_knows_fails_when_stopped(ask):
    turn = ask()
    EngineRequest.objects.all().delete()
    turn.stop()
    turn.refresh_from_db()
    assert turn.state == "failed"


def test_owners_only(ask, make_learner):
    turn = ask()
    other = make_learner()
    with pytest.raises(Unknown):
        Turn.objects.owned(other, turn.pk)
    with pytest.raises(Unknown):
        Conversation.objects.owned(other, turn.conversation_id)


def test_a_learner_who_was_never_seen_cannot_begin(chapter, engine):
    with pytest.raises(Unknown, match="reload the page"):
        asking.ask("0" * 32, Ask(None, "Why?"), "a" * 32)


def test_who_asks_is_not_held_up_by_a_question_whose_process_is_gone(
    learner, chapter, engine
) -> None:
    lost = asking.ask(learner, Ask(None, "What is PagedAttention?"))
    long_ago = timezone.now() - client.OVERDUE - timedelta(seconds=1)
    Turn.objects.filter(pk=lost.pk).update(created_at=long_ago)
    EngineRequest.objects.update(finish_reason="stop")
    again = asking.ask(learner, Ask(None, "What is PagedAttention?"))
    assert again.pk != lost.pk
    assert again.is_open
    other = Turn.objects.get(pk=lost.pk)
    assert (other.state, other.error) == ("failed", client.NOBODY_ANSWERED)


def test_one_that_no_engine_was_asked_yet_is_stopped_and_never_sent(
    learner, chapter, engine
):
    """Another tab stops it while the course looks it up: that is no failure."""
    turn = asking.take(learner, Ask(None, "What is PagedAttention?"), "a" * 32)
    turn.stop()
    turn = asking.inform(turn)
    turn = asking.voice(turn)
    turn.refresh_from_db()
    assert (turn.state, turn.error) == ("stopped", "")
    assert engine.submitted == []
