"""Experiments over the viewer's socket: run, kept, limited, stopped, left."""

from dataclasses import replace
from urllib.parse import urlencode

import pytest
from asgiref.sync import sync_to_async
from django.core.cache import cache

from lab import client
from lab.experiments import conduct, staff
from lab.models import MAX_RUNS_IN_TOTAL, RUNS_KEPT, ExperimentRun
from lab.viewer.hub import hub_of_process
from tests.lab.fake_engine import FakeEngine
from tests.lab.live import READY, Browser, new_id, send, send_event, until

pytestmark = pytest.mark.django_db(transaction=True)

PREFIX = urlencode({"experiment": "prefix", "at_once": 2, "prediction": 90})


@pytest.fixture(autouse=True)
def in_memory_channels(settings):
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


async def _sent(engine, number):
    await until(lambda: len(engine.submitted) >= number)
    return [payload["request_id"] for payload in engine.submitted]


async def _answer(engine, done, total, **figures):
    for request_id in (await _sent(engine, total))[done:]:
        await send_event(request_id, "finished", **figures)


async def _runs(**which):
    return await sync_to_async(lambda: list(ExperimentRun.objects.filter(**which)))()


async def test_a_run_is_measured_and_kept_beside_its_prediction(browser, engine):
    await browser.say(type="experiment", query=PREFIX)
    begin = await browser.hear("experiment.begin")
    figures = {"num_prompt_tokens": 360, "ttft_s": 0.4}
    await _answer(engine, 0, 1, num_cached_tokens=0, **figures)
    await _answer(engine, 1, 2, num_cached_tokens=352, **figures)
    await _answer(engine, 2, 4, num_cached_tokens=320, **figures)
    end = await browser.hear("experiment.end")

    assert set(engine.queues) == {"engine.one"}, "all of them to the engine at hand"
    (run,) = await _runs(run_id=begin["run_id"])
    assert (end["state"], run.state) == ("done", "done")
    assert run.prediction == 90
    assert run.outcome["answer"] == pytest.approx(100 * 320 / 360)
    assert run.values["at_once"] == 2 and run.engine["block_size"] == 32
    assert "10 whole blocks of 32 and 10 tokens more" in end["sentence"]


@pytest.mark.parametrize("name", ["prefix", "structured"])
async def test_words_of_the_learners_own_are_in_what_is_sent(browser, engine, name):
    own = "Warum schläft die Katze? 🐈\u200d⬛"
    query = urlencode({"experiment": name, "own": own, "prediction": 1})
    await browser.say(type="experiment", query=query)
    await _sent(engine, 1)
    (*_, message) = engine.prompt(0)
    assert own in message["content"]


async def test_words_of_more_tokens_than_fit_are_refused_before_they_are_sent(
    browser, engine
):
    engine.replies = [{"num_tokens": [2_040, 358], "num_common": [2_040, 330]}]
    await browser.say(type="experiment", query=PREFIX)
    end = await browser.hear("experiment.end")
    assert end["state"] == "failed" and "has 2,040 tokens" in end["sentence"]
    assert engine.submitted == []


SWEEP = urlencode({"experiment": "throughput", "most": 2, "prediction": 2})


async def test_what_there_is_so_far_is_drawn_and_gone_when_the_run_fails(
    browser, engine
):
    await browser.say(type="experiment", query=SWEEP)
    begin = await browser.hear("experiment.begin")
    figures = {"ttft_s": 0.1, "e2el_s": 1.0, "output_tokens_per_s": 34.0}
    figures["arrived_at"] = 100.0
    await _answer(engine, 0, 1, **figures)  # warms up
    for number in range(1, 12):  # four alone, two at once twice, a longer prompt thrice
        await _answer(engine, number, number + 1, **figures)
    while not (told := await browser.hear("experiment.progress")).get("is_drawn"):
        continue
    assert "fitted to the loads of 1 and 2" in told["sentence"]
    end = await browser.hear("experiment.end")
    assert end["state"] == "done"

    await browser.say(type="experiment", query=PREFIX)
    run_id = (await browser.hear("experiment.begin"))["run_id"]
    await sync_to_async(ExperimentRun.keep)(run_id, {"answer": None, "says": "half"})
    await browser.say(type="end")
    await browser.hear("experiment.end")
    (stopped,) = await _runs(run_id=run_id)
    assert stopped.outcome is None
    (done,) = await _runs(run_id=begin["run_id"])
    await sync_to_async(ExperimentRun.keep)(done.run_id, {"says": "late"})
    (still,) = await _runs(run_id=done.run_id)
    assert still.outcome["answer"] == done.outcome["answer"], "an end is an end"


async def test_without_a_prediction_nothing_is_sent(browser, engine):
    await browser.say(type="experiment", query="experiment=prefix")
    assert "Predict first" in (await browser.hear("error"))["sentence"]
    assert engine.submitted == [] and await _runs() == []


async def test_while_staff_pause_launches_nothing_is_sent(browser, engine, settings):
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    }
    cache.set(staff.PAUSED_KEY, True)
    for command in ({"type": "experiment", "query": PREFIX},
                    {"type": "demo", "name": "twice"}):  # fmt: skip
        await browser.say(**command)
        assert (await browser.hear("error"))["sentence"] == staff.PAUSED
    cache.clear()
    assert engine.submitted == [] and await _runs() == []


