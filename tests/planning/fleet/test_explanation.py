"""What is said of a result, and what is advised: each sentence has its figure."""

import pytest

from planning.fleet.explanation import advise, explain
from planning.fleet.plan_fields import parse_plan
from planning.fleet.results import Result, simulate

STEADY = {"mode": "provisioned", "rate_per_s": 1.0}


def result(**fields: object) -> Result:
    return simulate(parse_plan({**STEADY, **fields}), 100_000)


def test_small_batches_are_told_and_fewer_instances_advised() -> None:
    found = result(instances=4, rate_per_s=6.0)
    assert any("the batches are small" in sentence for sentence in explain(found))
    assert "fewer instances, so that each serves larger batches" in advise(found)


def test_full_places_are_told_and_more_instances_advised() -> None:
    found = result(rate_per_s=6.0, instances=1, slo_wait_s=1, max_queue=50)
    told = explain(found)
    assert any("little room for a burst" in sentence for sentence in told)
    assert not any("batches are small" in sentence for sentence in told)
    assert "allow more instances" in advise(found)


@pytest.mark.parametrize("mode", ["serverless", "provisioned", "hybrid"])
def test_the_first_sentence_is_about_the_goal_and_the_bill_is_split(mode: str) -> None:
    told = explain(result(mode=mode))
    assert told[0].startswith("The goal is ")
    assert any(sentence.startswith("You pay ") for sentence in told)


def test_idle_seconds_are_named_with_their_share() -> None:
    found = result(
        mode="serverless", rate_per_s=0.05, idle_timeout_s=600, slo_wait_s=600
    )
    idle = 100 * found.costs["idle"].mean / found.cost_usd.mean
    assert any(f"{idle:.0f} % for idle seconds" in one for one in explain(found))
    assert any("a shorter idle timeout" in tip for tip in advise(found))
