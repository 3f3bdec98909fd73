"""The simulator's loop: arrivals, what is due, and the clock. Compiled.

    serve(fleet, arrivals, works, cold)   hand over requests, in order of their times
    advance(fleet, until, cold)           let time pass without any
    book_all(fleet)                       bring all accounts up to now

First come, first served from one queue. A request goes to the instance with a free
place that serves the fewest; if none has one, to the serverless worker that serves the
most, so that the others may idle and stop. ``cold`` are factors (mean 1) that multiply
the mean cold start, used one after the other.
"""

from planning.fleet.compiled import compiled
from planning.fleet.fleet_state import (
    ASK,
    BIN,
    BIN_MAX_QUEUE,
    GIVE_UP,
    INF,
    MAX_QUEUE,
    NUM_TIMERS,
    PING,
    READY,
    STARTING,
    TICK,
    Array,
    Fleet,
)
from planning.fleet.queue import enqueue, fill, give_up
from planning.fleet.scaling import ask_for_worker, autoscale, ping, scale_up
from planning.fleet.worker_events import admit, book, complete, make_ready, stop


@compiled
def serve(fleet: Fleet, arrivals: Array, works: Array, cold: Array) -> None:
    """Requests that arrive at ``arrivals`` [s], each with ``works`` [s] of work."""
    for i in range(len(arrivals)):
        advance(fleet, arrivals[i], cold)
        _arrive(fleet, arrivals[i], works[i], cold)


@compiled
def advance(fleet: Fleet, until: float, cold: Array) -> None:
    """Everything that is due by ``until``, in order."""
    while True:
        event = _next_due(fleet)
        moment = fleet.due[event]
        if moment > until:
            break
        _pass_time(fleet, moment)
        if event >= NUM_TIMERS:
            _worker_due(fleet, event - NUM_TIMERS, moment)
        elif event == ASK:
            ask_for_worker(fleet, moment, cold)
        elif event == GIVE_UP:
            give_up(fleet)
        elif event == TICK:
            autoscale(fleet, moment)
        elif event == PING:
            ping(fleet, moment, cold)
        else:
            _close_bin(fleet)
    _pass_time(fleet, until)


@compiled
def _next_due(fleet: Fleet) -> int:
    first = 0
    soonest = fleet.due[0]
    for event in range(1, NUM_TIMERS + fleet.num_used):
        if fleet.due[event] < soonest:
            first, soonest = event, fleet.due[event]
    return first


@compiled
def _pass_time(fleet: Fleet, moment: float) -> None:
    elapsed = moment - fleet.now
    fleet.now = moment
    fleet.area_queue += elapsed * fleet.num_queued
    fleet.area_service += elapsed * fleet.in_service
    fleet.area_ready += elapsed * fleet.num_ready
    fleet.area_starting += elapsed * fleet.num_starting
    fleet.tick_load_s += elapsed * (fleet.num_queued + fleet.in_service)
    if fleet.in_service + fleet.num_queued == 0:
        fleet.empty_s += elapsed


@compiled
def _worker_due(fleet: Fleet, w: int, now: float) -> None:
    if fleet.status[w] == STARTING:
        make_ready(fleet, w, now)
        fill(fleet, w, now, True)
    elif fleet.num_running[w] > 0:
        complete(fleet, w, now)
        if not fleet.is_draining[w]:
            fill(fleet, w, now, False)
        elif fleet.num_running[w] == 0:
            stop(fleet, w, now)
    else:
        stop(fleet, w, now)


@compiled
def _arrive(fleet: Fleet, now: float, work: float, cold: Array) -> None:
    fleet.num_arrived += 1
    if fleet.in_service + fleet.num_queued == 0:
        fleet.num_found_empty += 1
    w = _least_busy(fleet)
    if w < 0:
        w = _fullest(fleet)
    if w >= 0:
        admit(fleet, w, now, now, work, False)
    elif fleet.num_queued >= fleet.max_queue:
        fleet.num_refused += 1
    else:
        enqueue(fleet, now, work)
    if fleet.num_workers > fleet.num_provisioned:
        scale_up(fleet, now, cold)


@compiled
def _least_busy(fleet: Fleet) -> int:
    """The instance with a free place that serves the fewest; -1 where all are full."""
    found, least = -1, fleet.concurrency
    for w in range(fleet.num_provisioned):
        if fleet.num_running[w] < least and fleet.status[w] == READY:
            if fleet.is_draining[w]:
                continue
            found, least = w, fleet.num_running[w]
            if least == 0:
                break
    return found


@compiled
def _fullest(fleet: Fleet) -> int:
    """The serverless worker with a free place that serves the most; -1 for none."""
    found, most = -1, -1
    for w in range(fleet.num_provisioned, fleet.num_used):
        num = fleet.num_running[w]
        if most < num < fleet.concurrency and fleet.status[w] == READY:
            found, most = w, num
    return found


@compiled
def _close_bin(fleet: Fleet) -> None:
    """Keep the means of this stretch of the timeline, begin the next."""
    areas = (
        fleet.area_queue,
        fleet.area_service,
        fleet.area_ready,
        fleet.area_starting,
    )
    for column in range(4):
        grown = areas[column] - fleet.bin_areas[column]
        fleet.bins[fleet.bin, column] = grown / fleet.bin_s
        fleet.bin_areas[column] = areas[column]
    fleet.bins[fleet.bin, BIN_MAX_QUEUE] = fleet.bin_max_queue
    fleet.bin_max_queue = fleet.num_queued
    fleet.bin += 1
    fleet.due[BIN] = fleet.due[BIN] + fleet.bin_s if fleet.bin < fleet.num_bins else INF


@compiled
def book_all(fleet: Fleet) -> float:
    """Book every worker's seconds up to now; the ages of all requests here [s]."""
    ages = 0.0
    for w in range(fleet.num_used):
        book(fleet, w, fleet.now)
        for place in range(fleet.num_running[w]):
            ages += fleet.now - fleet.arrived[w, place]
    for place in range(fleet.num_queued):
        at = (fleet.queue_head + place) % MAX_QUEUE
        ages += fleet.now - fleet.queue_arrived[at]
    return ages
