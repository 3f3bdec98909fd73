"""A question that the browser sends again, for it heard nothing, is taken once."""

import json
import time

import pytest
from asgiref.sync import sync_to_async
from django.db import IntegrityError

from mentor.asking import take
from mentor.commands import Ask, Ping, parse
from mentor.models import Turn
from tests.lab.fake_engine import finished

pytestmark = pytest.mark.django_db(transaction=True)
KEY = "0" * 31 + "a"
WHAT = "What is PagedAttention?"


def wait_for_request(engine) -> None:
    end = time.monotonic() + 60
    while not engine.submitted and time.monotonic() < end:
        time.sleep(0.01)


async def ask(browser, key: str, question: str = WHAT, ref: int = 1):
    await browser.say(
        type="ask", conversation=None, question=question, ref=ref, key=key
    )
    while (message := await browser.hear())["type"] not in ("asked", "refused"):
        pass
    return message


async def test_the_same_id_gives_the_turn_there_is(learner, chapter, engine, browse):
    first = await ask(await browse(learner), KEY)
    await sync_to_async(wait_for_request)(engine)
    again = await ask(await browse(learner), KEY, ref=2)
    assert again["ref"] == 2
    assert again["turn"]["id"] == first["turn"]["id"]
    assert len(engine.submitted) == 1
    assert await Turn.objects.acount() == 1


async def test_also_long_after_it_was_answered(learner, chapter, engine, browse):
    browser = await browse(learner)
    first = await ask(browser, KEY)
    await sync_to_async(wait_for_request)(engine)
    report = finished(engine.request_id(), "Blocks.")
    await engine.store(report.request_id, "Blocks.")
    await Turn.objects.aupdate(created_at="2020-01-01T00:00:00+00:00")
    again = await ask(await browse(learner), KEY)
    assert again["turn"]["id"] == first["turn"]["id"]
    assert again["turn"]["state"] == "answered"
    assert await Turn.objects.acount() == 1


async def test_an_id_is_its_learners_own(make_learner, chapter, engine, browse):
    one, two = [await sync_to_async(make_learner)() for _ in range(2)]
    first = await ask(await browse(one), KEY)
    second = await ask(await browse(two), KEY)
    assert first["turn"]["id"] != second["turn"]["id"]


def test_the_database_takes_an_id_once(learner, chapter):
    turn = take(learner, Ask(None, WHAT, key=KEY), "1" * 32)
    turn.complete()
    with pytest.raises(IntegrityError):
        turn.conversation.turns.create(
            learner_id=learner,
            position=1,
            question=WHAT,
            ask_key=KEY,
            request_id="2" * 32,
        )


async def test_a_ping_is_answered(learner, chapter, engine, browse):
    browser = await browse(learner)
    await browser.say(type="ping")
    await browser.hear("pong")


@pytest.mark.parametrize("key", [None, 7, "x" * 32, "a" * 33, ["a"]])
def test_an_id_that_is_none_is_left_out(key):
    command = parse(json.dumps({"type": "ask", "question": "Why?", "key": key}))
    assert isinstance(command, Ask) and command.key == ""
    assert parse('{"type": "ping"}') == Ping()
