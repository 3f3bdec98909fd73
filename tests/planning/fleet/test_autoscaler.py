"""The autoscaler against hand-computed trajectories, and against a naive twin."""

from random import Random
from typing import Any

import numpy as np
import pytest

from planning.errors import BadSetting
from planning.fleet import event_loop
from planning.fleet.fleet_state import Fleet, new_fleet
from planning.fleet.plan_fields import parse_plan
from planning.fleet.rules import rules_of
from tests.planning.fleet.twin import Instance, Keda, Knative, RayServe, Twin

SERVICE_S, START_UP_S, PLACES, MOST = 20.0, 45.0, 10, 12
BASE: dict[str, Any] = {
    "mode": "provisioned",
    "autoscaler": "on",
    "instances": MOST,
    "min_instances": 0,
    "start_up_min": START_UP_S / 60,
    "cool_down_min": 0,
    "concurrency": PLACES,
    "slowdown_pct": 0,
    "target_pct": 70,
}
KNATIVE = {
    "look_every_s": 2,
    "window_s": 60,
    "panic_window_s": 6,
    "up_rate": 1000,
    "down_rate": 2,
    "zero_after_s": 30,
}
RAY = {
    "min_instances": 1,
    "look_every_s": 10,
    "window_s": 30,
    "target_requests": 2,
    "up_delay_s": 30,
    "cool_down_min": 10,
}
KEDA = {
    "look_every_s": 15,
    "window_s": 0,
    "target_requests": 5,
    "tolerance_pct": 10,
    "scale_in": "highest",
    "cool_down_min": 5,
    "up_rate": 2,
    "up_step": 4,
    "from_zero": "at_look",
    "zero_look_every_s": 30,
    "zero_after_s": 300,
}
NONE = np.ones(1)


def trajectory(fields: dict[str, Any], arrivals: list[float], until: float) -> Any:
    """(Instances active after each look, the fleet at the end)."""
    rules = rules_of(parse_plan(BASE | fields))
    # Prompts cost nothing here, so that a request takes SERVICE_S on any instance.
    fleet = new_fleet(rules | {"token_cost": 0.0})
    times = np.array(arrivals)
    found, tick, i = [], rules["tick_s"], 0
    look = tick
    while look <= until:
        j = int(np.searchsorted(times, look, side="right"))
        _serve(fleet, times[i:j])
        event_loop.advance(fleet, look, NONE)
        found.append(int(fleet["num_active"]))
        i, look = j, look + tick
    return found, fleet


def _serve(fleet: Fleet, times: Any) -> None:
    decodes = np.full(len(times), SERVICE_S)
    event_loop.serve(fleet, times, np.zeros(len(times)), decodes, NONE)


def bursts(seed: int, until: float) -> list[float]:
    """A quiet rate, loud stretches, and long silences."""
    random, times, at = Random(seed), [], 0.0
    while at < until:
        length = random.expovariate(1 / 200)
        rate = random.choice([0.0, 0.05, 0.5, 4.0])
        end = at + length
        while rate and (at := at + random.expovariate(rate)) < min(end, until):
            times.append(at)
        at = end
    return times


@pytest.mark.parametrize("seed", range(12))
def test_knatives_panic_and_zero_go_as_in_the_twin(seed: int) -> None:
    until = 3_001.0
    arrivals = bursts(seed, until)
    twin = Twin(PLACES, SERVICE_S, START_UP_S, MOST, 2.0, Knative(7.0), wakes=True)
    found, _ = trajectory(KNATIVE, arrivals, until)
    assert found == twin.run(arrivals, until)


@pytest.mark.parametrize("factors", [(1.0, 1.0), (2.0, 0.3), (0.5, 0.6)])
@pytest.mark.parametrize("seed", range(4))
def test_ray_serves_delays_and_factors_go_as_in_the_twin(
    seed: int, factors: tuple[float, float]
) -> None:
    until = 6_001.0
    arrivals = bursts(seed, until)
    policy = RayServe(2.0, up_factor=factors[0], down_factor=factors[1])
    twin = Twin(PLACES, SERVICE_S, START_UP_S, MOST, 10.0, policy)
    twin.slots = [Instance(is_ready=True)]
    fields = RAY | {"up_factor": factors[0], "down_factor": factors[1]}
    found, _ = trajectory(fields, arrivals, until)
    assert found == twin.run(arrivals, until)


@pytest.mark.parametrize("seed", range(8))
def test_kedas_cooldown_and_the_highest_want_go_as_in_the_twin(seed: int) -> None:
    until = 6_001.0
    arrivals = bursts(seed, until)
    twin = Twin(PLACES, SERVICE_S, START_UP_S, MOST, 15.0, Keda(5.0))
    found, _ = trajectory(KEDA, arrivals, until)
    assert found == twin.run(arrivals, until)


def test_an_instance_that_nobody_needs_stops_and_starts_by_the_clock() -> None:
    """By hand: wanted until the window of 60 s is empty, 30 s more, and a start of 45 s
    when a request comes.

    The request of t = 10 starts an instance, ready at 55, done at 75. From the look at
    136 on none of the last 60 s had a load; the last look that had was that of 134, so
    at 164 the instance has been unwanted for 30 s. The request of 300 waits 45 s.
    """
    found, fleet = trajectory(KNATIVE, [10.0, 300.0], 400.0)
    by_time = {2 * (k + 1): number for k, number in enumerate(found)}
    changes = [t for t in by_time if by_time[t] != by_time.get(t - 2, 0)]
    assert changes == [10, 164, 300]
    assert [by_time[t] for t in changes] == [1, 0, 1]
    assert fleet["wait_s"] == pytest.approx(2 * START_UP_S)
    ready = (164 - 55) + (400 - 345)
    assert fleet["area_ready"] == pytest.approx(ready)
    assert fleet["area_starting"] == pytest.approx(2 * START_UP_S)


def test_a_panic_starts_what_the_average_does_not_ask_for_yet() -> None:
    """By hand: one instance ready, target 7, and 40 requests at t = 100.

    Over 60 s the look at 102 sees 40 x 2 s / 60 s = 1.3 requests, one instance; over
    6 s it sees 13.3: two instances, twice what is ready, a panic. At 104 it is 26.7,
    four, and at 106 40, six. Without a panic the mean first asks for a second instance
    when 7 x 60 / 40 = 10.5 s are full.
    """
    fields = KNATIVE | {"min_instances": 1}
    arrivals = [100.0] * 40
    found, _ = trajectory(fields, arrivals, 120.0)
    assert found[49:54] == [1, 2, 4, 6, 6]
    calm, _ = trajectory(fields | {"panic_window_s": None}, arrivals, 120.0)
    assert calm[49:55] == [1, 1, 1, 1, 1, 1] and calm[55] == 2
    found, _ = trajectory(fields, arrivals, 400.0)
    assert max(found) == 6 and found[-1] == 1


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"window_s": 30, "look_every_s": 60}, "window_s"),
        ({"panic_window_s": 1, "look_every_s": 2}, "panic_window_s"),
        (
            {"scale_in": "highest", "cool_down_min": 1440, "look_every_s": 5},
            "cool_down",
        ),
    ],
)
def test_what_the_memory_of_looks_cannot_hold_is_refused(
    fields: dict[str, Any], name: str
) -> None:
    with pytest.raises(BadSetting, match=name):
        parse_plan(BASE | fields)
