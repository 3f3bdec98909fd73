"""Requests simulated a second, the same M/M/c in SimPy, and memory at 10 million.

All on one core. ``requests_per_s`` is a month of bursty traffic on a serverless fleet,
arrivals and lengths included; ``simpy_ratio`` the time of an M/M/4 in SimPy ÷ that of
the same M/M/4 here, one after the other in each round; ``peak_mb`` the largest resident
size of a new process that simulates such a month of 10 million requests.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.interval import mean_interval
from planning.fleet.plan import MONTH_S, Plan
from planning.fleet.plan_fields import parse_plan
from planning.fleet.queueing_check import simulate_vector
from planning.fleet.rules import rules_of
from planning.fleet.sampling import whole_month
from planning.fleet.simulation import generator
from planning.fleet.simulation import run as run_fleet
from planning.fleet.workload import workload_of

NUM_ROUNDS = 8
LAM, MU, NUM_SERVERS = 3.2, 1.0, 4
MMC_REQUESTS = 100_000
MONTH_REQUESTS = 10_000_000


def run(options: dict[str, Any]) -> list[dict[str, Any]]:
    """Measure ``options["rounds"]`` rounds, after one that is not counted."""
    num_rounds = int(options.get("rounds", NUM_ROUNDS))
    num_requests = int(options.get("requests", MONTH_REQUESTS))
    rounds = [_round(place, num_requests) for place in range(num_rounds + 1)][1:]
    speeds, ratios, peaks = (list(values) for values in zip(*rounds, strict=True))
    return [
        _result("requests_per_s", speeds, "requests/s"),
        _result("simpy_ratio", ratios, "SimPy's time / ours"),
        _result("peak_mb", peaks, "MB"),
    ]


def _round(place: int, num_requests: int) -> tuple[float, float, float]:
    return _speed(num_requests, place), _ratio(place), _peak_mb(num_requests)


def _result(name: str, values: list[float], unit: str) -> dict[str, Any]:
    value, low, high = mean_interval(values)
    return {"name": name, "value": value, "unit": unit, "interval": [low, high]}


def bursty_plan(num_requests: int) -> Plan:
    """Bursts on a serverless fleet of eight workers, so many requests a month."""
    return parse_plan(
        {
            "pattern": "bursts",
            "rate_per_s": num_requests / MONTH_S,
            "max_workers": 8,
            "ping_every_min": 5,
        }
    )


def simulate_month(num_requests: int, place: int) -> float:
    """One month; how many requests it had."""
    plan = bursty_plan(num_requests)
    cold_cv = plan.serverless.cold_start_cv
    counts = run_fleet(
        rules_of(plan), workload_of(plan), whole_month(), generator(1, place), cold_cv
    )
    return counts["num_arrived"]


def _speed(num_requests: int, place: int) -> float:
    began = time.perf_counter()
    number = simulate_month(num_requests, place)
    return number / (time.perf_counter() - began)


def _ratio(place: int) -> float:
    began = time.perf_counter()
    theirs = simpy_wait_s(place)
    between = time.perf_counter()
    vector = {"model": "M/M/c", "params": {"lam": LAM, "mu": MU, "c": NUM_SERVERS}}
    found = simulate_vector(vector, num_seeds=1, num_requests=MMC_REQUESTS, seed=place)
    ended = time.perf_counter()
    if abs(theirs / found["Wq"].mean - 1) > 0.3:
        raise RuntimeError(f"SimPy waits {theirs} s, ours {found['Wq'].mean} s.")
    return (between - began) / (ended - between)


def simpy_wait_s(seed: int) -> float:
    """Mean wait of the same queue in SimPy."""
    import simpy  # of the tests' packages, which a host from a bundle lacks

    random, environment = Random(seed), simpy.Environment()
    servers = simpy.Resource(environment, NUM_SERVERS)
    waits: list[float] = []

    def request(arrived: float) -> Iterator[Any]:
        with servers.request() as place:
            yield place
            waits.append(environment.now - arrived)
            yield environment.timeout(random.expovariate(MU))

    def arrivals() -> Iterator[Any]:
        for _ in range(MMC_REQUESTS):
            yield environment.timeout(random.expovariate(LAM))
            environment.process(request(environment.now))

    environment.process(arrivals())
    environment.run()
    return sum(waits) / len(waits)


def _peak_mb(num_requests: int) -> float:
    command = [sys.executable, "-m", "benchmarks.simulate", str(num_requests)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(answer.stdout)


if __name__ == "__main__":
    simulate_month(int(sys.argv[1]), 0)
    # Not ru_maxrss, which remembers the process that this one was forked from.
    status = Path("/proc/self/status").read_text()
    print(int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6)
