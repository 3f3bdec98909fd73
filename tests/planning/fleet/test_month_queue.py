"""The queue over the month: all of it, or a look at each stretch."""

import numpy as np
import pytest

from planning.fleet.month_queue import NUM_BINS, month_queue_of
from planning.fleet.plan_fields import parse_plan
from planning.fleet.results import simulate

SMALL = {"mode": "provisioned", "instances": 1, "concurrency": 2, "rate_per_s": 0.9}


def test_the_means_of_the_stretches_are_littles_law() -> None:
    """Mean queue = rate x mean wait in the queue, of the same month."""
    plan = parse_plan({**SMALL, "input_tokens": 10, "slowdown_pct": 0})
    found = month_queue_of(plan)
    assert found.is_whole_month and len(found.mean) == NUM_BINS
    result = simulate(plan, 10_000_000)
    assert result.wait_mean_s is not None
    expected = 0.9 * result.wait_mean_s.mean
    assert found.mean.mean() == pytest.approx(expected, rel=0.1)
    assert (found.longest >= found.mean).all()


def test_a_busy_month_is_looked_at_in_every_stretch() -> None:
    plan = parse_plan({**SMALL, "pattern": "diurnal", "rate_per_s": 0.6})
    whole, looked = month_queue_of(plan), month_queue_of(plan, budget=200_000)
    assert not looked.is_whole_month and 0 < looked.share_simulated < 0.5
    hours = np.arange(NUM_BINS) % 6
    by_hour = [
        [found.mean[hours == k].mean() for k in range(6)] for found in (whole, looked)
    ]
    assert np.argmax(by_hour[0]) == np.argmax(by_hour[1])


def test_a_crowd_is_not_missed() -> None:
    plan = parse_plan(
        {**SMALL, "pattern": "flash", "rate_per_s": 0.3, "flash_minutes": 20}
    )
    looked = month_queue_of(plan, budget=100_000)
    assert np.sum(looked.longest > 20) == 4
