"""A learner's turn: the line, the start, the end, each told in a sentence."""

import asyncio
import dataclasses

import pytest
from django.conf import settings

from lab import client
from lab.errors import SecondRefused
from lab.second.line import Standing, Turn
from lab.second.settings import SecondSettings
from lab.second.visit import second_engine
from tests.lab.fake_engine import READY, FakeEngine

SECOND = dataclasses.replace(
    READY, engine_host_id="fake-second", beside=READY.engine_host_id, num_blocks=64
)


async def worker_of(engine: FakeEngine) -> Turn:
    """The engine worker takes the first message."""
    async with asyncio.timeout(60):
        while not engine.seconds:  # noqa: ASYNC110 (the fake has no event for it)
            await asyncio.sleep(0.01)
    turn = Turn(settings.REDIS_URL, engine.seconds[0]["ticket"])
    assert turn.take()
    return turn


async def test_a_turn_from_the_line_to_the_end(engine):
    said: list[str] = []
    async with second_engine("anna", SecondSettings(num_blocks=64), said.append) as one:
        turn = await worker_of(engine)
        assert (await one.until_started()).state == "starting"
        engine.hosts.append(SECOND)
        turn.tell(Standing("ready", engine_host_id="fake-second", ends_at=9e9))
        assert (await one.until_ready()) == SECOND
    assert not turn.is_wanted()
    assert [s.split()[0] for s in said] == ["It", "It"]


async def test_who_waits_hears_how_many_come_first(engine):
    said: asyncio.Queue[str] = asyncio.Queue()
    async with second_engine("anna", SecondSettings(), lambda _: None):
        await worker_of(engine)
        async with second_engine("ben", SecondSettings(), said.put):
            sentence = await asyncio.wait_for(said.get(), 60)
    assert "one learner has the turn before you" in sentence


async def test_a_refusal_ends_the_wait_with_its_sentence(engine):
    async with second_engine("anna", SecondSettings(), lambda _: None) as one:
        turn = await worker_of(engine)
        turn.tell(Standing("refused", reason="3,000 MiB are too much here."))
        turn.end()
        with pytest.raises(SecondRefused, match="3,000 MiB"):
            await one.until_ready()


def test_a_second_engine_is_never_taken_for_the_main_one():
    starting = dataclasses.replace(READY, state="starting")
    fake = FakeEngine(SECOND, starting)
    with client.transport(fake):
        assert client.statuses()[0].engine_host_id == READY.engine_host_id
        assert client.ready_engine() is None
