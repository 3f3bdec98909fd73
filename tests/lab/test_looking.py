"""client.look(): what the engine host is asked, and what its worker replies."""

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery
from kombu.exceptions import OperationalError

from lab import client
from lab.engine.config import EngineConfig
from lab.engine.host import EngineHost
from lab.engine.prompts import Prompts
from lab.errors import EngineUnavailable
from lab.messages import Generation
from lab.models import EngineRequest
from lab.recordings.still import StillEngine
from lab.tracing.mirror import PoolMirror
from lab.worker import bootstep
from lab.worker.bootstep import EngineWorker
from lab.worker.listener import EngineListener
from tests.lab.fake_engine import HOST, READY, FakeEngine, finished

GENERATION = Generation([{"role": "user", "content": "Why?"}], 8)


@pytest.fixture
def engine(db: None) -> Iterator[FakeEngine]:
    fake = FakeEngine(READY, replace(READY, engine_host_id="other-host"))
    fake.replies = [StillEngine().look().to_json()]
    with client.transport(fake):
        yield fake


def accept(request_id: str, learner_id: str) -> None:
    EngineRequest.accept(request_id, learner_id, "mentor", GENERATION)


def test_a_host_is_asked_with_the_learners_requests_and_nobody_elses(
    engine: FakeEngine,
) -> None:
    for request_id, learner_id in (("a", "anna"), ("b", "anna"), ("c", "bert")):
        accept(request_id, learner_id)
    EngineRequest.finish(finished("a", short_id=7))
    accept("d", "anna")
    EngineRequest.finish(replace(finished("d"), engine_host_id="other-host"))
    state = client.look("anna", HOST, block_id=17)
    assert state is not None and state.step == 1900
    assert engine.commands == [
        (
            "lab_look",
            {
                "engine_host_id": HOST,
                "request_ids": ["b"],
                "short_ids": [7],
                "block_id": 17,
            },
        )
    ]


def test_of_a_request_is_asked_with_the_learners_own_alone(engine: FakeEngine) -> None:
    """Words come back of these only: see EngineListener.why()."""
    for request_id, learner_id in (("a", "anna"), ("c", "bert")):
        accept(request_id, learner_id)
    EngineRequest.finish(finished("a", short_id=7))
    engine.replies = [
        {"state": engine.replies[0], "blocks": {"16": ["text"]}, "apart": None}
    ]
    told = client.why("anna", HOST, 7)
    assert (
        told is not None and told.blocks == {"16": ["text"]} and told.state.step == 1900
    )
    name, asked = engine.commands[0]
    assert name == "lab_why"
    assert (asked["request_ids"], asked["short_ids"]) == ([], [7])
    assert asked["short_id"] == 7


def test_short_ids_of_an_earlier_run_of_the_engine_are_not_the_learners(
    engine: FakeEngine,
) -> None:
    accept("a", "anna")
    EngineRequest.finish(finished("a", short_id=7))
    engine.hosts = [replace(READY, started_at=4e9)]
    client.look("anna", HOST)
    assert engine.commands[0][1]["short_ids"] == []


def test_a_host_that_stays_silent_has_no_state_and_a_broker_away_says_so(
    engine: FakeEngine,
) -> None:
    engine.replies = []
    assert client.look("anna", HOST) is None
    engine.broken = OperationalError("gone")
    with pytest.raises(EngineUnavailable, match="message broker"):
        client.look("anna", HOST)


def test_the_last_report_is_the_learners_newest(engine: FakeEngine) -> None:
    assert client.last_report("anna") is None
    for request_id, short_id in (("a", 7), ("b", 8)):
        accept(request_id, "anna")
        EngineRequest.finish(finished(request_id, "secret", short_id=short_id))
    accept("c", "anna")
    report = client.last_report("anna")
    assert report is not None and (report.short_id, report.text) == (8, "")


class IdleHost(EngineHost):
    """Its loop runs, and starts no engine."""

    async def _keep_running(self) -> None:
        """Nothing to keep running."""


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineWorker]:
    """An EngineWorker whose host's loop runs, and whose listener has a recording."""
    monkeypatch.setenv("ENGINE_HOST_ID", "host-a")
    still = StillEngine()

    class Worker(EngineWorker):
        host_class = IdleHost

        def __init__(self, config: EngineConfig) -> None:
            super().__init__(config)
            self.listener = SimpleNamespace(  # type: ignore[assignment]
                look=self._look, show=lambda what, since: {what: since}
            )

        def _look(self, request_ids: Any, short_ids: Any, block_id: Any) -> Any:
            return still.look(short_ids, block_id)

        def start(self) -> None:
            self.host.start()

        def stop(self) -> None:
            self.host.stop()

    class Step(bootstep.EngineHostStep):
        worker_class = Worker

    step = Step(None)
    step.start(SimpleNamespace(app=Celery(set_as_current=False)))
    yield bootstep._worker  # type: ignore[misc]
    step.stop(None)


@pytest.mark.parametrize(("short_id", "words"), [(52, {"2": ["3 4", "5"]}), (53, {})])
def test_words_are_told_of_an_own_request_alone(
    short_id: int, words: dict[str, list[str]]
) -> None:
    still, prompts = StillEngine(), Prompts()
    prompts.add(52, [3, 4, 5])
    prompts.add(53, [6, 7, 8])
    run = SimpleNamespace(decode=lambda tokens: " ".join(map(str, tokens)))

    class Listening(EngineListener):
        def __init__(self) -> None:
            self.host = SimpleNamespace(prompts=prompts, run=run)  # type: ignore[assignment]
            self.encoder = SimpleNamespace(mirror=PoolMirror(8, 2))  # type: ignore[assignment]

        def look(self, request_ids: Any, short_ids: Any, block_id: Any) -> Any:
            return still.look(short_ids, block_id)

    told = Listening().why([], [52], short_id)
    assert told is not None and told["blocks"] == words


def test_only_the_host_that_is_named_replies(worker: EngineWorker) -> None:
    assert bootstep.lab_look(None, "host-b") is None
    seen = bootstep.lab_look(None, "host-a", short_ids=[52], block_id=23)
    assert seen is not None and seen["own"] == [52] and seen["block"]["ref_cnt"] == 8
    assert bootstep.lab_show(None, "host-b", "heat") is None
    assert bootstep.lab_show(None, "host-a", "heat", 7) == {"heat": 7}