async def test_settings_that_do_not_fit_this_engine_send_nothing(browser, engine):
    query = "experiment=prefix&tokens=4000&prediction=1"
    await browser.say(type="experiment", query=query)
    end = await browser.hear("experiment.end")
    assert end["state"] == "failed" and "choose at most" in end["sentence"]
    assert engine.submitted == []


async def test_one_of_a_learners_experiments_runs_at_a_time(browser, engine):
    await browser.say(type="experiment", query=PREFIX)
    await _sent(engine, 1)
    await browser.say(type="experiment", query=PREFIX)
    assert "still running" in (await browser.hear("error"))["sentence"]


async def test_so_many_run_in_total(browser, engine):
    for _ in range(MAX_RUNS_IN_TOTAL):
        await sync_to_async(ExperimentRun.begin)(
            new_id(), run_id=new_id(), experiment="prefix"
        )
    await browser.say(type="experiment", query=PREFIX)
    assert "would measure each other" in (await browser.hear("error"))["sentence"]
    assert engine.submitted == []


async def test_stop_ends_the_run_and_aborts_what_it_sent(browser, engine):
    await browser.say(type="experiment", query=PREFIX)
    (first,) = await _sent(engine, 1)
    await browser.say(type="end")
    end = await browser.hear("experiment.end")
    assert end["state"] == "stopped" and engine.aborted == [first]
    (run,) = await _runs()
    assert run.state == "stopped" and run.outcome is None
    await browser.say(type="experiment", query=PREFIX)
    await browser.hear("experiment.begin")


async def test_an_engine_that_dies_ends_the_run_and_the_next_one_works(browser, engine):
    await browser.say(type="experiment", query=PREFIX)
    (first,) = await _sent(engine, 1)
    died = "The engine process died while it answered; it starts again by itself"
    told = f"{died}. What came so far is kept: ask again."
    await send_event(first, "finished", finish_reason="error", error=told)
    end = await browser.hear("experiment.end")
    assert (end["state"], end["sentence"]) == (
        "failed",
        f"{died}. Nothing was measured.",
    )
    await browser.say(type="experiment", query=PREFIX)
    await _sent(engine, 2)


async def test_an_engine_is_asked_as_soon_as_it_tells_that_it_is_ready(engine):
    restarting = replace(READY, state="restarting")
    engine.hosts = [restarting]
    browser = await Browser(new_id()).connect()
    await browser.say(type="experiment", query=PREFIX)
    told = (await browser.hear("error"))["sentence"]
    assert told == "The engine is restarting: nothing can be sent yet."
    await send(READY.message())
    await browser.hear("engine.status")
    await browser.say(type="experiment", query=PREFIX)
    await browser.hear("experiment.begin")
    await browser.leave()


async def test_a_host_that_goes_away_ends_the_run(browser, engine):
    await browser.hear("hello")
    await browser.say(type="experiment", query=PREFIX)
    await _sent(engine, 1)
    hub_of_process().statuses.clear()
    end = await browser.hear("experiment.end")
    assert (end["state"], end["sentence"]) == ("failed", conduct.GONE)


async def test_leaving_the_page_stops_the_run(engine):
    browser = await Browser(new_id()).connect()
    await browser.say(type="experiment", query=PREFIX)
    (first,) = await _sent(engine, 1)
    await browser.leave()
    (run,) = await _runs()
    assert run.state == "stopped" and engine.aborted == [first]


def test_the_newest_runs_of_a_learner_are_kept():
    for number in range(RUNS_KEPT + 3):
        ExperimentRun.begin("anna", run_id=f"{number:032}", experiment="prefix")
        ExperimentRun.end(f"{number:032}", "done", "", {})
    kept = [run.run_id for run in ExperimentRun.of("anna", "prefix")]
    assert kept == [f"{n:032}" for n in range(RUNS_KEPT + 2, 2, -1)]


async def test_beside_an_attached_engine_a_run_goes_to_the_one_with_an_address(
    engine,
):
    attached = replace(READY, engine_host_id="attached", reads_only=True)
    asked = replace(READY, engine_host_id="asked", by_address=True, num_blocks=None)
    engine.hosts = [attached, asked]
    browser = await Browser(new_id()).connect()
    await browser.say(type="follow", engine_host_id="attached")
    await browser.say(type="experiment", query=PREFIX)
    begin = await browser.hear("experiment.begin")
    await _sent(engine, 1)
    assert engine.queues == ["engine.asked"]
    (run,) = await _runs(run_id=begin["run_id"])
    assert run.engine["by_address"] and run.engine["num_blocks"] is None
    await browser.leave()


async def test_an_attached_engine_alone_is_asked_nothing(engine):
    engine.hosts = [replace(READY, reads_only=True)]
    browser = await Browser(new_id()).connect()
    await browser.say(type="experiment", query=PREFIX)
    assert "only shown" in (await browser.hear("error"))["sentence"]
    assert engine.submitted == [] and await _runs() == []
    await browser.leave()
