"""What no engine host has taken yet ends when it is stopped, without one."""

import uuid
from collections.abc import Iterator

import pytest
import redis
from asgiref.sync import async_to_sync
from celery import current_app
from channels.layers import get_channel_layer
from django.conf import settings

from courseware.models import Learner
from lab import client
from lab.errors import NotYours
from lab.messages import Generation, queue_keys, request_group
from lab.models import EngineRequest
from lab.receipts.custody import LEASE_KEY_PREFIX, SENT_KEY_PREFIX, custody
from lab.tasks import generate
from mentor.models import Conversation, Turn
from tests.lab.fake_engine import READY, FakeEngine

pytestmark = pytest.mark.django_db(transaction=True)
GENERATION = Generation([{"role": "user", "content": "Why?"}], 8)


class Queues(FakeEngine):
    """The commands go nowhere, and messages into the broker's queue, as they do while
    all hosts are full, or none is back yet."""

    def send(self, task, arguments, priority, queue="engine"):
        custody().keep_sent(arguments["payload"], queue)
        current_app.send_task(
            generate.name, kwargs=arguments, queue=queue, priority=priority
        )


@pytest.fixture
def server() -> "Iterator[redis.Redis[str]]":
    with redis.Redis.from_url(settings.REDIS_URL, decode_responses=True) as server:
        yield server
        for key in [*server.keys("lab:*"), *queue_keys("engine")]:
            server.delete(key)


@pytest.fixture
def engine(server, settings) -> Iterator[Queues]:
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    }
    fake = Queues(READY)
    with client.transport(fake):
        yield fake


def asked(purpose: str = "demo") -> str:
    request_id = client.submit(GENERATION, learner_id="anna", purpose=purpose)
    assert custody().queued() == {request_id}
    return request_id


@pytest.mark.parametrize("purpose", ["mentor", "demo"])
def test_it_leaves_the_queue_and_has_its_end_at_once(server, engine, purpose):
    request_id = asked(purpose)
    layer = get_channel_layer()
    async_to_sync(layer.group_add)(request_group(request_id), "page")
    client.abort(request_id, "anna")
    assert custody().queued() == set()
    assert EngineRequest.objects.get().finish_reason == "aborted"
    event = async_to_sync(layer.receive)("page")
    assert (event["phase"], event["report"]["finish_reason"]) == ("finished", "aborted")
    assert not server.exists(SENT_KEY_PREFIX + request_id), "its text goes with it"
    client.abort(request_id, "anna")  # nothing happens


def test_its_question_is_stopped(engine):
    Learner.objects.create(learner_id="anna")
    request_id = asked("mentor")
    turn = Conversation.objects.start("anna").turns.create(
        learner_id="anna", position=0, question="Why?", prompt="Why?",
        request_id=request_id,
    )  # fmt: skip
    turn.stop()
    turn.refresh_from_db()
    assert turn.state == Turn.State.STOPPED


def test_what_a_host_has_taken_that_host_ends(server, engine):
    request_id = asked()
    server.set(LEASE_KEY_PREFIX + request_id, uuid.uuid4().hex)
    client.abort(request_id, "anna")
    assert engine.aborted == [request_id]
    assert EngineRequest.objects.get().finish_reason == ""


def test_what_a_host_was_handed_just_now_is_not_ended_twice(server, engine):
    """It is in no queue any more, and has no lease yet."""
    request_id = asked()
    for key in queue_keys("engine"):
        server.delete(key)
    client.abort(request_id, "anna")
    assert engine.aborted == [request_id]
    assert EngineRequest.objects.get().finish_reason == ""


def test_nobody_stops_anothers_in_the_queue(engine):
    request_id = asked()
    with pytest.raises(NotYours):
        client.abort(request_id, "ben")
    assert custody().queued() == {request_id}
