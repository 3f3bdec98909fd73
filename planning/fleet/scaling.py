"""How many serverless workers there are: scalers and pings. Compiled."""

import numpy as np

from planning.fleet.compiled import compiled
from planning.fleet.fleet_state import (
    INF,
    NUM_TIMERS,
    OFF,
    PING,
    READY,
    REQUEST_COUNT,
    Fleet,
)
from planning.fleet.queue import set_queue_timers
from planning.fleet.smallest import Array, place_of_smallest
from planning.fleet.worker_events import book, set_due, start


@compiled
def scale_up(fleet: Fleet, now: float, cold: Array) -> None:
    """After an arrival: the first worker of an empty fleet, or by request count."""
    if fleet.num_queued > 0 and fleet.num_ready + fleet.num_starting == 0:
        start_serverless(fleet, now, False, cold)
    if fleet.scaler == REQUEST_COUNT:
        load = fleet.num_queued + fleet.in_service_serverless
        wanted = int(np.ceil(load / fleet.scaler_value))
        while fleet.num_serverless < wanted:
            if not start_serverless(fleet, now, False, cold):
                break


@compiled
def ask_for_worker(fleet: Fleet, now: float, cold: Array) -> None:
    """A request has waited for the queue delay: start what the waiting ones lack."""
    fleet.num_asked += 1
    if fleet.num_starting * fleet.concurrency < fleet.num_asked:
        start_serverless(fleet, now, False, cold)
    set_queue_timers(fleet)


@compiled
def start_serverless(fleet: Fleet, now: float, by_ping: bool, cold: Array) -> bool:
    """Start the first serverless worker that is off; False where none is, or where
    there were too many starts."""
    if fleet.off[1] == INF or fleet.num_starts >= fleet.most_starts:
        return False
    w = place_of_smallest(fleet.off, fleet.num_leaves)
    factor = cold[fleet.next_cold % len(cold)]
    fleet.next_cold += 1
    start(fleet, w, now, fleet.cold_start_s * factor, by_ping)
    fleet.num_ping_starts += by_ping
    fleet.num_cold_starts += not by_ping
    return True


@compiled
def ping(fleet: Fleet, now: float, cold: Array) -> None:
    """Keep one serverless worker up. A ping shares the batch and delays nobody."""
    set_due(fleet, PING, now + fleet.ping_every_s)
    if fleet.num_serverless == 0:
        start_serverless(fleet, now, True, cold)
        return
    if fleet.num_serverless == fleet.num_kept:
        return
    for w in range(fleet.num_provisioned + fleet.num_kept, fleet.num_workers):
        if fleet.status[w] == OFF:
            continue
        if fleet.status[w] == READY and fleet.num_running[w] == 0:
            book(fleet, w, now)
            fleet.ping_ends[w] = now + fleet.ping_s
            set_due(fleet, NUM_TIMERS + w, fleet.ping_ends[w] + fleet.idle_timeout_s)
        return
