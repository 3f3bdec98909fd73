"""The service model against the CPU engine, from a recorded measurement."""

import json
import statistics
from pathlib import Path
from typing import Any, cast

import pytest

from benchmarks.service import (
    AT_ONCE,
    FITTED,
    PROMPTS,
    Others,
    errors,
    measure,
    seen_of,
)
from benchmarks.stack import Running
from planning.service.fitted import Burst, Engine

TRACE = Path(__file__).parents[1] / "data" / "bursts-cpu.json"
RECORDED = json.loads(TRACE.read_text())
SEEN = seen_of(RECORDED["bursts"])
ENGINE = Engine(
    RECORDED["engine"]["max_num_batched_tokens"],
    RECORDED["engine"]["max_concurrent_requests"],
    RECORDED["output"],
)


@pytest.fixture(scope="module")
def found() -> dict[Burst, tuple[float, float]]:
    return errors(SEEN, ENGINE)


def test_every_burst_was_measured_on_a_quiet_machine() -> None:
    assert set(SEEN) == {Burst(p, n) for p in PROMPTS for n in AT_ONCE}
    assert all(row["foreign"] < 0.1 for row in RECORDED["bursts"])


def test_ttft_and_itl_of_all_bursts_are_told_within_15_percent(found) -> None:
    assert max(abs(one) for pair in found.values() for one in pair) < 0.15


def test_those_that_nothing_was_fitted_to_too_and_mostly_closer(found) -> None:
    unseen = [abs(e) for burst in found.keys() - set(FITTED) for e in found[burst]]
    assert len(unseen) == 16
    assert statistics.median(unseen) < 0.07


def test_a_round_among_others_is_not_counted() -> None:
    loud = [row | {"foreign": 0.4} for row in RECORDED["bursts"]]
    assert seen_of(loud) == {}


def test_what_others_take_is_a_share_of_all_cores() -> None:
    others = Others()
    sum(range(20_000_000))  # some tenths of a second: processor time comes in ticks
    assert -0.1 <= others.share() <= 1.1


class FakeStack:
    """An engine whose template puts 30 tokens around each prompt."""

    def __init__(self) -> None:
        self.prompts: list[int] = []

    def ask_engine(self, task: str, payloads: list[dict[str, Any]]) -> dict[str, Any]:
        assert task == "bench.serve"
        reports = []
        for one in payloads:
            prompt = 30 + len(one["messages"][0]["content"])
            self.prompts.append(prompt)
            numbers = {"ttft_s": 0.5, "output_tokens_per_s": 20.0}
            known = {"error": None, "num_preemptions": 0, "num_prompt_tokens": prompt}
            reports.append(numbers | known)
        return {"reports": reports}


def test_the_bench_sends_prompts_of_the_lengths_it_says() -> None:
    stack = FakeStack()
    rows = measure(cast(Running, stack), rounds=1, output=4)
    assert [(row["prompt"], row["at_once"]) for row in rows] == [
        (prompt, at_once) for prompt in PROMPTS for at_once in AT_ONCE
    ]
    assert rows[-1]["ttft_ms"] == [500.0] * 32 and rows[-1]["itl_ms"] == [50.0] * 32
    assert set(stack.prompts[1:]) == set(PROMPTS)
    assert seen_of([row | {"foreign": 0.0} for row in rows])[Burst(50, 4)].itl_s == 0.05
