"""RequestIntake without Celery: who serves a message, and what is refused."""

import time
import uuid
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from django.conf import settings

from lab.engine.generation import GenerationRequest
from lab.messages import RequestEvent, RequestReport
from lab.worker import requests
from lab.worker.publisher import LIFE_KEY_PREFIX
from lab.worker.requests import (
    LEASE_KEY_PREFIX,
    LIVES_KEY_PREFIX,
    Leases,
    RequestIntake,
)

INTERRUPTED = "The engine host stopped while it answered: ask again."


class Loop:
    """Stands for the host's loop: calls at once."""

    def call_soon_threadsafe(self, call: Any, *arguments: Any) -> None:
        call(*arguments)


class Told:
    """Keeps events and reports."""

    def __init__(self) -> None:
        self.events: list[RequestEvent] = []
        self.reports: list[RequestReport] = []

    def on_request_event(self, event: RequestEvent) -> None:
        self.events.append(event)

    def on_report(self, report: RequestReport) -> None:
        self.reports.append(report)


class Host:
    """Stands for an EngineHost that serves all at once."""

    def __init__(self) -> None:
        self.config = SimpleNamespace(engine_host_id="host-a")
        self.loop = Loop()
        self.listener = Told()
        self.served: list[str] = []

    def submit(self, request: GenerationRequest) -> "Future[RequestReport]":
        self.served.append(request.request_id)
        future: Future[RequestReport] = Future()
        future.set_result(RequestReport(request.request_id, "host-a", "stop"))
        return future


@dataclass
class Life:
    """One life of an engine host: its intake, and its key in Redis."""

    name: str
    host: Host
    intake: RequestIntake
    server: Any

    def begin(self) -> None:
        self.server.set(LIFE_KEY_PREFIX + self.name, 1)

    def end(self) -> None:
        self.server.delete(LIFE_KEY_PREFIX + self.name)


@pytest.fixture
def server() -> Iterator[Any]:
    with redis.Redis.from_url(settings.REDIS_URL, decode_responses=True) as server:
        yield server
        for prefix in (LEASE_KEY_PREFIX, LIFE_KEY_PREFIX, LIVES_KEY_PREFIX):
            for key in server.scan_iter(match=prefix + "*"):
                server.delete(key)


def life(server: Any, host_id: str = "host-a") -> Life:
    name = uuid.uuid4().hex
    host: Any = Host()
    leases = Leases(settings.REDIS_URL, host_id, name)
    made = Life(name, host, RequestIntake(host, leases), server)
    made.begin()
    return made


@pytest.fixture(autouse=True)
def soon_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "BACK_WITHIN_S", 0.3)


def message(request_id: str, **changes: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": "why"}]
    return {
        "request_id": request_id,
        "messages": messages,
        "max_tokens": 5,
        **changes,
    }


def test_a_message_is_served_and_leased_for_longer_than_it_may_stay_away(
    server: Any,
) -> None:
    first = life(server)
    first.intake.serve(message("a"))
    assert first.host.served == ["a"] and not first.host.listener.reports
    assert server.get(LEASE_KEY_PREFIX + "a") == first.name
    assert server.ttl(LEASE_KEY_PREFIX + "a") > 3600, "a clock may be set forward"


def test_a_message_that_comes_again_while_its_holder_lives_is_left_to_it(
    server: Any,
) -> None:
    first, second = life(server), life(server, "host-b")
    first.intake.serve(message("a"))
    first.intake.serve(message("a"))
    second.intake.serve(message("a"))
    assert first.host.served == ["a"] and second.host.served == []
    assert not second.host.listener.reports and not first.host.listener.reports


def test_who_has_not_said_for_a_moment_that_it_lives_is_not_dead(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its key expired when Redis's clock was set forward; the next status renews it."""
    monkeypatch.setattr(requests, "BACK_WITHIN_S", 30.0)
    first, second = life(server), life(server, "host-b")
    first.intake.serve(message("a"))
    first.end()
    monkeypatch.setattr(time, "sleep", lambda _: first.begin())
    second.intake.serve(message("a"))
    assert second.host.served == [] and not second.host.listener.reports


def test_a_message_of_the_dead_ends_interrupted_and_is_not_served_again(
    server: Any,
) -> None:
    first, second = life(server), life(server, "host-b")
    first.intake.serve(message("a"))
    first.end()
    second.intake.serve(message("a"))
    assert second.host.served == []
    (report,) = second.host.listener.reports
    assert (report.finish_reason, report.error) == ("interrupted", INTERRUPTED)
    (event,) = second.host.listener.events
    assert (event.phase, event.report) == ("finished", report)


def test_a_host_that_starts_again_refuses_what_its_last_life_left(
    server: Any,
) -> None:
    first, other = life(server), life(server, "host-b")
    first.intake.refuse_orphans()
    first.intake.serve(message("a"))
    other.intake.serve(message("b"))
    first.end()
    second = life(server)
    second.intake.refuse_orphans()
    (report,) = second.host.listener.reports
    assert (report.request_id, report.finish_reason) == ("a", "interrupted")
    second.intake.serve(message("a"))
    assert second.host.served == [], "it is leased to this life now"


def test_what_two_lives_left_is_refused_when_the_second_died_before_it_could(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = life(server), life(server)
    first.intake.refuse_orphans()
    first.intake.serve(message("a"))
    monkeypatch.setattr("lab.worker.requests.STATUS_EXPIRES_S", 0)
    second.intake.refuse_orphans()  # does not wait for the first to be over
    assert not second.host.listener.reports
    first.end()
    second.end()
    third = life(server)
    third.intake.refuse_orphans()
    (report,) = third.host.listener.reports
    assert (report.request_id, report.finish_reason) == ("a", "interrupted")


def test_a_message_that_is_no_request_is_refused_with_its_sentence(
    server: Any,
) -> None:
    first = life(server)
    first.intake.serve(message("a", messages=[]))
    (report,) = first.host.listener.reports
    assert (report.request_id, report.finish_reason) == ("a", "error")
    assert report.error == "A request has 1 to 64 messages."
    assert report.engine_host_id == "host-a" and first.host.served == []
