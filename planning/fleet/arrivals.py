"""When requests arrive: chunks of times from a random generator, never a whole month.

Every source is a function of (start_s, end_s, generator) that yields arrays of at most
CHUNK increasing times of the month [s], all of start_s <= t < end_s. Random rates are
piecewise constant, and a Poisson process of such a rate is exact: unit-rate arrivals
sent through the inverse of the rate's integral.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planning.fleet.plan import DAY_S, MONTH_S, Traffic

Array = npt.NDArray[np.float64]
Source = Callable[[float, float, np.random.Generator], Iterator[Array]]

CHUNK = 65_536
DAY_STEP_S = 300.0


@dataclass(frozen=True)
class Profile:
    """A rate that is constant between edges."""

    edges: Array
    """n + 1 increasing times [s]."""
    rates: Array
    """n rates [1/s]."""


def source_of(traffic: Traffic, shape: Array | None = None) -> Source:
    """The arrivals of every pattern but a file. ``shape`` holds the requests of each
    minute, for the pattern of that name; only their ratios count."""
    rate = traffic.rate_per_s
    if traffic.pattern == "constant":
        return lambda start, end, _: constant(rate, start, end)
    if traffic.pattern == "poisson":
        return lambda start, end, random: poisson(rate, start, end, random)
    if traffic.pattern == "bursts":
        return lambda start, end, random: profiled(
            _bursts(traffic, start, end, random), random
        )
    make = {"diurnal": _day, "flash": _flash}.get(traffic.pattern)
    if make is None:
        assert shape is not None, "the pattern shape needs its counts"
        counts = shape
        return lambda start, end, random: profiled(
            _repeated(counts, rate, start, end), random
        )
    profile = make
    return lambda start, end, random: profiled(profile(traffic, start, end), random)


def constant(rate: float, start: float, end: float) -> Iterator[Array]:
    """One request each 1 / rate seconds."""
    first, last = int(np.ceil(start * rate)), int(np.ceil(end * rate))
    for begin in range(first, last, CHUNK):
        yield np.arange(begin, min(begin + CHUNK, last)) / rate


def poisson(
    rate: float, start: float, end: float, random: np.random.Generator
) -> Iterator[Array]:
    """A Poisson process of one rate."""
    at = start
    while True:
        expected = (end - at) * rate
        number = int(min(expected + 4 * np.sqrt(expected) + 16, CHUNK))
        times = at + np.cumsum(random.exponential(1 / rate, number))
        at = times[-1]
        if at >= end:
            yield times[: np.searchsorted(times, end)]
            return
        yield times


def profiled(profile: Profile, random: np.random.Generator) -> Iterator[Array]:
    """A Poisson process whose rate follows ``profile``."""
    grown = np.concatenate(([0.0], np.cumsum(profile.rates * np.diff(profile.edges))))
    is_new = np.concatenate(([True], np.diff(grown) > 0))
    grown, edges = grown[is_new], profile.edges[is_new]
    for units in poisson(1.0, 0.0, float(grown[-1]), random):
        yield np.interp(units, grown, edges)


def _day(traffic: Traffic, start: float, end: float) -> Profile:
    """mean x (1 + swing x cos(2 pi (t - peak) / day)), in steps of five minutes."""
    steps = np.arange(np.floor(start / DAY_STEP_S), np.ceil(end / DAY_STEP_S) + 1)
    edges = np.clip(steps * DAY_STEP_S, start, end)
    middle = (edges[1:] + edges[:-1]) / 2
    angle = 2 * np.pi * (middle - traffic.peak_hour * 3600) / DAY_S
    swing = traffic.day_swing_pct / 100
    return Profile(edges, traffic.rate_per_s * (1 + swing * np.cos(angle)))


def burst_rates(traffic: Traffic) -> tuple[float, float]:
    """Rates in a burst and outside of one; their mean over time is ``rate_per_s``."""
    share = traffic.burst_share_pct / 100
    inside = traffic.rate_per_s * traffic.burst_factor
    outside = (traffic.rate_per_s - share * inside) / (1 - share)
    return inside, max(outside, 0.0)


def _bursts(
    traffic: Traffic, start: float, end: float, random: np.random.Generator
) -> Profile:
    """Exponential stays in and out of bursts (an MMPP of two states), from its mean."""
    share = traffic.burst_share_pct / 100
    mean_on = traffic.burst_minutes * 60
    means = (mean_on * (1 - share) / share, mean_on)
    state = int(random.random() < share)
    expected = (end - start) / (means[0] + means[1])
    at, edges, states = start, [np.array([start])], []
    while at < end:
        number = int(expected + 4 * np.sqrt(expected) + 4)
        stays = random.exponential(1.0, 2 * number)
        order = (state + np.arange(2 * number)) % 2
        times = at + np.cumsum(stays * np.where(order == 1, means[1], means[0]))
        edges.append(times)
        states.append(order)
        at = float(times[-1])
    all_edges, all_states = np.concatenate(edges), np.concatenate(states)
    num = int(np.searchsorted(all_edges, end))
    inside, outside = burst_rates(traffic)
    rates = np.where(all_states[:num] == 1, inside, outside)
    return Profile(np.append(all_edges[:num], end), rates)


def flashes(traffic: Traffic) -> list[tuple[float, float]]:
    """Begin and end of each crowd [s], evenly over the month, at the peak hour."""
    length = traffic.flash_minutes * 60
    every = 30 / traffic.flashes_a_month
    days = [int(every * (k + 0.5)) for k in range(traffic.flashes_a_month)]
    begins = [day * DAY_S + traffic.peak_hour % 24 * 3600 for day in days]
    return [
        (begin, min(begin + length, MONTH_S)) for begin in begins if begin < MONTH_S
    ]


def usual_rate(traffic: Traffic) -> float:
    """Rate outside of crowds, which keeps the month's mean at ``rate_per_s``."""
    crowded_s = sum(end - begin for begin, end in flashes(traffic))
    weighted_s = MONTH_S + crowded_s * (traffic.flash_factor - 1)
    return traffic.rate_per_s * MONTH_S / weighted_s


def _flash(traffic: Traffic, start: float, end: float) -> Profile:
    """The usual rate, times the factor in a crowd; the month's mean is kept."""
    inside, usual = np.array(flashes(traffic)), usual_rate(traffic)
    edges = np.unique(np.clip(np.append(inside.ravel(), [start, end]), start, end))
    middle = (edges[1:] + edges[:-1]) / 2
    is_crowd = ((inside[:, :1] <= middle) & (middle < inside[:, 1:])).any(axis=0)
    return Profile(edges, np.where(is_crowd, usual * traffic.flash_factor, usual))


def _repeated(counts: Array, rate: float, start: float, end: float) -> Profile:
    """Minutes whose rates go as ``counts``, repeated, with the mean ``rate``."""
    steps = np.arange(np.floor(start / 60), np.ceil(end / 60))
    edges = np.clip(np.append(steps, np.ceil(end / 60)) * 60.0, start, end)
    rates = rate * counts[steps.astype(np.int64) % len(counts)] / counts.mean()
    return Profile(edges, rates)


def dispersion(times: Array, window_s: float) -> float | None:
    """Index of dispersion: variance ÷ mean of the counts in windows; Poisson is 1.

    Windows begin at the first time; None where there are fewer than 20 of them.
    """
    if not len(times) or times[-1] - times[0] < 20 * window_s:
        return None
    number = int((times[-1] - times[0]) / window_s)
    places = ((times - times[0]) / window_s).astype(np.int64)
    counts = np.bincount(places[places < number], minlength=number)
    return float(counts.var() / counts.mean())
