"""Runs and recordings whose process was killed end without a visitor."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlencode

import pytest
import redis
from asgiref.sync import async_to_sync, sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone

from lab import client
from lab.messages import LAB_GROUP
from lab.models import LOST, EngineRequest, ExperimentRun, KeptRecording
from lab.receipts.custody import HELD_KEY_PREFIX, custody, held_key
from lab.sweeping.held import LOST_LOOKS, RUN_LOST
from lab.tasks import keep_recording, sweep
from quizzes.models import Answer
from tests.lab.fake_engine import READY as FAKE_READY
from tests.lab.fake_engine import FakeEngine
from tests.lab.live import READY, Browser, new_id, until

pytestmark = pytest.mark.django_db(transaction=True)
OLD = timedelta(seconds=20)


@pytest.fixture(autouse=True)
def channels_in_memory(settings):
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    }


@pytest.fixture(autouse=True)
def server() -> "Iterator[redis.Redis[str]]":
    with redis.Redis.from_url(settings.REDIS_URL, decode_responses=True) as server:
        yield server
        for key in server.keys("lab:*"):
            server.delete(key)


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    fake = FakeEngine(FAKE_READY)
    with client.transport(fake):
        yield fake


def made_run(learner_id: str = "anna") -> ExperimentRun:
    run = ExperimentRun.begin(learner_id, run_id=new_id(), experiment="prefix")
    ExperimentRun.objects.update(started_at=timezone.now() - OLD)
    return run


def made_recording() -> KeptRecording:
    one = KeptRecording.begin(
        "anna", recording_id=uuid.uuid4().hex, title="mine", state="recording"
    )
    KeptRecording.objects.update(created_at=timezone.now() - OLD)
    return one


def look(times: int) -> None:
    for _ in range(times):
        sweep()


def test_a_run_whose_process_was_killed_ends_and_the_next_may_begin(engine):
    run = made_run()
    left = EngineRequest.objects.create(
        request_id=new_id(), learner_id="anna", purpose="experiment"
    )
    async_to_sync(get_channel_layer().group_add)(LAB_GROUP, "page")
    look(LOST_LOOKS)
    run.refresh_from_db()
    assert run.state == "running", "a moment's silence is nothing"
    look(1)
    run.refresh_from_db()
    assert (run.state, run.sentence) == ("failed", RUN_LOST)
    assert engine.aborted == [left.request_id], "nothing runs for nobody"
    told = async_to_sync(get_channel_layer().receive)("page")
    assert told == {"type": "class.run", "run_id": run.run_id, "kind": "end"}
    made_run()


def test_a_silence_in_between_does_not_add_up(engine):
    run = made_run()
    for _ in range(3):
        look(LOST_LOOKS)
        custody().hold("run", run.run_id)
        look(1)
        custody()._redis.delete(held_key("run", run.run_id))
    run.refresh_from_db()
    assert run.state == "running"


async def test_a_run_that_goes_on_says_so_itself(engine, server):
    engine.hosts = [READY]
    learner = await Browser(new_id()).connect()
    query = urlencode({"experiment": "prefix", "at_once": 2, "prediction": 9})
    await learner.say(type="experiment", query=query)
    begun = await learner.hear("experiment.begin")
    key = held_key("run", begun["run_id"])
    await until(lambda: server.exists(key))
    assert 0 < server.ttl(key) <= 12
    update = ExperimentRun.objects.update
    await sync_to_async(update)(started_at=timezone.now() - OLD)
    await sync_to_async(look)(2 * LOST_LOOKS)
    run = await ExperimentRun.objects.aget(run_id=begun["run_id"])
    assert run.state == "running"
    await learner.leave()


def test_a_recording_that_nobody_has_is_given_up_and_kept_if_it_comes(engine, server):
    one = made_recording()
    custody().hold("recording", one.recording_id)
    look(2 * LOST_LOOKS)
    one.refresh_from_db()
    assert one.state == "recording"
    server.delete(*server.keys(f"{HELD_KEY_PREFIX}*"))
    look(LOST_LOOKS + 1)
    one.refresh_from_db()
    assert (one.state, one.sentence) == ("failed", LOST)

    keep_recording(one.recording_id, "", "Nothing was recorded.")
    one.refresh_from_db()
    assert one.sentence == "Nothing was recorded.", "what comes late still tells"
    keep_recording(one.recording_id, "", "Something else.")
    one.refresh_from_db()
    assert one.sentence == "Nothing was recorded.", "and only once"


def test_the_page_that_waits_for_it_is_told(engine):
    web = Client()
    session = web.session
    session["learner_id"] = "anna"
    session.save()
    address = f"/lab/whatif/{made_recording().recording_id}/"
    assert "Refresh" in web.get(address).headers
    look(LOST_LOOKS + 1)
    page = web.get(address)
    assert "Refresh" not in page.headers and "It has not arrived" in str(page.content)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite tells its plan")
def test_no_look_reads_a_whole_table():
    """One every five seconds, however many runs and answers are kept."""
    run = ExperimentRun.objects.filter(state="running", started_at__lt=timezone.now())
    assert "running_runs" in run.explain()
    answer = Answer.objects.filter(state=Answer.State.RUNNING)
    assert "quizzes_answer_state" in answer.order_by().explain()
