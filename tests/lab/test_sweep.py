"""What is nobody's is found without a visitor: over a real broker, by the task."""

import dataclasses
import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import redis
from celery import current_app
from django.conf import settings
from django.utils import timezone

from courseware.models import Learner
from lab import client
from lab.errors import LimitExceeded
from lab.messages import Generation, RequestReport, queue_keys
from lab.models import EngineRequest
from lab.receipts.custody import (
    KEPT_S,
    LEASE_KEY_PREFIX,
    LIFE_KEY_PREFIX,
    custody,
    kept_report,
)
from lab.sweeping.requests import (
    EVERY_S,
    HOST_BACK_LOOKS,
    MAX_AGAIN,
    NEVER_SENT_LOOKS,
    OVERDUE_LOOKS,
    TAKEN_WITHIN,
)
from lab.tasks import finish_request, sweep
from lab.worker.requests import Leases
from mentor.models import Conversation, Turn
from tests.lab.fake_engine import READY, FakeEngine, finished

pytestmark = pytest.mark.django_db(transaction=True)
GENERATION = Generation([{"role": "user", "content": "Why?"}], 8)
LONG = timedelta(seconds=25)
JUMP = timedelta(hours=1)


@pytest.fixture
def server() -> "Iterator[redis.Redis[str]]":
    with redis.Redis.from_url(settings.REDIS_URL, decode_responses=True) as server:
        yield server
        for key in [*server.keys("lab:*"), *queue_keys("engine"), *queue_keys("x")]:
            server.delete(key)


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    fake = FakeEngine(READY)
    with client.transport(fake):
        yield fake


def asked(age: timedelta = LONG, *, is_sent: bool = True) -> str:
    """A request that was sent so long ago."""
    request_id = uuid.uuid4().hex
    EngineRequest.objects.create(
        request_id=request_id, learner_id="anna", purpose="mentor"
    )
    EngineRequest.objects.filter(pk=request_id).update(created_at=timezone.now() - age)
    if is_sent:
        payload = {"request_id": request_id, "priority": 0, "messages": []}
        custody().keep_sent(payload, "engine")
    return request_id


def turn_of(request_id: str, prompt: str = "Why?") -> Turn:
    Learner.objects.get_or_create(learner_id="anna")
    conversation = Conversation.objects.start("anna")
    turn: Turn = conversation.turns.create(
        learner_id="anna",
        position=0,
        question="Why?",
        prompt=prompt,
        request_id=request_id,
        created_at=timezone.now() - timedelta(seconds=40),
    )
    return turn


def end_of(request_id: str) -> str:
    return EngineRequest.objects.get(pk=request_id).finish_reason


def test_a_message_that_a_dying_host_was_handed_is_sent_again(server, engine):
    request_id = asked()
    sweep()
    assert [sent["request_id"] for sent in engine.submitted] == [request_id]
    assert end_of(request_id) == ""


def test_it_is_sent_a_few_times_then_its_question_ends_with_a_reason(server, engine):
    request_id = asked()
    turn = turn_of(request_id)
    for _ in range(MAX_AGAIN + 1):
        sweep()
    assert len(engine.submitted) == MAX_AGAIN
    turn.refresh_from_db()
    assert (turn.state, turn.error) == (
        "failed",
        "The question got lost on its way to an engine. Ask again.",
    )


def test_of_two_sweeps_at_once_one_sends_again(server, engine):
    """The second begins while the first hands a message to the broker."""
    asked()
    send = engine.send

    def slowly(*args: Any, **more: Any) -> None:
        send(*args, **more)
        sweep()

    engine.send = slowly
    sweep()
    assert len(engine.submitted) == 1
    engine.send = send
    sweep()
    assert len(engine.submitted) == 2, "the first is over"


def test_one_that_cannot_be_seen_to_keeps_no_other_waiting(server, engine):
    """Neither a report that an app cannot take, nor an app's own sweep."""
    broken, other = asked(2 * LONG), asked()
    report = finished(broken)
    server.set(*kept_report(report))

    def cannot(**_: Any) -> None:
        raise ValueError("This app cannot take it.")

    seen: list[str] = []

    def sees(**_: Any) -> None:
        seen.append("swept")

    client.request_finished.connect(cannot)
    client.swept.connect(cannot)
    client.swept.connect(sees)
    try:
        sweep()
    finally:
        client.request_finished.disconnect(cannot)
        client.swept.disconnect(cannot)
        client.swept.disconnect(sees)
    assert [sent["request_id"] for sent in engine.submitted] == [other]
    assert seen == ["swept"] and end_of(broken) == ""
    sweep()
    assert end_of(broken) == report.finish_reason, "it is tried again"


