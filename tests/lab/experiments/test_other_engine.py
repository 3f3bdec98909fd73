"""Settings with which an engine is started: the run goes to a second one."""

import asyncio
from asyncio import wait_for
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings

from lab import consumers
from lab.errors import SecondRefused
from lab.experiments import other_engine
from lab.experiments.bench import Bench, RunRefused
from lab.experiments.catalog import EXPERIMENTS
from lab.experiments.other_engine import on_its_engine, wanted_of
from lab.experiments.outcome import Outcome
from lab.models import ExperimentRun
from lab.second.line import Standing, Turn
from lab.second.settings import SecondSettings
from tests.lab.fake_engine import FakeEngine
from tests.lab.live import READY, Browser, new_id, send, send_event, until

SECOND = replace(
    READY, engine_host_id="one-second", beside=READY.engine_host_id, num_blocks=64
)
END_S = 60
"""A run that waits for what does not come fails."""
Running = asyncio.Task[Outcome]


@pytest.fixture
def engine(engine: FakeEngine) -> FakeEngine:
    engine.hosts = [READY]
    return engine


async def _it_starts(engine: FakeEngine, running: Running | None = None) -> Turn:
    """The engine worker takes the message, and its second engine is ready. A run that
    is over before fails with what it ended with."""
    await until(lambda: engine.seconds or (running is not None and running.done()))
    if running is not None and running.done():
        raise AssertionError(f"It was over before: {running.result()}")
    turn = Turn(settings.REDIS_URL, engine.seconds[0]["ticket"])
    assert turn.take()
    engine.hosts.append(SECOND)
    turn.tell(Standing("ready", engine_host_id=SECOND.engine_host_id, ends_at=9e9))
    return turn


def _bench(heard: list[str], **status: Any) -> Bench:
    async def nothing(*_: Any) -> None:
        return None

    @asynccontextmanager
    async def hear(engine_host_id: str) -> AsyncIterator[None]:
        heard.append(f"hear {engine_host_id}")
        yield
        heard.append("no more")

    return Bench(
        replace(READY, **status),
        learner_id="anna",
        nonce="abc",
        max_requests=64,
        submit=nothing,
        abort=nothing,
        count=nothing,
        counters=lambda: None,
        tell=nothing,
        hear=hear,
    )


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({}, SecondSettings()),
        ({"budget": "main", "prefix_caching": "main"}, SecondSettings()),
        ({"prefix_caching": "off"}, SecondSettings(has_prefix_caching=False)),
        ({"block_size": "64"}, SecondSettings(block_size=64)),
        ({"num_blocks": "32"}, SecondSettings(num_blocks=32)),
        (
            {"budget": "64"},
            SecondSettings(max_num_batched_tokens=64, max_concurrent_requests=32),
        ),
    ],
)
def test_what_differs_from_the_main_engine_is_wanted(values, wanted):
    assert wanted_of(values, READY) == wanted
    assert SecondSettings.from_json(wanted.to_json()) == wanted


def test_a_step_never_has_more_requests_than_its_budget_has_tokens():
    main = replace(READY, max_concurrent_requests=256)
    assert wanted_of({"budget": "64"}, main).max_concurrent_requests == 64


@pytest.mark.parametrize(
    ("experiment", "setting"),
    [
        ("contiguous", "block_size"),
        ("prefix", "block_size"),
        ("prefix", "prefix_caching"),
        ("full-house", "num_blocks"),
        ("scheduling", "budget"),
    ],
)
async def test_it_is_offered_and_each_offer_is_a_second_engine(experiment, setting):
    (offered,) = [s for s in EXPERIMENTS[experiment].settings if s.name == setting]
    assert offered.default == other_engine.AS_IT_IS
    for key in offered.options.keys() - {offered.default}:
        wanted = wanted_of({setting: key}, READY)
        assert SecondSettings.from_json(wanted.to_json()) == wanted != SecondSettings()
        values = EXPERIMENTS[experiment].defaults | {setting: key}
        with pytest.raises(RunRefused, match="asked by its address"):
            await EXPERIMENTS[experiment].run(_bench([], by_address=True), values)


