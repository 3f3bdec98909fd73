"""The line for the second engine: one at a time, a place for each, nobody for ever."""

import json

import pytest
import redis
from django.conf import settings

from lab import client
from lab.errors import EngineUnavailable, LimitExceeded, NotYours
from lab.second import line as line_module
from lab.second.line import Line, Standing, Turn
from lab.second.settings import SecondSettings
from tests.lab.fake_engine import FakeEngine

WANTED = SecondSettings(num_blocks=64).to_json()


@pytest.fixture
def line() -> Line:
    return Line()


def test_the_first_one_starts_at_once_and_others_have_a_place(engine, line):
    first = line.enter("anna", WANTED)
    second = line.enter("ben", WANTED)
    third = line.enter("cleo", WANTED)
    assert line.look(second, "ben") == Standing("waiting", place=2)
    assert line.look(first, "anna").state == "starting"
    assert line.look(second, "ben") == Standing("waiting", place=2)
    assert line.look(third, "cleo") == Standing("waiting", place=3)
    assert engine.seconds == [{"ticket": first, "settings": WANTED}]
    assert engine.queues == ["engine"]


def test_the_next_one_starts_when_the_turn_is_over(engine, line):
    first, second = line.enter("anna", WANTED), line.enter("ben", WANTED)
    line.look(first, "anna")
    turn = Turn(settings.REDIS_URL, first)
    assert turn.take()
    assert not Turn(settings.REDIS_URL, first).take()  # the message came twice
    turn.tell(Standing("ready", engine_host_id="h-second", ends_at=1.0))
    assert line.look(first, "anna").engine_host_id == "h-second"
    turn.tell(Standing("ended", reason="Its time is up."))
    turn.end()
    assert line.look(first, "anna").reason == "Its time is up."
    assert line.look(second, "ben").state == "starting"


def test_who_leaves_or_does_not_look_any_more_loses_the_place(engine, line):
    first, second = line.enter("anna", WANTED), line.enter("ben", WANTED)
    line.look(first, "anna")
    turn = Turn(settings.REDIS_URL, first)
    assert turn.take() and turn.is_wanted()
    line.leave(first, "anna")
    assert not turn.is_wanted()
    third = line.enter("cleo", WANTED)
    with line_module.server() as server:
        server.delete(line_module.TICKET_KEY + second)  # as when it expires
    assert line.look(third, "cleo") == Standing("waiting", place=2)
    assert line.look(second, "ben").state == "gone"


def test_a_worker_that_was_killed_holds_nobody_up(engine, line):
    first, second = line.enter("anna", WANTED), line.enter("ben", WANTED)
    line.look(first, "anna")
    assert Turn(settings.REDIS_URL, first).take()
    with line_module.server() as server:
        assert 0 < server.ttl(line_module.TURN_KEY) <= line_module.TAKEN_S
        server.delete(line_module.TURN_KEY)  # as when it expires
    assert line.look(second, "ben").state == "starting"
    assert not Turn(settings.REDIS_URL, first).keep()  # if it was only slow: it ends


@pytest.mark.parametrize("state", ["starting", "ready"])
def test_what_a_killed_worker_ran_ends_for_its_learner_too(engine, line, state):
    """Its last word may be ten minutes from expiring: the turn tells."""
    ticket = line.enter("anna", WANTED)
    line.look(ticket, "anna")
    turn = Turn(settings.REDIS_URL, ticket)
    assert turn.take()
    turn.tell(Standing(state))
    assert line.look(ticket, "anna").state == state
    with line_module.server() as server:
        server.delete(line_module.TURN_KEY)  # as when it expires
    gone = Standing("gone", reason=line_module.HOST_GONE)
    assert line.look(ticket, "anna") == gone
    turn.tell(Standing("ready"))
    assert turn.keep(), "it was only frozen"
    assert line.look(ticket, "anna").state == "ready"


def test_what_a_worker_told_at_the_end_stays_true(engine, line):
    ticket = line.enter("anna", WANTED)
    line.look(ticket, "anna")
    turn = Turn(settings.REDIS_URL, ticket)
    assert turn.take()
    turn.tell(Standing("ended", result={"a": 1}))
    turn.end()
    assert line.look(ticket, "anna").result == {"a": 1}


def test_a_redis_that_forgot_all_is_named_for_it(engine, line):
    ticket = line.enter("anna", WANTED)
    line.look(ticket, "anna")
    with line_module.server() as server:
        server.delete(*server.scan_iter(match="lab:second:*"))
    found = line.look(ticket, "anna")
    assert found.state == "gone" and "Redis has started again" in str(found.reason)


def test_one_ticket_a_learner_and_nobody_elses(engine, line, monkeypatch):
    ticket = line.enter("anna", WANTED)
    with pytest.raises(LimitExceeded):
        line.enter("anna", WANTED)
    with pytest.raises(NotYours):
        line.look(ticket, "ben")
    line.leave(ticket, "ben")
    assert line.look(ticket, "anna").state == "starting"
    with pytest.raises(LimitExceeded):
        line.enter("anna", WANTED)
    monkeypatch.setattr(line_module, "MAX_WAITING", 1)
    line.enter("ben", WANTED)
    with pytest.raises(LimitExceeded, match="limit"):
        line.enter("cleo", WANTED)


def test_without_a_main_engine_there_is_no_line(line):
    with client.transport(FakeEngine()), pytest.raises(EngineUnavailable):
        line.enter("anna", WANTED)


def test_a_broker_that_is_away_is_a_sentence_and_keeps_the_place(engine, line):
    ticket = line.enter("anna", WANTED)
    engine.broken = ConnectionError("away")
    with pytest.raises(ConnectionError):
        line.look(ticket, "anna")
    engine.broken = None
    with line_module.server() as server:
        assert not server.exists(line_module.TURN_KEY)

    def nobody() -> redis.Redis:
        return redis.Redis.from_url("redis://127.0.0.1:1/0")

    with pytest.raises(EngineUnavailable):
        Line(nobody).look(ticket, "anna")


def test_staff_clear_the_line(engine, line):
    first, second = line.enter("anna", WANTED), line.enter("ben", WANTED)
    line.look(first, "anna")
    turn = Turn(settings.REDIS_URL, first)
    assert turn.take()
    line.clear("The class begins.", only_waiting=True)
    gone = Standing("gone", reason="The class begins.")
    assert line.look(second, "ben") == gone
    assert turn.is_wanted() and line.look(first, "anna").state == "starting"
    line.clear("The class is over.")
    assert not turn.is_wanted()
    turn.tell(Standing("ended", reason="Nobody waits for it any more."))
    assert line.look(first, "anna").reason == "The class is over."
    turn.end()
    line.look(line.enter("ben", WANTED), "ben")
    assert len(engine.seconds) == 2, "the line goes on"


def test_nothing_of_it_stays_for_ever(engine, line):
    ticket = line.enter("anna", WANTED)
    line.look(ticket, "anna")
    Turn(settings.REDIS_URL, ticket).take()
    with line_module.server() as server:
        keys = [k for k in server.scan_iter(match="lab:second:*")]
        lasting = [key for key in keys if server.ttl(key) < 0]
        kept = json.loads(server.get(line_module.TICKET_KEY + ticket))
    assert set(lasting) <= {line_module.LINE_KEY}
    assert set(kept) == {"learner_id", "task", "settings"}
