"""Closed forms of queueing theory, by the names that the test vectors use.

    closed_form("M/M/c", {"lam": 3.2, "mu": 1.0, "c": 4})  → {"Wq": 0.7455…, …}

lam [1/s] arrivals, mu [1/s] services of one server, c servers. a = lam / mu offered
load, rho = a / c, Wq and W [s] mean wait and sojourn, Lq and L mean numbers. First
come, first served; the queue is unlimited unless K, the most in the system, is given.
Sources: Kleinrock, Queueing Systems I (1975), ch. 3 and 5; Cooper, Introduction to
Queueing Theory (1981), ch. 3 (Erlang).
"""

import math
from collections.abc import Mapping
from typing import Any

from planning.fleet.keep_alive import keep_alive

Values = dict[str, float]


def closed_form(model: str, params: Mapping[str, Any]) -> Values:
    """What theory says of ``model``; ValueError for a model it has no formula for."""
    name = model.split(" (")[0].strip()
    if "keep-alive" in model:
        return _keep_alive(params)
    if name in ("M/M/1", "M/M/c") or name.startswith("M/M/"):
        return _markov(params, name)
    if name in ("M/D/1", "M/G/1"):
        return _pollaczek_khinchine(params)
    if name in ("M/G/c/c", "M/M/c/c", "M/D/c/c"):
        return _loss(params)
    raise ValueError(f"There is no closed form for {model!r} here.")


def positive(params: Mapping[str, Any], name: str, *instead: str) -> float:
    """A parameter above 0; raises ValueError with what is missing or wrong.

    ``instead``: names that would have done as well.
    """
    if name not in params:
        wanted = " or ".join((name, *instead))
        given = ", ".join(params) or "none"
        raise ValueError(f"The parameters need {wanted}; given are {given}.")
    value = float(params[name])
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name} is {value:g}: it is a number above 0.")
    return value


def service_moments(params: Mapping[str, Any]) -> tuple[float, float]:
    """Mean [s] and coefficient of variation of the service time.

    ``mu`` is exponential; ``service`` is constant unless ``service_cv`` says otherwise.
    Raises ValueError where none of them is given.
    """
    if "mu" in params and "service_cv" not in params:
        return 1.0 / positive(params, "mu"), 1.0
    mean = params.get("service_mean", params.get("service"))
    if mean is None:
        mean = 1.0 / positive(params, "mu", "service_mean", "service")
    cv = params.get("service_cv")
    if cv is None:
        kind = params.get("service_dist", "deterministic")
        cv = 1.0 if kind.startswith("exp") else 0.0
    return float(mean), float(cv)


def erlang_b(a: float, c: int) -> float:
    """Share of arrivals that find all c servers busy where nobody waits."""
    blocked = 1.0
    for k in range(1, c + 1):
        blocked = a * blocked / (k + a * blocked)
    return blocked


def erlang_c(a: float, c: int) -> float:
    """Share of arrivals that wait; needs a < c."""
    blocked = erlang_b(a, c)
    return blocked / (1 - (a / c) * (1 - blocked))


def _markov(params: Mapping[str, Any], name: str) -> Values:
    mean, _ = service_moments(params)
    lam, c = positive(params, "lam"), servers(name, params)
    capacity = capacity_of(name, params)
    if capacity is not None:
        return _finite(lam, mean, c, capacity)
    a = lam * mean
    _check_stable(a / c)
    waits = erlang_c(a, c)
    wait = waits * mean / (c - a)
    return {
        "a": a,
        "rho": a / c,
        "ErlangB": erlang_b(a, c),
        "ErlangC": waits,
        "P_wait": waits,
        **_little(lam, wait, mean),
    }


def _little(lam: float, wait: float, mean: float) -> Values:
    return {
        "Wq": wait,
        "W": wait + mean,
        "Lq": lam * wait,
        "L": lam * (wait + mean),
    }


