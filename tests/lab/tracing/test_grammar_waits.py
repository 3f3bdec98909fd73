"""Who waits for a grammar, by vLLM's own scheduler."""

import random
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from vllm.v1.core.sched.output import SchedulerOutput
from vllm.v1.request import RequestStatus
from vllm.v1.structured_output.backend_types import StructuredOutputGrammar

from lab.live_state import LiveState, Told
from lab.tracing.steady_steps import SteadySteps
from lab.viewer.why import why_message
from tests.lab.driven_scheduler import Driven
from tests.lab.fake_engine import READY

pytestmark = [pytest.mark.engine, pytest.mark.scheduler]

WAITS = RequestStatus.WAITING_FOR_STRUCTURED_OUTPUT_GRAMMAR
PROMPT = list(range(40))


class Grammar(StructuredOutputGrammar):  # type: ignore[misc]
    """One that takes every token."""

    def accept_tokens(self, request_id: str, tokens: list[int]) -> bool:
        return True

    def validate_tokens(self, tokens: list[int]) -> list[int]:
        return tokens

    def rollback(self, num_tokens: int) -> None:
        """There is nothing to go back to."""

    def fill_bitmask(self, bitmask: Any, batch_index: int) -> None:
        """There is nothing to mask."""

    def is_terminated(self) -> bool:
        return False

    def reset(self) -> None:
        """It has no state."""


@pytest.fixture
def driven(tmp_path: Path) -> Iterator[Driven]:
    made = Driven(tmp_path, num_blocks=24, max_num_seqs=4)
    yield made
    made.close()


def _compiling(driven: Driven) -> list[int]:
    """Short ids, as vLLM's requests say."""
    requests = driven.scheduler.requests.values()
    return [
        int(one.request_id.split("-")[0]) for one in requests if one.status is WAITS
    ]


def _why(state: LiveState, short_id: int) -> list[str]:
    said: list[str] = why_message(Told(state), READY, short_id)["sentences"]
    return said


def test_after_each_step_it_is_told_who_waits_for_a_grammar(driven: Driven) -> None:
    """Crowds, aborts, batches that are full and readers that lost the thread."""
    draw, scheduler = random.Random(3), driven.scheduler
    futures: list[Future[Any]] = []
    seen: list[int] = []
    for _ in range(900):
        if draw.random() < 0.2 and len(scheduler.requests) < 9:
            grammar: Future[Any] | None = Future() if draw.random() < 0.5 else None
            futures += [] if grammar is None else [grammar]
            driven.add(
                draw.choices(range(9), k=30), draw.randrange(1, 30), None, grammar
            )
        if draw.random() < 0.1 and futures:
            futures.pop(draw.randrange(len(futures))).set_result(Grammar())
        if draw.random() < 0.03 and scheduler.requests:
            one = draw.choice(list(scheduler.requests))
            scheduler.finish_requests(one, RequestStatus.FINISHED_ABORTED)
        if draw.random() < 0.03:
            driven.tap.ask_snapshot()
        driven.step()
        assert sorted(driven.ledger.compiling or ()) == sorted(_compiling(driven))
        seen.append(len(_compiling(driven)))
    assert {0, 1, 2, 3} <= set(seen)


def test_the_steps_of_others_take_the_short_way_when_nobody_waits_so(
    driven: Driven,
) -> None:
    ways: list[bool] = []

    class Spied(SteadySteps):
        __slots__ = ()

        def wrote(self, output: SchedulerOutput) -> bool:
            ways.append(super().wrote(output))
            return ways[-1]

    driven.scheduler._steps.__class__ = Spied
    grammar: Future[Any] = Future()
    driven.add(PROMPT, 60)
    driven.add(PROMPT, 60, None, grammar)
    for _ in range(6):
        driven.step()
    assert not any(ways)
    grammar.set_result(Grammar())
    for _ in range(6):
        driven.step()
    assert ways[-1]


def test_why_it_waits_is_said_as_a_fact(driven: Driven) -> None:
    grammar: Future[Any] = Future()
    driven.add(PROMPT, 90)
    driven.step()
    driven.add(PROMPT, 9, None, grammar)
    driven.step()
    (where, why, *_) = _why(driven.state([2]), 2)
    assert where == "It waits at place 1 of 1."
    assert why.startswith("It waits for its grammar, which vLLM compiles")
    grammar.set_result(Grammar())
    driven.step()
    state = driven.state([2])
    assert state.compiling == [] and not state.waiting


def test_who_stands_behind_it_lacks_blocks_of_its_own(driven: Driven) -> None:
    """The first of the queue is passed over; of the second it is told what it lacks,
    as long as it does."""
    driven.add(list(range(200)), 200)
    driven.step()
    driven.add(PROMPT, 9, None, Future())
    driven.add(list(range(500, 720)), 9)
    for _ in range(4):
        driven.step()
    told = _why(driven.state([2]), 3)
    assert told[:2] == [
        "It waits at place 2 of 2.",
        "Before it is 1 request, passed over: its grammar is not compiled yet.",
    ]
    assert told[2].startswith("It needs 14 blocks, and ")
