"""Where requests go when somebody else's engines are among the hosts."""

import dataclasses
from collections.abc import Iterator

import pytest
from django.core.cache import cache

from lab import client
from lab.errors import EngineUnavailable
from lab.messages import EngineStatus, Generation
from lab.traffic.demos import DemoRefused, Room
from mentor import engines
from tests.lab.fake_engine import READY, FakeEngine

GENERATION = Generation([{"role": "user", "content": "Why?"}], 8)
OWN = READY
ATTACHED = dataclasses.replace(READY, engine_host_id="attached", reads_only=True)
ADDRESSED = dataclasses.replace(
    READY, engine_host_id="addressed", by_address=True, max_model_len=None
)


@pytest.fixture(autouse=True)
def engine() -> Iterator[FakeEngine]:
    cache.clear()
    fake = FakeEngine()
    with client.transport(fake):
        yield fake


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("hosts", "queue"),
    [
        ([], "engine"),
        ([OWN], "engine"),
        ([ATTACHED, OWN], "engine"),
        ([ADDRESSED, OWN], "engine"),
        ([ATTACHED], "engine.attached"),
        ([ATTACHED, ADDRESSED], "engine.addressed"),
    ],
)
def test_a_request_goes_where_it_is_answered_or_refused(
    engine: FakeEngine, hosts: list[EngineStatus], queue: str
) -> None:
    engine.hosts = hosts
    client.submit(GENERATION, learner_id="anna", purpose="mentor")
    assert engine.queues == [queue]


def test_what_measures_finds_only_engines_of_the_labs_own(engine: FakeEngine) -> None:
    engine.hosts = [ATTACHED, ADDRESSED]
    assert client.ready_engine() is None
    engine.hosts.append(OWN)
    cache.clear()
    assert client.ready_engine() == OWN


@pytest.mark.parametrize("status", [ATTACHED, ADDRESSED])
def test_no_demonstration_is_sent_to_somebody_else(status: EngineStatus) -> None:
    with pytest.raises(DemoRefused, match="somebody else's"):
        Room.of(status, 8)


def test_the_mentor_says_that_an_attached_engine_is_not_asked(
    engine: FakeEngine,
) -> None:
    engine.hosts = [ATTACHED]
    with pytest.raises(EngineUnavailable, match="asks it nothing"):
        engines.window()


def test_the_mentor_asks_an_engine_by_its_address(engine: FakeEngine) -> None:
    engine.hosts = [ADDRESSED]
    assert engines.window().max_model_len == 2_048
