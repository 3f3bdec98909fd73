"""The simulator's loop: arrivals, what is due, and the clock. Compiled.

    serve(fleet, arrivals, prefills, decodes, cold)
                                  hand over requests, in order of their times
    advance(fleet, until, cold)   let time pass without any
    book_all(fleet)               bring all accounts up to now

First come, first served from one queue. A request goes to the instance with a free
place that serves the fewest; if none has one, to the serverless worker that serves the
most, so that the others may idle and stop. ``cold`` are factors (mean 1) that multiply
the mean cold start, used one after the other.
"""

from planning.fleet.autoscaler import autoscale, wake
from planning.fleet.batch import ages_in_batch, go_on
from planning.fleet.compiled import compiled
from planning.fleet.cut_off import cut_off, leave
from planning.fleet.fleet_state import (
    ASK,
    BIN,
    BIN_MAX_QUEUE,
    GIVE_UP,
    INF,
    INTERRUPT,
    MAX_QUEUE,
    NUM_TIMERS,
    OPEN,
    PING,
    STARTING,
    TICK,
    Fleet,
)
from planning.fleet.interruptions import interrupt
from planning.fleet.queue import enqueue, fill, give_up
from planning.fleet.scaling import ask_for_worker, ping, scale_up
from planning.fleet.smallest import Array, place_of_smallest
from planning.fleet.worker_events import (
    admit,
    begin_answer,
    book,
    complete,
    make_ready,
    set_due,
    stop,
)


@compiled
def serve(
    fleet: Fleet, arrivals: Array, prefills: Array, decodes: Array, cold: Array
) -> None:
    """Requests that arrive at ``arrivals`` [s], each with its seconds of prompt work
    and of decoding alone in a batch."""
    for i in range(len(arrivals)):
        advance(fleet, arrivals[i], cold)
        _arrive(fleet, arrivals[i], prefills[i], decodes[i], cold)


@compiled
def advance(fleet: Fleet, until: float, cold: Array) -> None:
    """Everything that is due by ``until``, in order."""
    while fleet.due[1] <= until:
        moment = fleet.due[1]
        event = place_of_smallest(fleet.due, fleet.num_leaves)
        _pass_time(fleet, moment)
        if event >= NUM_TIMERS:
            _worker_due(fleet, event - NUM_TIMERS, moment, cold)
        elif event == ASK:
            ask_for_worker(fleet, moment, cold)
        elif event == GIVE_UP:
            give_up(fleet)
        elif event == TICK:
            autoscale(fleet, moment)
        elif event == PING:
            ping(fleet, moment, cold)
        elif event == INTERRUPT:
            interrupt(fleet, moment)
        else:
            _close_bin(fleet)
    _pass_time(fleet, until)


@compiled
def _pass_time(fleet: Fleet, moment: float) -> None:
    elapsed = moment - fleet.now
    fleet.now = moment
    fleet.area_queue += elapsed * fleet.num_queued
    fleet.area_service += elapsed * fleet.in_service
    fleet.area_ready += elapsed * fleet.num_ready
    fleet.area_starting += elapsed * fleet.num_starting
    fleet.tick_load_s += elapsed * (
        fleet.queue_weight * fleet.num_queued + fleet.service_weight * fleet.in_service
    )
    if fleet.in_service + fleet.num_queued == 0:
        fleet.empty_s += elapsed


@compiled
def _worker_due(fleet: Fleet, w: int, now: float, cold: Array) -> None:
    if fleet.status[w] == STARTING:
        make_ready(fleet, w, now)
        fill(fleet, w, now, True)
    elif fleet.num_running[w] > 0:
        if fleet.keeps_requests and fleet.cut_at[w] <= now:
            cut_off(fleet, w, now)
            if fleet.num_workers > fleet.num_provisioned:
                scale_up(fleet, now, cold)
            return
        if fleet.is_prompt_next[w]:
            begin_answer(fleet, w, now)
            return
        complete(fleet, w, now)
        if fleet.is_draining[w] == OPEN:
            fill(fleet, w, now, False)
        elif fleet.num_running[w] == 0:
            leave(fleet, w, now)
    else:
        stop(fleet, w, now)


@compiled
def _arrive(
    fleet: Fleet, now: float, prefill_s: float, decode_s: float, cold: Array
) -> None:
    fleet.num_arrived += 1
    if fleet.in_service + fleet.num_queued == 0:
        fleet.num_found_empty += 1
    if fleet.places[1] < INF:
        w = place_of_smallest(fleet.places, fleet.num_leaves)
        admit(fleet, w, now, now, prefill_s, decode_s, False)
    elif fleet.num_queued >= fleet.max_queue:
        fleet.num_refused += 1
    else:
        enqueue(fleet, now, prefill_s, decode_s)
    if fleet.num_workers > fleet.num_provisioned:
        scale_up(fleet, now, cold)
    if fleet.wakes and fleet.num_active == 0:
        wake(fleet, now)


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
    is_last = fleet.bin >= fleet.num_bins
    set_due(fleet, BIN, INF if is_last else fleet.now + fleet.bin_s)


@compiled
def book_all(fleet: Fleet) -> float:
    """Book every worker's seconds and tokens up to now; the ages of all requests here
    [s]."""
    ages = 0.0
    for w in range(fleet.num_used):
        book(fleet, w, fleet.now)
        if fleet.num_running[w] > 0:
            go_on(fleet, w, fleet.now)
            ages += ages_in_batch(fleet, w, fleet.now)
    for place in range(fleet.num_queued):
        at = (fleet.queue_head + place) % MAX_QUEUE
        ages += fleet.now - fleet.queue_arrived[at]
    return ages
