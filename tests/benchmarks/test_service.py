"""The service model against the CPU engine, from a recorded measurement."""

import json
import statistics
from pathlib import Path

import pytest

from benchmarks.service import AT_ONCE, FITTED, PROMPTS, Others, errors, seen_of
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
    sum(range(3_000_000))
    assert -0.1 <= others.share() <= 1.1
