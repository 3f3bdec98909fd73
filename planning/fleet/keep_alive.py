"""One serverless worker that stays up for a while after its last request, exactly.

Requests arrive at random (Poisson, ``rate_per_s`` = λ) and each takes the same time S;
the worker has room for all of them at once and stays up for the idle timeout τ after
the last has ended. Going up takes t seconds, in which requests wait; all of them begin
when it is up. With D = S + τ:

    going up     t                     1 + λt requests came since the worker was called
    up           (e^{λD} − 1) / λ      until a gap of D without a request
    down         1 / λ                 until the next request
    together     (e^{λD} + λt) / λ     one cycle, e^{λD} + λt requests

The time up is the mean wait for the first gap of D in a Poisson stream that starts with
a request (Ross, Stochastic Processes, ch. 7: renewal reward gives the shares).
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class KeepAlive:
    """Long-run shares, each from 0 to 1."""

    billed_share: float
    """Of the time: going up, at work and idle; all but being down."""
    trigger_share: float
    """Of the requests: that find the worker down and start it."""
    wait_share: float
    """Of the requests: that wait for a start, their own or one under way."""


def keep_alive(
    rate_per_s: float, service_s: float, idle_timeout_s: float, start_s: float
) -> KeepAlive:
    """Shares for one such worker; raises ValueError for a rate or time below 0."""
    given = (rate_per_s, service_s, idle_timeout_s, start_s)
    if not all(math.isfinite(one) and one >= 0 for one in given):
        raise ValueError(f"A rate and times of 0 or more, not {given}.")
    during = rate_per_s * start_s
    busy = rate_per_s * (service_s + idle_timeout_s)
    a_cycle = math.exp(min(busy, 700.0)) + during
    return KeepAlive(
        billed_share=1 - 1 / a_cycle,
        trigger_share=1 / a_cycle,
        wait_share=(1 + during) / a_cycle,
    )


def busy_share(rate_per_s: float, service_s: float) -> float:
    """Share of the time in which at least one request is at work, overlaps once.

    M/G/∞: 1 − e^{−λS}, for services of any distribution with the mean S.
    """
    return -math.expm1(-rate_per_s * service_s)
