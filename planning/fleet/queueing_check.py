"""Simulated estimates of a queueing model, to hold against queueing_theory.

    estimates = simulate_vector({"model": "M/M/1", "params": {"lam": 0.8, "mu": 1}})
    estimates["Wq"].mean, .low, .high        mean of 32 seeds, 99 % interval

A vector is a mapping with ``model`` and ``params`` as in a file of vectors; what else
it has, such as ``expected``, is not looked at. Models: M/M/1, M/M/c, M/G/c with a
mean and cv of the service (log-normal, gamma, exponential, uniform, deterministic),
each with K as M/M/c/K, and M/G/inf + keep-alive tau. A service is decoding that nothing
slows down, without a prompt. The names of the estimates are
those of the closed forms, as far as a simulation can see them. The fleet simulator
does it: c provisioned workers of one place each, or one serverless worker.

Each seed begins empty and has WARM_UP_SHARE more requests before those that count.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from planning.fleet.arrivals import poisson
from planning.fleet.fleet_state import (
    BUSY,
    COLD,
    IDLE,
    MAX_CONCURRENCY,
    MAX_QUEUE,
    SERVERLESS,
)
from planning.fleet.means import Mean, mean_of
from planning.fleet.plan import Plan
from planning.fleet.queueing_theory import (
    capacity_of,
    erlang_b,
    positive,
    servers,
    service_moments,
    start_of,
)
from planning.fleet.rules import Rules, rules_of
from planning.fleet.sampling import Window
from planning.fleet.simulation import Counts, generator, run
from planning.fleet.workload import Chunk, log_normal

Array = npt.NDArray[np.float64]
Draw = Callable[[int, np.random.Generator], Array]
WARM_UP_SHARE = 0.02
MIN_WARM_UP = 20_000


class VectorWorkload:
    """Poisson arrivals with services of one distribution."""

    def __init__(self, lam: float, draw: Draw) -> None:
        self.rate_per_s = self.rare_rate_per_s = lam
        self.rare: list[tuple[float, float]] = []
        self._draw = draw

    def chunks(
        self, start_s: float, end_s: float, random: np.random.Generator
    ) -> Iterator[Chunk]:
        """See planning.fleet.workload.Workload."""
        for times in poisson(self.rate_per_s, start_s, end_s, random):
            services = self._draw(len(times), random)
            yield Chunk(times, np.zeros(len(times)), services, 0.0, 0.0)


def simulate_vector(
    vector: Mapping[str, Any],
    *,
    num_seeds: int = 32,
    num_requests: int = 1_000_000,
    seed: int = 1,
    confidence: float = 0.99,
) -> dict[str, Mean]:
    """Means over the seeds with their intervals, by name."""
    counted = [
        _run(vector, num_requests, generator(seed, place)) for place in range(num_seeds)
    ]
    names = counted[0].keys()
    return {name: mean_of([one[name] for one in counted], confidence) for name in names}


def _run(
    vector: Mapping[str, Any], num_requests: int, random: np.random.Generator
) -> dict[str, float]:
    params = vector["params"]
    lam = positive(params, "lam")
    rules = _rules(vector)
    warm_up = max(num_requests * WARM_UP_SHARE, MIN_WARM_UP) / lam
    window = Window(warm_up, warm_up + num_requests / lam, 1.0, warm_up)
    workload = VectorWorkload(lam, _service(params))
    counts = run(rules, workload, [window], random)
    if "keep-alive" in str(vector["model"]):
        return _keep_alive(counts)
    return _queue(counts, int(rules["num_provisioned"]), rules["max_queue"] < MAX_QUEUE)


def _rules(vector: Mapping[str, Any]) -> Rules:
    params, name = vector["params"], str(vector["model"]).split(" (")[0].strip()
    rules = rules_of(Plan(mode="provisioned"))
    rules |= {"slowdown": 0.0, "token_cost": 0.0}
    rules |= {"concurrency": 1, "max_queue": MAX_QUEUE}
    if "keep-alive" in name:
        return rules | {
            "num_provisioned": 0,
            "num_workers": 1,
            "min_instances": 0,
            "concurrency": MAX_CONCURRENCY,
            "idle_timeout_s": float(params["tau"]),
            "cold_start_s": start_of(params),
        }
    c, capacity = servers(name, params), capacity_of(name, params)
    room = MAX_QUEUE if capacity is None else capacity - c
    return rules | {
        "num_provisioned": c,
        "num_workers": c,
        "min_instances": c,
        "max_queue": room,
    }


def _service(params: Mapping[str, Any]) -> Draw:
    """The distribution that the parameters name, or that their cv implies."""
    mean, cv = service_moments(params)
    kind = str(params.get("service_dist", "exponential" if cv == 1 else "lognormal"))
    if cv == 0:
        return lambda num, _: np.full(num, mean)
    if kind.startswith("exp"):
        return lambda num, random: random.exponential(mean, num)
    if kind in ("gamma", "erlang"):
        shape = 1 / (cv * cv)
        return lambda num, random: random.gamma(shape, mean / shape, num)
    if kind == "uniform":
        half = mean * cv * np.sqrt(3)
        return lambda num, random: random.uniform(mean - half, mean + half, num)
    if kind in ("lognormal", "log-normal"):
        return lambda num, random: log_normal(mean, cv, num, random)
    raise ValueError(f"There is no service distribution {kind!r} here.")


def _queue(counts: Counts, c: int, is_finite: bool) -> dict[str, float]:
    seconds, started = counts.month_s, counts["num_started"]
    arrived = counts["num_arrived"]
    in_service, queued = counts["area_service"], counts["area_queue"]
    offered = arrived / seconds * counts["work_s"] / started
    found = {
        "a": offered,
        "rho": in_service / seconds / c,
        "ES2": counts["work2_s2"] / started,
        "Wq": counts["wait_s"] / started,
        "W": counts["total_s"] / counts["num_finished"],
        "Lq": queued / seconds,
        "L": (in_service + queued) / seconds,
        "P_empty": counts["empty_s"] / seconds,
    }
    if is_finite:
        blocked = counts["num_refused"] / arrived
        return found | {"P_block": blocked, "ErlangB": blocked}
    waits = counts["num_waited"] / started
    return found | {"ErlangC": waits, "P_wait": waits, "ErlangB": erlang_b(offered, c)}


def _keep_alive(counts: Counts) -> dict[str, float]:
    seconds, arrived = counts.month_s, counts["num_arrived"]
    up = counts.tally["seconds"][SERVERLESS]
    after_idle = counts["num_found_empty"]
    in_system_s = seconds - counts["empty_s"]
    return {
        "a": counts["work_s"] / seconds,
        "P_empty": counts["empty_s"] / seconds,
        "mean_busy_period": in_system_s / after_idle,
        "P_arrival_after_idle_is_cold": counts["num_cold_starts"] / after_idle,
        "cold_starts_per_request": counts["num_cold_starts"] / arrived,
        "P_wait": counts["num_waited"] / counts["num_started"],
        "billed_fraction": float(up[BUSY] + up[IDLE] + up[COLD]) / seconds,
        "L": (counts["area_service"] + counts["area_queue"]) / seconds,
        "W": counts["total_s"] / counts["num_finished"],
    }
