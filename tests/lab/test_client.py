"""submit(), abort(), status(): what web code calls, up to the message it sends."""

import dataclasses
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from django.core.cache import cache
from django.db import transaction
from kombu import Connection

from lab import client
from lab.client import BrokerTransport
from lab.errors import EngineUnavailable, LimitExceeded, NotYours
from lab.messages import (
    STATUS_KEY_PREFIX,
    EngineStatus,
    Generation,
    PhaseTiming,
    RequestReport,
)
from lab.models import EngineRequest
from lab.tasks import finish_request
from tests.lab.fake_engine import FakeEngine

GENERATION = Generation([{"role": "user", "content": "Why?"}], 8, cache_salt="salt")


@pytest.fixture(autouse=True)
def engine() -> Iterator[FakeEngine]:
    cache.clear()
    fake = FakeEngine()
    with client.transport(fake):
        yield fake


def submit(**changes: Any) -> str:
    return client.submit(
        GENERATION, **({"learner_id": "anna", "purpose": "mentor"} | changes)
    )


@pytest.mark.django_db(transaction=True)
def test_a_generation_goes_to_an_engine_host_as_json_without_its_learner(
    engine: FakeEngine,
) -> None:
    request_id = submit(log_id="page-7")
    (payload,) = engine.submitted
    assert json.loads(json.dumps(payload)) == {
        "request_id": request_id,
        "log_id": "page-7",
        "priority": 0,
        "round": 0,
        **dataclasses.asdict(GENERATION),
    }
    assert len(request_id) == 32
    assert "anna" not in json.dumps(payload), "engine hosts need no learner"
    assert submit(request_id="b" * 32) == "b" * 32
    assert engine.submitted[-1]["log_id"] == "b" * 32


@pytest.mark.django_db(transaction=True)
def test_nothing_is_sent_before_the_database_has_the_request(
    engine: FakeEngine,
) -> None:
    with transaction.atomic():
        submit()
        assert engine.submitted == []
    assert len(engine.submitted) == 1


@pytest.mark.django_db(transaction=True)
def test_a_request_that_could_not_be_sent_does_not_count_as_under_way(
    engine: FakeEngine,
) -> None:
    engine.broken = ConnectionError("the broker is away")
    for _ in range(5):
        with pytest.raises(ConnectionError):
            submit()
    assert not EngineRequest.objects.exists()
    engine.broken = None
    submit()


@pytest.mark.django_db(transaction=True)
def test_a_refused_request_is_not_sent(engine: FakeEngine) -> None:
    for _ in range(3):
        submit()
    with pytest.raises(LimitExceeded):
        submit()
    assert len(engine.submitted) == 3 and EngineRequest.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_only_the_owner_may_abort_and_others_learn_nothing(engine: FakeEngine) -> None:
    request_id = submit()
    sentences = set()
    for wrong_id, learner_id in ((request_id, "bert"), ("f" * 32, "anna")):
        with pytest.raises(NotYours) as refusal:
            client.abort(wrong_id, learner_id)
        sentences.add(str(refusal.value))
    assert sentences == {"This request is not yours, or no longer exists."}
    assert engine.commands == []
    client.abort(request_id, "anna")
    client.abort(request_id, "anna")
    assert engine.commands == [("lab_abort", {"request_id": request_id})] * 2
    assert client.owned(request_id, "anna") == request_id


def test_a_keyframe_is_asked_of_every_engine_host(engine: FakeEngine) -> None:
    client.request_keyframe()
    assert engine.commands == [("lab_keyframe", {})]


@pytest.mark.django_db(transaction=True)
def test_the_app_that_asked_is_told_once_how_it_ended() -> None:
    told: list[tuple[RequestReport, str]] = []

    def hear(report: RequestReport, purpose: str, **_: Any) -> None:
        told.append((report, purpose))

    request_id = submit(purpose="quiz")
    report = RequestReport(request_id, "host-a", "length", text="So.", short_id=4)
    client.request_finished.connect(hear)
    try:
        for _ in range(3):
            finish_request(dataclasses.asdict(report))
        finish_request(dataclasses.asdict(dataclasses.replace(report, request_id="x")))
    finally:
        client.request_finished.disconnect(hear)
    assert told == [(report, "quiz")]


