"""An end that Redis lost on its way to the page: it is looked up, and told once."""

import asyncio
from typing import Any
from urllib.parse import urlencode

import pytest
from asgiref.sync import sync_to_async

from lab import client
from lab.experiments.conduct import UNHEARD
from lab.models import EngineRequest
from lab.viewer import lost_ends
from lab.viewer.lost_ends import LostEnds
from tests.lab.fake_engine import FakeEngine
from tests.lab.live import READY, Browser, new_id, report, send_event, until

pytestmark = pytest.mark.django_db(transaction=True)
PREFIX = urlencode({"experiment": "prefix", "at_once": 2, "prediction": 90})


@pytest.fixture(autouse=True)
def often(settings, monkeypatch):
    monkeypatch.setattr(lost_ends, "HEAL_S", 0.02)
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    }


@pytest.fixture
def engine():
    fake = FakeEngine(READY)
    fake.replies = [{"num_tokens": [360, 358], "num_common": [360, 330]}]
    with client.transport(fake):
        yield fake


@pytest.fixture
async def browser(engine):
    one = await Browser(new_id()).connect()
    yield one
    await one.leave()


async def end_unheard(engine: FakeEngine, number: int, **figures: Any) -> None:
    """The default worker has the end of a request, and nobody else heard of it."""
    await until(lambda: len(engine.submitted) >= number)
    request_id = engine.submitted[number - 1]["request_id"]
    ended = report(request_id, **figures)
    await sync_to_async(EngineRequest.finish)(ended)


async def test_a_demonstration_goes_on_to_its_end(browser, engine):
    await browser.say(type="demo", name="twice")
    await end_unheard(engine, 1, num_cached_tokens=0, ttft_s=0.4)
    await end_unheard(engine, 2, num_cached_tokens=192, ttft_s=0.1)
    end = await browser.hear("demo.end")
    assert [one["ttft_s"] for one in end["requests"]] == [0.4, 0.1]
    assert end["trouble"] is None


async def test_an_experiment_ends_with_the_reason(browser, engine):
    await browser.say(type="experiment", query=PREFIX)
    await end_unheard(engine, 1, finish_reason="interrupted")
    end = await browser.hear("experiment.end")
    assert end["state"] == "failed" and "Nothing was measured" in end["sentence"]


async def test_an_experiment_measures_nothing_that_it_has_not_heard(browser, engine):
    """The database has neither the text nor the single times."""
    await browser.say(type="experiment", query=PREFIX)
    await end_unheard(engine, 1, num_cached_tokens=0, ttft_s=0.4)
    end = await browser.hear("experiment.end")
    assert (end["state"], end["sentence"]) == ("failed", UNHEARD)


async def test_what_still_runs_is_left_alone(browser, engine):
    await browser.say(type="demo", name="twice")
    await until(lambda: engine.submitted)
    first = engine.submitted[0]["request_id"]
    await asyncio.sleep(0.2)
    assert len(engine.submitted) == 1
    await send_event(first, "finished", num_cached_tokens=0)
    await until(lambda: len(engine.submitted) == 2)


@pytest.mark.parametrize("comes", [True, False])
async def test_an_event_that_is_only_late_is_not_told_twice(monkeypatch, comes):
    """The database has an end before its event is here."""
    monkeypatch.setattr(lost_ends, "HEAL_S", 0.0)
    monkeypatch.setattr(client, "ended", lambda ids: {i: report(i) for i in ids})
    watched, told = {"a"}, []

    async def take(event: dict[str, Any]) -> None:
        told.append(event["request_id"])
        watched.discard(event["request_id"])

    ends = LostEnds(watched, take)
    await ends._look()
    assert told == []
    if comes:
        await take({"request_id": "a"})
    await ends._look()
    await ends._look()
    assert told == ["a"]
