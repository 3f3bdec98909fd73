"""Keep-alive with a start that takes time: the closed form against two simulations."""

import random
from collections.abc import Iterator

import pytest

from planning.fleet.keep_alive import KeepAlive, busy_share, keep_alive
from planning.fleet.queueing_check import simulate_vector
from planning.fleet.queueing_theory import closed_form

CASES = [
    # λ [1/s], S [s], τ [s], t [s]
    (0.02, 6.0, 5.0, 30.0),
    (0.02, 6.0, 60.0, 30.0),
    (0.02, 6.0, 5.0, 60.0),
    (0.5, 2.0, 1.0, 8.0),
    (0.02, 6.0, 60.0, 0.0),
]


def _arrivals(rate_per_s: float, num: int, seed: int) -> Iterator[float]:
    draw, now = random.Random(seed), 0.0
    for _ in range(num):
        now += draw.expovariate(rate_per_s)
        yield now


def _simulated(rate: float, service: float, idle: float, start: float) -> KeepAlive:
    """One request after the other: no formula, no event loop, no shared code."""
    num, ready_at, down_at = 400_000, 0.0, 0.0
    billed = last = 0.0
    num_starts = num_waits = 0
    for now in _arrivals(rate, num, seed=7):
        if now >= down_at:
            num_starts += 1
            ready_at = now + start
            billed += start
            down_at = ready_at
        num_waits += now <= ready_at
        until = max(now, ready_at) + service + idle
        billed += until - down_at
        down_at, last = until, now
    return KeepAlive(billed / max(last, down_at), num_starts / num, num_waits / num)


@pytest.mark.parametrize("case", CASES)
def test_a_simulation_of_its_own_agrees(case: tuple[float, ...]) -> None:
    found, formula = _simulated(*case), keep_alive(*case)
    assert found.billed_share == pytest.approx(formula.billed_share, abs=0.005)
    assert found.trigger_share == pytest.approx(formula.trigger_share, abs=0.005)
    assert found.wait_share == pytest.approx(formula.wait_share, abs=0.005)


@pytest.mark.parametrize("case", CASES[:4])
def test_the_fleet_simulator_agrees(case: tuple[float, ...]) -> None:
    rate, service, idle, start = case
    params = {"lam": rate, "service": service, "tau": idle, "cold_start": start}
    vector = {"model": "M/G/inf + keep-alive tau", "params": params}
    found = simulate_vector(vector, num_seeds=8, num_requests=100_000)
    theory = closed_form(vector["model"], params)
    assert {"billed_fraction", "cold_starts_per_request", "P_wait"} <= set(theory)
    for name, value in theory.items():
        assert found[name].mean == pytest.approx(value, rel=0.01), name


def test_the_share_billed_stays_below_the_whole_hour() -> None:
    """With a start of no time the same settings came to 116 % of the hour."""
    assert keep_alive(0.02, 6, 5, 60).billed_share < 1
    assert keep_alive(0.02, 6, 5, 30).billed_share == pytest.approx(0.458, abs=0.0005)
    assert keep_alive(0.02, 6, 5, 30).wait_share == pytest.approx(0.867, abs=0.0005)


def test_a_worker_that_never_goes_down_is_always_billed() -> None:
    found = keep_alive(1, 6, 1e6, 30)
    assert (found.billed_share, found.trigger_share) == (1, pytest.approx(0))
    with pytest.raises(ValueError, match="0 or more"):
        keep_alive(-1, 6, 5, 30)


def test_a_random_service_has_no_exact_form_where_starts_take_time() -> None:
    params = {"lam": 0.02, "mu": 1 / 6, "tau": 5.0, "cold_start": 30.0}
    with pytest.raises(ValueError, match="service is constant"):
        closed_form("M/G/inf + keep-alive tau", params)


def test_work_that_overlaps_fills_the_hour_once() -> None:
    assert busy_share(0.02, 6) == pytest.approx(0.113, abs=0.0005)
