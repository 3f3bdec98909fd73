"""Traffic to record: sized to the engine, the same for the same seed."""

import io
import random
from dataclasses import replace

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from courseware.models import Learner
from lab import client
from lab.errors import LimitExceeded
from lab.models import MAX_PROMPT_CHARS
from lab.traffic import demos
from lab.traffic.demos import Room
from lab.traffic.recorded import MAX_REQUESTS, TRAFFIC, Sent
from tests.lab.fake_engine import FakeEngine
from tests.lab.live import READY

ROOM = Room.of(READY, MAX_REQUESTS)
ROOMS = {
    "CPU": ROOM,
    "small context": replace(ROOM, max_model_len=256, max_output_tokens=128),
    "card": replace(ROOM, block_size=16, num_blocks=50_000, max_model_len=8_192),
}


def planned(name: str, room: Room = ROOM, seed: int = 1) -> list[Sent]:
    return TRAFFIC[name].plan(room, 24, 30.0, random.Random(seed))


@pytest.mark.parametrize("room", ROOMS.values(), ids=ROOMS)
@pytest.mark.parametrize("name", TRAFFIC)
def test_every_request_fits_the_engine_and_the_limits(name: str, room: Room) -> None:
    sent = planned(name, room)
    assert 0 < len(sent) <= MAX_REQUESTS < settings.LIMITS.demo_total
    for one in sent:
        words = " ".join(message["content"] for message in one.generation.messages)
        tokens = len(words.split()) * demos.TOKENS_PER_WORD + demos.TEMPLATE_TOKENS
        assert tokens + one.generation.max_tokens <= room.max_model_len
        assert len(words) <= MAX_PROMPT_CHARS
        assert one.generation.ignore_eos
    moments = [one.at_s for one in sent]
    assert moments == sorted(moments) and moments[-1] <= 30.0


@pytest.mark.parametrize("name", TRAFFIC)
def test_the_same_seed_sends_the_same(name: str) -> None:
    assert planned(name) == planned(name)
    if name != "first":
        assert planned(name) != planned(name, seed=2)


def test_a_later_turn_begins_with_what_was_said_before() -> None:
    texts = [
        [message["content"] for message in one.generation.messages]
        for one in planned("mixed")
    ]
    later = [text for text in texts if len(text) > 1]
    assert later
    for text in later:
        assert text[:-2] in texts


def test_a_shared_beginning_is_shared_and_long() -> None:
    beginnings = {one.generation.messages[0]["content"] for one in planned("prefix")}
    (rules,) = beginnings
    assert len(rules.split()) > 8 * ROOM.block_size


@pytest.mark.parametrize("room", [ROOM, ROOMS["card"]], ids=["CPU", "card"])
def test_what_overflows_asks_for_more_than_the_pool(room: Room) -> None:
    sent = planned("overflow", room)
    words = sum(len(one.generation.messages[0]["content"].split()) for one in sent)
    outputs = sum(one.generation.max_tokens for one in sent)
    assert words + outputs > room.pool_tokens


@pytest.mark.parametrize(
    ("statuses", "arguments", "sentence"),
    [
        ([], (), "No engine is ready"),
        (["a", "b"], (), "2 engine hosts are ready"),
        (["a"], ("--requests", "0"), "--requests 0: 1 to 480"),
        (["a"], ("--seconds", "0"), "--seconds 0: 1 to"),
        (["a"], (), "Engine host a does not answer"),
    ],
)
def test_the_command_refuses_with_a_sentence(
    statuses: list[str], arguments: tuple[str, ...], sentence: str
) -> None:
    engine = FakeEngine(*(replace(READY, engine_host_id=one) for one in statuses))
    with client.transport(engine), pytest.raises(CommandError, match=sentence):
        call_command("recordtraffic", "mixed", *arguments, stdout=io.StringIO())


@pytest.mark.django_db(transaction=True)
def test_a_request_that_is_refused_ends_the_recording() -> None:
    engine = FakeEngine(READY)
    engine.replies = [{"state": "recording"}]
    engine.refusal = LimitExceeded("Too many are under way.")
    refused = pytest.raises(CommandError, match=r"Request 1: Too many are under way\.")
    with client.transport(engine), refused:
        call_command("recordtraffic", "first", stdout=io.StringIO())
    actions = [arguments["action"] for _, arguments in engine.commands]
    assert actions == ["start", "stop"] and not Learner.objects.exists()
