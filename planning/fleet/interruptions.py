"""Spot instances: the provider takes one back now and then. Compiled.

Each instance that is up is interrupted after an exponential time. All of them together
are a Poisson process of as many times the rate, of which each event falls on one of
them by chance; on one that is off it does nothing. An instance is ``replicas`` workers
in a row, and all of them go with it.
"""

import numpy as np

from planning.fleet.batch import next_done
from planning.fleet.compiled import compiled
from planning.fleet.fleet_state import (
    DRAINING,
    INTERRUPT,
    LEAVING,
    NUM_TIMERS,
    OFF,
    Fleet,
)
from planning.fleet.worker_events import note_places, relaunch, set_due


@compiled
def begin_interruptions(fleet: Fleet, seed: int) -> None:
    """From now on; ``seed`` is 1 to 2^31 - 2."""
    fleet.chance = seed
    _set_next(fleet, fleet.now)


@compiled
def interrupt(fleet: Fleet, now: float) -> None:
    """The provider takes back one of the instances."""
    num_instances = fleet.num_provisioned // fleet.replicas
    first = int(_random(fleet) * num_instances) * fleet.replicas
    _set_next(fleet, now)
    is_up = False
    for w in range(first, first + fleet.replicas):
        if fleet.status[w] != OFF and fleet.is_draining[w] <= DRAINING:
            is_up = True
            _take_back(fleet, w, now)
    fleet.num_interruptions += is_up


@compiled
def _take_back(fleet: Fleet, w: int, now: float) -> None:
    """A worker that starts begins its start again; one that serves nobody is gone at
    once; another takes nothing more in and is gone when its notice is over."""
    if fleet.num_running[w] == 0:
        relaunch(fleet, w, now)
        return
    fleet.is_draining[w] += LEAVING
    fleet.leaves_at[w] = now + fleet.notice_s
    fleet.cut_at[w] = min(fleet.cut_at[w], fleet.leaves_at[w])
    set_due(fleet, NUM_TIMERS + w, min(next_done(fleet, w), fleet.cut_at[w]))
    note_places(fleet, w)


@compiled
def _set_next(fleet: Fleet, now: float) -> None:
    mean = fleet.interrupted_every_s * fleet.replicas / fleet.num_provisioned
    set_due(fleet, INTERRUPT, now - mean * np.log(_random(fleet)))


@compiled
def _random(fleet: Fleet) -> float:
    """Of (0, 1): the minimal standard generator with the multiplier 48271 (Park, Miller
    and Stockmeyer, Communications of the ACM 36 (7), 1993)."""
    fleet.chance = fleet.chance * 48_271 % 2_147_483_647
    return float(fleet.chance / 2_147_483_647)
