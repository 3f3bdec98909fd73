"""submit(), abort(), status(): what web code calls, up to the message it sends."""

import dataclasses
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from celery import current_app
from django.conf import settings as django_settings
from django.core.cache import cache
from django.db import transaction

from lab.engine import client
from lab.engine.client import Generation
from lab.engine.errors import LimitExceeded, NotYours
from lab.engine.events import (
    STATUS_KEY_PREFIX,
    EngineStatus,
    PhaseTiming,
    RequestReport,
)
from lab.models import EngineRequest
from lab.tasks import finish_request

GENERATION = Generation([{"role": "user", "content": "Why?"}], 8, cache_salt="salt")


class Broker:
    """Stands for Celery: keeps what is sent."""

    def __init__(self) -> None:
        self.tasks: list[tuple[str, dict[str, Any], str]] = []
        self.commands: list[tuple[str, dict[str, Any]]] = []
        self.is_away = False

    def send_task(self, name: str, kwargs: dict[str, Any], queue: str) -> None:
        if self.is_away:
            raise ConnectionError("the broker is away")
        self.tasks.append((name, kwargs, queue))

    def broadcast(
        self, name: str, arguments: dict[str, Any], pattern: str, matcher: str
    ) -> None:
        assert (pattern, matcher) == ("engine@*", "glob")
        self.commands.append((name, arguments))


@pytest.fixture(autouse=True)
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    cache.clear()
    broker = Broker()
    monkeypatch.setattr(current_app, "send_task", broker.send_task)
    monkeypatch.setattr(current_app.control, "broadcast", broker.broadcast)
    return broker


def submit(**changes: Any) -> str:
    return client.submit(
        GENERATION, **({"learner_id": "anna", "purpose": "mentor"} | changes)
    )


@pytest.mark.django_db(transaction=True)
def test_a_generation_goes_to_the_engine_queue_by_name_and_as_json(
    broker: Broker,
) -> None:
    request_id = submit(log_id="page-7")
    ((name, kwargs, queue),) = broker.tasks
    assert (name, queue) == ("lab.generate", "engine")
    assert json.loads(json.dumps(kwargs)) == {
        "payload": {
            "request_id": request_id,
            "log_id": "page-7",
            **dataclasses.asdict(GENERATION),
        }
    }
    assert len(request_id) == 32
    assert "anna" not in json.dumps(kwargs), "engine hosts need no learner"
    assert submit(request_id="b" * 32) == "b" * 32
    assert broker.tasks[-1][1]["payload"]["log_id"] == "b" * 32


@pytest.mark.django_db(transaction=True)
def test_nothing_is_sent_before_the_database_has_the_request(broker: Broker) -> None:
    with transaction.atomic():
        submit()
        assert broker.tasks == []
    assert len(broker.tasks) == 1


@pytest.mark.django_db(transaction=True)
def test_a_request_that_could_not_be_sent_does_not_count_as_under_way(
    broker: Broker,
) -> None:
    broker.is_away = True
    for _ in range(5):
        with pytest.raises(ConnectionError):
            submit()
    assert not EngineRequest.objects.exists()
    broker.is_away = False
    submit()


@pytest.mark.django_db(transaction=True)
def test_a_refused_request_is_not_sent(broker: Broker) -> None:
    for _ in range(3):
        submit()
    with pytest.raises(LimitExceeded):
        submit()
    assert len(broker.tasks) == 3 and EngineRequest.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_only_the_owner_may_abort_and_others_learn_nothing(broker: Broker) -> None:
    request_id = submit()
    sentences = set()
    for wrong_id, learner_id in ((request_id, "bert"), ("f" * 32, "anna")):
        with pytest.raises(NotYours) as refusal:
            client.abort(wrong_id, learner_id)
        sentences.add(str(refusal.value))
    assert sentences == {"This request is not yours, or no longer exists."}
    assert broker.commands == []
    client.abort(request_id, "anna")
    client.abort(request_id, "anna")
    assert broker.commands == [("lab_abort", {"request_id": request_id})] * 2
    assert client.owned(request_id, "anna") == request_id


def test_a_keyframe_is_asked_of_every_engine_host(broker: Broker) -> None:
    client.request_keyframe()
    assert broker.commands == [("lab_keyframe", {})]


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


# Status


@pytest.fixture
def server() -> Iterator[redis.Redis]:
    with redis.Redis.from_url(django_settings.REDIS_URL) as server:
        server.delete(*server.keys("lab:engine:*"), "nothing")
        yield server
        server.delete(*server.keys("lab:engine:*"), "nothing")


def test_status_tells_living_hosts_with_ready_ones_first(server: redis.Redis) -> None:
    assert client.status() == []
    phases = [PhaseTiming("import vLLM", 0.0, 6.5), PhaseTiming("warm-up", 6.5)]
    starting = EngineStatus("a", "starting", time.time(), phases=phases)
    ready = EngineStatus("b", "ready", time.time(), num_blocks=364)
    for status in (starting, ready):
        key = STATUS_KEY_PREFIX + status.engine_host_id
        server.set(key, json.dumps({**status.message(), "of a later version": 1}))
    assert client.status() == [ready, starting]
    server.delete(STATUS_KEY_PREFIX + "b")
    assert client.status() == [starting]


# Addresses


def test_the_address_is_the_sockets_own_without_a_proxy(settings: Any) -> None:
    settings.BEHIND_TLS = False
    headers = [(b"x-forwarded-for", b"198.51.100.1")]
    scope = {"client": ("203.0.113.5", 4711), "headers": headers}
    assert client.address_of(scope) == "203.0.113.5"
    assert client.address_of({"headers": []}) == ""


def test_behind_a_proxy_it_is_the_last_hop_that_the_proxy_wrote(settings: Any) -> None:
    settings.BEHIND_TLS = True
    forged = (b"x-forwarded-for", b"10.0.0.1")
    true = (b"x-forwarded-for", b"10.0.0.2, 203.0.113.5")
    scope = {"client": ("127.0.0.1", 1), "headers": [forged, true]}
    assert client.address_of(scope) == "203.0.113.5"
    assert client.address_of({"client": ("127.0.0.1", 1), "headers": []}) == ""