def _finite(lam: float, mean: float, c: int, capacity: int) -> Values:
    """M/M/c/K: the birth and death chain of 0 … K requests."""
    weights = [1.0]
    for n in range(1, capacity + 1):
        weights.append(weights[-1] * lam * mean / min(n, c))
    total = sum(weights)
    blocked = weights[-1] / total
    waiting = sum((n - c) * weights[n] for n in range(c, capacity + 1)) / total
    here = sum(n * weight for n, weight in enumerate(weights)) / total
    served = lam * (1 - blocked)
    return {
        "a": lam * mean,
        "rho": served * mean / c,
        "P_block": blocked,
        "Lq": waiting,
        "L": here,
        "Wq": waiting / served,
        "W": here / served,
    }


def _loss(params: Mapping[str, Any]) -> Values:
    """M/G/c/c: Erlang's loss formula holds for every service of that mean."""
    mean, _ = service_moments(params)
    lam, c = positive(params, "lam"), int(positive(params, "c"))
    blocked = erlang_b(lam * mean, c)
    carried = lam * mean * (1 - blocked)
    return {
        "a": lam * mean,
        "rho": carried / c,
        "ErlangB": blocked,
        "P_block": blocked,
        "L": carried,
        "W": mean,
    }


def _pollaczek_khinchine(params: Mapping[str, Any]) -> Values:
    """M/G/1: Wq = lam E[S²] / (2 (1 - rho))."""
    mean, cv = service_moments(params)
    lam = positive(params, "lam")
    _check_stable(lam * mean)
    second = mean * mean * (1 + cv * cv)
    wait = lam * second / (2 * (1 - lam * mean))
    return {
        "a": lam * mean,
        "rho": lam * mean,
        "ES2": second,
        **_little(lam, wait, mean),
    }


def _keep_alive(params: Mapping[str, Any]) -> Values:
    """M/G/∞ on one worker that stays for tau seconds after its last request.

    With a start that takes time (``cold_start`` or ``t_c`` [s]) the service has to be
    constant, and what is told is what ``keep_alive`` tells.
    """
    mean, cv = service_moments(params)
    lam, tau = positive(params, "lam"), float(params["tau"])
    start_s = start_of(params)
    if start_s > 0:
        if cv > 0:
            raise ValueError("With a start that takes time the service is constant.")
        found = keep_alive(lam, mean, tau, start_s)
        return {
            "a": lam * mean,
            "cold_starts_per_request": found.trigger_share,
            "P_wait": found.wait_share,
            "billed_fraction": found.billed_share,
        }
    empty, gap = math.exp(-lam * mean), math.exp(-lam * tau)
    return {
        "a": lam * mean,
        "P_empty": empty,
        "mean_busy_period": math.expm1(lam * mean) / lam,
        "P_arrival_after_idle_is_cold": gap,
        "cold_starts_per_request": empty * gap,
        "billed_fraction": 1 - empty * gap,
        "L": lam * mean,
        "W": mean,
    }


def start_of(params: Mapping[str, Any]) -> float:
    """Seconds that a start takes; 0 where none is given."""
    return float(params.get("cold_start", params.get("t_c", 0.0)))


def servers(name: str, params: Mapping[str, Any]) -> int:
    """c, from the parameters or from the model's name (M/M/4)."""
    if "c" in params:
        return int(positive(params, "c"))
    third = name.split("/")[2] if name.count("/") > 1 else "1"
    return int(third) if third.isdigit() else 1


def capacity_of(name: str, params: Mapping[str, Any]) -> int | None:
    """The most that may be in the system; None where there is no limit."""
    if params.get("K") is not None:
        return int(positive(params, "K"))
    parts = name.split("/")
    if len(parts) > 3 and parts[3].isdigit():
        return int(parts[3])
    is_loss = len(parts) > 3 and parts[3] == parts[2]
    return servers(name, params) if is_loss else None


def _check_stable(rho: float) -> None:
    if rho >= 1:
        raise ValueError(f"The load is {rho:g}: above 1 there is no steady state.")
