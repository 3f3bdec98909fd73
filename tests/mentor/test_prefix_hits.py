"""Questions that follow on others find their prompt's beginning in the prefix cache: a
real stack with a real engine."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.chats import Answer, open_chats
from benchmarks.scale import Scale
from benchmarks.stack import Running, running
from tests.lab.engine_host import model_dir

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(600)]
BLOCK = 32
FIRST = "What is PagedAttention?"
SECOND = "Why are cold starts slow?"
OTHER_WORDING = "What's PagedAttention?"


@pytest.fixture(scope="module")
def stack() -> Iterator[Running]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ENGINE_MODEL", str(model_dir()))
        with running(Scale("cpu", {"chats": 2}), {}) as stack:
            yield stack


async def _ask(url: str) -> list[Answer]:
    """A first question, a second in its conversation, and another learner's."""
    async with open_chats(url, 2) as (mine, theirs):
        first = await mine.ask(FIRST)
        second = await mine.ask(SECOND, first.turn["conversation"])
        return [first, second, await theirs.ask(OTHER_WORDING)]


def test_a_second_question_and_a_second_learner_find_the_beginning_cached(
    stack: Running,
) -> None:
    first, second, other = asyncio.run(_ask(stack.url))
    print(json.dumps([_tokens(one) for one in (first, second, other)]))
    before = first.measured["num_prompt_tokens"]
    cached, whole = second.measured["num_cached_tokens"], before // BLOCK * BLOCK
    assert cached >= whole, "what was said before is sent again as it was"
    assert second.measured["num_prompt_tokens"] > before
    assert second.measured["num_blocks_shared"] == cached // BLOCK
    told = other.measured
    assert told["num_cached_tokens"] > told["num_prompt_tokens"] / 2, (
        "one text for both"
    )


def _tokens(answer: Answer) -> dict[str, Any]:
    names = ("num_prompt_tokens", "num_cached_tokens", "ttft_s")
    return {name: answer.measured[name] for name in names}
