"""The milliseconds of a bill, by a clock that stands until a test moves it."""

import random
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from lab.tracing import scheduler, steady_steps
from tests.lab.driven_scheduler import Driven

pytestmark = [pytest.mark.engine, pytest.mark.scheduler]

BUDGET = 64


class Clock:
    """Steps of a scheduler, each of a length of one's own."""

    def __init__(self, driven: Driven) -> None:
        self.driven = driven
        self.now_ns = 1_790_000_000_000_000_000

    def steps(self, *lengths_ms: int) -> None:
        """So many steps; the next one is scheduled when the last is over."""
        for length_ms in lengths_ms:
            self.driven.step()
            self.now_ns += length_ms * 1_000_000

    def ms(self, short_id: int) -> float | None:
        return self.driven.ledger.lookups[short_id].ms

    @property
    def bill_ms(self) -> float:
        return self.driven.ledger.bill().ms


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    driven = Driven(tmp_path, num_blocks=20, budget=BUDGET)
    made = Clock(driven)
    of_traces = SimpleNamespace(
        time_ns=lambda: made.now_ns, perf_counter_ns=lambda: made.now_ns
    )
    monkeypatch.setattr(scheduler, "time", of_traces)
    monkeypatch.setattr(steady_steps, "time_ns", of_traces.time_ns)
    yield made
    driven.close()


def prompts(number: int, length: int) -> list[list[int]]:
    draw = random.Random(length)
    return [[draw.randrange(1000) for _ in range(length)] for _ in range(number)]


def evicted(clock: Clock, number: int, length: int) -> list[list[int]]:
    """Prompts that were cached once, and whose blocks others have taken."""
    known = prompts(number, length)
    for one in [*known, *prompts(2, 290)]:
        clock.driven.serve(one)
    assert clock.bill_ms == 0
    return known


def test_a_recomputation_in_chunks_has_the_time_of_each(clock: Clock) -> None:
    """144 of the 150 tokens were cached: 64, 64, and 16 of the last chunk's 22."""
    (known,) = evicted(clock, 1, 150)
    again = clock.driven.add(known, max_tokens=3)
    clock.steps(40)
    assert clock.ms(again) is None
    clock.steps(50)
    assert clock.ms(again) == pytest.approx(40)
    clock.steps(22)
    assert clock.ms(again) == pytest.approx(40 + 50)
    clock.steps(1_000, 1_000)
    assert clock.driven.ledger.lookups[again].num_again_tokens == 144
    assert clock.ms(again) == clock.bill_ms == pytest.approx(40 + 50 + 16)


def test_the_requests_of_a_step_pay_by_their_tokens(clock: Clock) -> None:
    """16 of 20, 16 of 24 and none of 10 tokens, out of 54 in a step of 54 ms."""
    (first,), (second,) = prompts(1, 20), prompts(1, 24)
    for one in (first, second, *prompts(2, 290)):
        clock.driven.serve(one)
    ids = [clock.driven.add(one, 2) for one in (first, second, *prompts(1, 10))]
    clock.steps(54, 500)
    assert [clock.ms(one) for one in ids[:2]] == [pytest.approx(16)] * 2
    assert clock.ms(ids[2]) is None
    assert clock.bill_ms == pytest.approx(32)


def test_a_last_step_is_over_when_its_output_is_there(clock: Clock) -> None:
    """Not when somebody comes a minute later."""
    (known,) = evicted(clock, 1, 33)
    update = clock.driven.scheduler.update_from_output

    def takes(*arguments):
        clock.now_ns += 33_000_000
        return update(*arguments)

    clock.driven.scheduler.update_from_output = takes
    again = clock.driven.add(known)
    clock.steps(60_000)
    assert clock.ms(again) == pytest.approx(32)
    clock.driven.add(prompts(1, 10)[0])
    clock.steps(60_000)
    assert clock.bill_ms == pytest.approx(32)


def test_who_is_preempted_paid_until_then_and_pays_anew(clock: Clock) -> None:
    """The step that preempts ends the last one; its own time is the others'."""
    (known,) = evicted(clock, 1, 150)
    driven = clock.driven
    driven.add(prompts(1, 120)[0], max_tokens=100)
    clock.steps(1, 1)
    again = driven.add(known, max_tokens=100)
    clock.steps(64)
    while not driven.mirror.requests[again].num_preemptions:
        clock.steps(64)
    before = clock.bill_ms
    assert clock.ms(again) == before == pytest.approx(63 + 63 + 64 * 18 / 25)
    while not driven.ledger.lookups[again].is_resumed:
        clock.steps(64)
    assert clock.bill_ms == before
    clock.steps(17, 1_000)
    assert driven.ledger.lookups[again].num_again_tokens == 80
    assert clock.ms(again) == pytest.approx(64 + 16)
    assert clock.bill_ms == pytest.approx(before + 64 + 16)
