"""Spot instances: the provider takes one back now and then. Compiled.

Each instance that is up is interrupted after an exponential time. All of them together
are a Poisson process of ``num_provisioned`` times the rate, of which each event falls
on one of them by chance; on one that is off it does nothing.
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
    """An instance that starts begins its start again; one that serves nobody is gone at
    once; another takes nothing more in and is gone when its notice is over."""
    w = int(_random(fleet) * fleet.num_provisioned)
    _set_next(fleet, now)
    if fleet.status[w] == OFF or fleet.is_draining[w] > DRAINING:
        return
    fleet.num_interruptions += 1
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
    mean = fleet.interrupted_every_s / fleet.num_provisioned
    set_due(fleet, INTERRUPT, now - mean * np.log(_random(fleet)))


@compiled
def _random(fleet: Fleet) -> float:
    """Of (0, 1): the minimal standard generator with the multiplier 48271 (Park, Miller
    and Stockmeyer, Communications of the ACM 36 (7), 1993)."""
    fleet.chance = fleet.chance * 48_271 % 2_147_483_647
    return float(fleet.chance / 2_147_483_647)