@pytest.mark.django_db(transaction=True)
def test_a_report_that_an_app_could_not_take_comes_again() -> None:
    told: list[str] = []

    def fail_once(report: RequestReport, **_: Any) -> None:
        told.append(report.finish_reason)
        if len(told) == 1:
            raise RuntimeError("the database is locked")

    report = RequestReport(submit(), "host-a", "stop")
    client.request_finished.connect(fail_once)
    try:
        with pytest.raises(RuntimeError):
            finish_request(dataclasses.asdict(report))
        assert EngineRequest.objects.get().finish_reason == ""
        finish_request(dataclasses.asdict(report))
    finally:
        client.request_finished.disconnect(fail_once)
    assert told == ["stop", "stop"]
    assert EngineRequest.objects.get().finish_reason == "stop"


# The broker


def test_a_task_lies_in_the_engines_queue_by_its_name() -> None:
    with Connection(django_settings.REDIS_URL) as broker:
        queue = broker.SimpleQueue("engine")
        queue.clear()
        BrokerTransport().send("lab.generate", {"payload": {"request_id": "7"}}, 0)
        message = queue.get(timeout=60)
        message.ack()
        queue.close()
    assert message.headers["task"] == "lab.generate"
    assert message.payload[1] == {"payload": {"request_id": "7"}}


def test_what_waits_for_an_engine_host_is_taken_by_its_priority() -> None:
    with Connection(
        django_settings.REDIS_URL,
        transport_options=django_settings.CELERY_BROKER_TRANSPORT_OPTIONS,
    ) as broker:
        queue = broker.SimpleQueue("engine")
        queue.clear()
        for number, priority in enumerate((2, 2, 1, 0, 2, 0)):
            payload = {"request_id": number}
            BrokerTransport().send("lab.generate", {"payload": payload}, priority)
        messages = [queue.get(timeout=60) for _ in range(6)]
        for message in messages:
            message.ack()
        queue.close()
    taken = [message.payload[1]["payload"]["request_id"] for message in messages]
    assert taken == [3, 5, 2, 0, 1, 4]


@pytest.mark.django_db(transaction=True)
def test_a_priority_follows_from_what_a_request_is_for(engine: FakeEngine) -> None:
    for purpose in ("mentor", "quiz", "rates", "demo", "recording", "anything"):
        submit(purpose=purpose)
    last = dataclasses.replace(GENERATION, steps_back=True)
    client.submit(last, learner_id="anna", purpose="experiment")
    assert [sent["priority"] for sent in engine.submitted] == [0, 1, 1, 2, 2, 2, 3]


# Status


@pytest.fixture
def server() -> Iterator[redis.Redis]:
    with redis.Redis.from_url(django_settings.REDIS_URL) as server:
        server.delete(*server.keys("lab:engine:*"), "nothing")
        yield server
        server.delete(*server.keys("lab:engine:*"), "nothing")


def test_the_heartbeats_that_have_not_expired_are_read(server: redis.Redis) -> None:
    assert BrokerTransport().statuses() == []
    phases = [PhaseTiming("import vLLM", 0.0, 6.5), PhaseTiming("warm-up", 6.5)]
    starting = EngineStatus("a", "starting", time.time(), phases=phases)
    ready = EngineStatus("b", "ready", time.time(), num_blocks=364)
    for status in (starting, ready):
        key = STATUS_KEY_PREFIX + status.engine_host_id
        server.set(key, json.dumps({**status.message(), "of a later version": 1}))
    assert BrokerTransport().statuses() == [starting, ready]
    server.delete(STATUS_KEY_PREFIX + "b")
    assert BrokerTransport().statuses() == [starting]


def test_ready_hosts_come_first(engine: FakeEngine) -> None:
    starting, ready = (
        EngineStatus("a", "starting", time.time()),
        EngineStatus("b", "ready", time.time()),
    )
    engine.hosts = [starting, ready]
    assert client.statuses() == [ready, starting]
    assert client.ready_engine() == ready
    assert client.status_of("a") == starting and client.status_of("c") is None


def test_a_broker_that_is_away_is_a_sentence(engine: FakeEngine) -> None:
    engine.broken = redis.ConnectionError("refused")
    with pytest.raises(EngineUnavailable, match="message broker does not answer"):
        client.statuses()
    assert client.ready_engine() is None and client.status_of("a") is None