async def test_the_run_has_the_second_engine_and_gives_it_back(engine):
    heard: list[str] = []
    seen = []

    async def run(bench: Bench, values: Any) -> Outcome:
        seen.append((bench.status, bench.pool.num_blocks))
        heard.append("run")
        return Outcome(1, "Found.")

    bench = _bench(heard)
    running = asyncio.create_task(on_its_engine(run)(bench, {"num_blocks": "64"}))
    turn = await _it_starts(engine, running)
    outcome = await wait_for(running, END_S)
    assert seen == [(SECOND, 64)]
    assert heard == ["hear one-second", "run", "no more"]
    assert outcome.says == f"Found. {other_engine.MEASURED_THERE}"
    assert bench.status == READY and bench.pool.num_blocks == READY.num_blocks
    assert not turn.is_wanted()


async def test_a_run_that_fails_there_leaves_no_second_engine(engine):
    async def run(bench: Bench, values: Any) -> Outcome:
        raise RunRefused("It does not fit.")

    bench = _bench([])
    running = asyncio.create_task(on_its_engine(run)(bench, {"num_blocks": "64"}))
    turn = await _it_starts(engine, running)
    with pytest.raises(RunRefused, match="does not fit"):
        await wait_for(running, END_S)
    assert bench.status == READY and not turn.is_wanted()


async def test_a_second_engine_that_ends_meanwhile_ends_the_run_and_says_why(engine):
    async def run(bench: Bench, values: Any) -> Outcome:
        await asyncio.Event().wait()
        raise AssertionError

    bench = _bench([])
    running = asyncio.create_task(on_its_engine(run)(bench, {"num_blocks": "64"}))
    turn = await _it_starts(engine, running)
    await until(lambda: bench.status == SECOND)
    turn.tell(Standing("ended", reason="Its time is up: it has 300 s here."))
    with pytest.raises(SecondRefused, match="time is up"):
        await wait_for(running, END_S)
    assert bench.status == READY


async def test_with_the_main_engines_settings_none_is_started(engine):
    async def run(bench: Bench, values: Any) -> Outcome:
        return Outcome(1, "Found.")

    found = await on_its_engine(run)(_bench([]), {"num_blocks": "main"})
    assert found.says == "Found." and engine.seconds == []


CACHE_OFF = {"experiment": "prefix", "at_once": 2, "prefix_caching": "off"}


@pytest.mark.django_db(transaction=True)
async def test_all_requests_of_the_run_go_to_the_second_engine(
    engine, settings, monkeypatch
):
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    }
    monkeypatch.setattr(consumers, "FIRST_FRAME_LOOKS", 1)
    engine.replies = [{"num_tokens": [360, 358], "num_common": [360, 330]}]
    browser = await Browser(new_id()).connect()
    await browser.say(type="experiment", query=urlencode(CACHE_OFF | {"prediction": 0}))
    begin = await browser.hear("experiment.begin")
    await send(SECOND.message())
    await _it_starts(engine)
    for done, number in ((0, 1), (1, 2), (2, 4)):
        await until(lambda number=number: len(engine.submitted) >= number)
        for payload in engine.submitted[done:number]:
            figures = {"num_prompt_tokens": 360, "num_cached_tokens": 0}
            await send_event(payload["request_id"], "finished", **figures)
    end = await browser.hear("experiment.end")
    assert end["state"] == "done", end["sentence"]
    assert engine.seconds[0]["settings"]["has_prefix_caching"] is False
    assert engine.queues[1:] == ["engine.one-second"] * 4
    asked = [args for name, args in engine.commands if name == "lab_tokens"]
    assert [one["engine_host_id"] for one in asked] == ["one-second"]
    run = await sync_to_async(ExperimentRun.objects.get)(run_id=begin["run_id"])
    assert run.outcome["answer"] == 0
    await browser.leave()
