"""The engine is killed while an experiment runs; the next run works."""

import asyncio
import contextvars
import os
import signal
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlencode

import psutil
import pytest
from asgiref.sync import sync_to_async
from django.test import Client

from lab import client
from lab.engine.host import EngineHost
from lab.models import EngineRequest, ExperimentRun
from tests.lab import engine_host
from tests.lab.experiments.real_socket import RealEngine, SocketEar
from tests.lab.live import Browser, new_id

pytestmark = [pytest.mark.engine, pytest.mark.django_db(transaction=True)]

SHORT = {"experiment": "prefix", "at_once": 2, "tokens": 64}
LONG = {"experiment": "full-house", "share": 60, "prompt": 64, "output": 200}
READY_AGAIN_S = 300
"""On two cores that others use too."""


@pytest.fixture(scope="module")
def ear() -> SocketEar:
    return SocketEar()


@pytest.fixture(scope="module")
def host(ear: SocketEar) -> Iterator[EngineHost]:
    host = engine_host.start(ear, num_blocks=128, max_model_len=1_024)
    yield host
    host.stop()


@pytest.fixture
async def learner(ear: SocketEar, host: EngineHost, settings) -> AsyncIterator[Browser]:
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    }
    ear.loop, ear.context = asyncio.get_running_loop(), contextvars.copy_context()
    with client.transport(RealEngine(host)):
        one = await Browser(new_id()).connect()
        yield one
        await one.leave()
    ear.loop = None


def _kill_engine() -> None:
    processes = psutil.Process().children(recursive=True)
    (core,) = (p for p in processes if "EngineCore" in "".join(p.cmdline()))
    os.kill(core.pid, signal.SIGKILL)


async def _until(is_so, timeout_s: float) -> None:
    async with asyncio.timeout(timeout_s):
        while not await sync_to_async(is_so)():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_killed_engine_ends_the_run_clearly_and_the_next_one_works(
    learner: Browser, ear: SocketEar, host: EngineHost
) -> None:
    await learner.say(type="experiment", query=urlencode(LONG | {"prediction": 50}))
    begun = await learner.hear("experiment.begin")
    is_decoding = lambda: any(e.num_output_tokens > 5 for e in ear.events)  # noqa: E731
    await _until(is_decoding, READY_AGAIN_S)
    first_run = host.status.engine_run
    _kill_engine()
    async with asyncio.timeout(60):
        end = await learner.hear("experiment.end")

    assert end["state"] == "failed"
    assert "The engine process died" in end["sentence"]
    assert end["sentence"].endswith("it starts again by itself. Nothing was measured.")
    await _until(lambda: not EngineRequest.unfinished().exists(), READY_AGAIN_S)
    assert not await sync_to_async(ExperimentRun.running().exists)()
    run = await sync_to_async(ExperimentRun.objects.get)(run_id=begun["run_id"])
    assert (run.state, run.outcome) == ("failed", None)
    page = await sync_to_async(_page_of)(run)
    assert "The engine process died" in page and "is-measured" not in page

    await _until(lambda: host.status.engine_run > first_run, READY_AGAIN_S)
    await _until(lambda: host.status.state == "ready", READY_AGAIN_S)
    await _hear_ready(learner, first_run)  # as the page's button does
    await learner.say(type="experiment", query=urlencode(SHORT | {"prediction": 50}))
    begun = await learner.hear("experiment.begin")
    done = ExperimentRun.objects.filter(run_id=begun["run_id"], state="done")
    await _until(done.exists, READY_AGAIN_S)


async def _hear_ready(learner: Browser, after_run: int) -> None:
    while True:
        told = await learner.hear("engine.status")
        if told["state"] == "ready" and told["engine_run"] > after_run:
            return


def _page_of(run: ExperimentRun) -> str:
    web = Client()
    session = web.session
    session["learner_id"] = run.learner_id
    session.save()
    return web.get(f"/lab/runs/{run.run_id}/").content.decode()