def test_after_a_killed_sweep_the_next_one_is_let_in(server, engine):
    request_id = asked()
    with custody().only_one("sweep", 30) as is_mine:
        assert is_mine
        sweep()
        assert engine.submitted == []
        assert custody().parts()["default worker"], "it is there all the same"
        assert 0 < server.ttl("lab:only:sweep") <= 30
    sweep()
    assert [sent["request_id"] for sent in engine.submitted] == [request_id]


def test_a_report_that_two_workers_take_at_once_is_told_once(server, engine):
    request_id = asked()
    report = RequestReport(request_id, "host-a", "stop", text="So.")
    told: list[str] = []

    def again(**message: Any) -> None:
        told.append(message["report"].request_id)
        if len(told) == 1:
            finish_request(dataclasses.asdict(report))

    client.request_finished.connect(again)
    try:
        finish_request(dataclasses.asdict(report))
    finally:
        client.request_finished.disconnect(again)
    assert told == [request_id]


def test_what_waits_in_the_queue_waits_on(server, engine):
    request_id = asked()
    payload = {"request_id": request_id}
    current_app.send_task("lab.generate", kwargs={"payload": payload}, queue="engine")
    sweep()
    assert (engine.submitted, end_of(request_id)) == ([], "")


@pytest.mark.parametrize("state", ["ready", "draining", "stopped", None])
def test_what_waits_for_a_host_that_takes_no_more_ends(server, engine, state):
    request_id = asked(is_sent=False)
    payload = {"request_id": request_id, "priority": 0, "messages": []}
    custody().keep_sent(payload, "engine.x")
    current_app.send_task("lab.generate", kwargs={"payload": payload}, queue="engine.x")
    engine.hosts = [replace(READY, engine_host_id="x", state=state)] if state else []
    sweep()
    assert end_of(request_id) == "", "it may be there again in a moment"
    for _ in range(HOST_BACK_LOOKS):
        sweep()
    is_served = state == "ready"
    assert end_of(request_id) == ("" if is_served else "interrupted")
    assert custody().queued(["engine.x"]) == ({request_id} if is_served else set())
    for key in queue_keys("engine.x"):
        server.delete(key)


def test_what_a_living_host_holds_is_left_to_it(server, engine):
    request_id = asked()
    server.set(LEASE_KEY_PREFIX + request_id, "life")
    server.set(LIFE_KEY_PREFIX + "life", 1)
    sweep()
    assert (engine.submitted, end_of(request_id)) == ([], "")


def test_what_a_host_held_that_does_not_come_back_is_interrupted(server, engine):
    request_id = asked()
    server.set(LEASE_KEY_PREFIX + request_id, "gone")
    sweep()
    assert end_of(request_id) == "", "it may have been frozen for a moment"
    for _ in range(HOST_BACK_LOOKS):
        sweep()
    assert end_of(request_id) == "interrupted"


def test_a_report_that_got_lost_on_its_way_ends_its_question(server, engine):
    request_id = asked()
    turn = turn_of(request_id)
    server.set(*kept_report(RequestReport(request_id, "a", "stop", text="So.")))
    sweep()
    turn.refresh_from_db()
    assert (turn.state, turn.answer) == ("answered", "So.")
    assert not server.keys(f"lab:*:{request_id}"), "the database has it"


def test_what_its_web_process_never_sent_ends_with_a_reason(server, engine):
    request_id = asked(is_sent=False)
    for _ in range(NEVER_SENT_LOOKS):
        sweep()
    assert end_of(request_id) == "", "it may have been made a moment ago"
    sweep()
    assert end_of(request_id) == "interrupted"


def test_after_ten_minutes_it_ends_without_a_visitor_and_is_aborted(server, engine):
    request_id = asked(client.OVERDUE + timedelta(seconds=1))
    turn = turn_of(request_id)
    server.set(LEASE_KEY_PREFIX + request_id, "life")
    server.set(LIFE_KEY_PREFIX + "life", 1)
    server.set(f"lab:look:{request_id}", OVERDUE_LOOKS - 1)
    sweep()
    assert end_of(request_id) == ""
    sweep()
    turn.refresh_from_db()
    assert turn.error == "No engine answered within 10 minutes. Ask again."
    assert engine.aborted == [request_id]


