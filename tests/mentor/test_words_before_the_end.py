"""64 sockets, and an engine that is quicker than the web process: the words come
before the end all the same."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from courseware.models import Learner
from lab import client
from mentor import consumers
from tests.lab.fake_engine import READY, FakeEngine, deliver, finished

pytestmark = pytest.mark.django_db(transaction=True)

NUM_LEARNERS = 64
WORDS = ("Blocks", "Blocks of", "Blocks of tokens.")


class QuickEngine(FakeEngine):
    """Has answered, and the default worker has stored it, before sending returns."""

    loop: asyncio.AbstractEventLoop

    def send(self, task: str, arguments: dict[str, Any], *where: Any) -> None:
        super().send(task, arguments, *where)
        request_id = arguments["payload"]["request_id"]
        asyncio.run_coroutine_threadsafe(self._answer(request_id), self.loop).result()
        deliver(finished(request_id, WORDS[-1]))

    async def _answer(self, request_id: str) -> None:
        for number, text in enumerate(WORDS, start=1):
            await self.play(
                request_id, phase="decode", text=text, num_output_tokens=number
            )
        await self.report(request_id, WORDS[-1])


@pytest.fixture
async def quick() -> AsyncIterator[QuickEngine]:
    engine = QuickEngine(READY)
    engine.loop = asyncio.get_running_loop()
    with client.transport(engine):
        yield engine


async def _heard(browser: Any) -> list[dict[str, Any]]:
    await browser.say(
        type="ask", conversation=None, question="What is PagedAttention?", ref=1
    )
    heard = [await browser.hear()]
    while heard[-1]["type"] != "turn":
        heard.append(await browser.hear())
    return heard


async def test_each_of_64_hears_the_words_before_the_end(chapter, quick, browse, later):
    ids = [f"{number:032x}" for number in range(1, NUM_LEARNERS + 1)]
    learners = [Learner(learner_id=one) for one in ids]
    await later(Learner.objects.bulk_create)(learners)
    browsers = [await browse(one) for one in ids]

    everyone = [await _heard(browser) for browser in browsers]

    for heard in everyone:
        kinds = [message["type"] for message in heard]
        assert kinds == ["asked", "course", *["event"] * len(WORDS), "turn"]
        assert heard[-1]["turn"]["state"] == "answered"
        assert heard[-1]["turn"]["answer"] == WORDS[-1]


async def test_an_end_without_any_word_is_found_although_no_event_comes(
    learner, chapter, quick, browse, monkeypatch
):
    async def silent(self: QuickEngine, request_id: str) -> None:
        """All that it says is lost on the way."""

    monkeypatch.setattr(QuickEngine, "_answer", silent)
    assert consumers.HEAL_S < 1
    heard = await _heard(await browse(learner))
    assert [message["type"] for message in heard] == ["asked", "course", "turn"]
    assert heard[-1]["turn"]["answer"] == WORDS[-1]