def test_ten_minutes_are_so_many_looks() -> None:
    counted = TAKEN_WITHIN + timedelta(seconds=EVERY_S * OVERDUE_LOOKS)
    assert counted == client.OVERDUE


@pytest.fixture
def set_forward(server, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Set the clock of this machine forward by an hour, as Django and Redis see it: of
    the keys that expire within that time the sweep finds none."""

    def set_it() -> None:
        now, real = timezone.now, time.time
        monkeypatch.setattr(timezone, "now", lambda: now() + JUMP)
        monkeypatch.setattr(time, "time", lambda: real() + JUMP.total_seconds())
        for key in server.keys("lab:*"):
            if 0 < server.ttl(key) <= JUMP.total_seconds():
                server.delete(key)

    return set_it


def test_a_clock_that_is_set_forward_ends_nothing_that_a_host_works_on(
    server, engine, set_forward
) -> None:
    request_id = asked(timedelta())
    turn = turn_of(request_id)
    leases = Leases(settings.REDIS_URL, "host-a", "life")
    assert leases.take(request_id) == "us"
    server.set(LIFE_KEY_PREFIX + "life", 1, ex=15)
    sweep()
    set_forward()
    sweep()  # before the host's next status
    Turn.objects.give_up_overdue()  # an open page asks for it
    server.set(LIFE_KEY_PREFIX + "life", 1, ex=15)
    for _ in range(2 * HOST_BACK_LOOKS):
        sweep()
    Turn.objects.give_up_overdue()
    turn.refresh_from_db()
    assert (turn.state, end_of(request_id), engine.submitted) == ("open", "", [])
    assert engine.aborted == []
    report = RequestReport(request_id, "host-a", "stop", text="So.")
    finish_request(dataclasses.asdict(report))
    turn.refresh_from_db()
    assert (turn.state, turn.answer) == ("answered", "So.")
    assert 300 < server.ttl(LEASE_KEY_PREFIX + request_id) <= KEPT_S
    assert not server.keys(f"lab:look:{request_id}")


def test_it_ends_nothing_that_waits_in_the_queue(server, engine, set_forward) -> None:
    request_id = asked(timedelta())
    payload = {"request_id": request_id}
    current_app.send_task("lab.generate", kwargs={"payload": payload}, queue="engine")
    set_forward()
    for _ in range(2 * HOST_BACK_LOOKS):
        sweep()
    assert (engine.submitted, end_of(request_id)) == ([], "")


def test_a_host_that_was_away_twice_for_a_moment_is_not_gone(server, engine) -> None:
    request_id = asked()
    server.set(LEASE_KEY_PREFIX + request_id, "life")
    for _ in range(2):
        for _ in range(HOST_BACK_LOOKS):
            sweep()
        server.set(LIFE_KEY_PREFIX + "life", 1)
        sweep()
        server.delete(LIFE_KEY_PREFIX + "life")
    assert end_of(request_id) == ""


@pytest.mark.parametrize("prompt", ["", "Why?"])
def test_a_question_whose_process_died_before_there_was_a_request(engine, prompt):
    turn = turn_of(uuid.uuid4().hex, prompt)
    sweep()
    turn.refresh_from_db()
    assert turn.error == "The question got lost before an engine had it. Ask again."


def test_a_new_request_is_left_alone(server, engine):
    request_id = asked(timedelta(seconds=2), is_sent=False)
    sweep()
    assert (engine.submitted, end_of(request_id)) == ([], "")


def test_the_message_is_kept_before_it_goes_out(server: Any) -> None:
    request_id = client.submit(GENERATION, learner_id="anna", purpose="mentor")
    found = custody().sent(request_id)
    assert found is not None and found[0]["messages"] == GENERATION.messages
    assert custody().queued() == {request_id}


def test_nobody_is_refused_for_requests_that_have_ended(server, engine):
    """While the worker is away that would say so."""
    ids = [asked(timedelta(seconds=1)) for _ in range(3)]
    with pytest.raises(LimitExceeded):
        client.submit(GENERATION, learner_id="anna", purpose="mentor")
    server.set(*kept_report(RequestReport(ids[0], "a", "stop", text="So.")))
    client.submit(GENERATION, learner_id="anna", purpose="mentor")
    assert end_of(ids[0]) == "stop"


def test_the_message_of_another_task_is_nobodys_request(server):
    server.lpush("x", json.dumps({"body": "e30="}), "no JSON")
    assert custody().queued(["x"]) == {""}
