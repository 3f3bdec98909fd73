"""Requests that end before they are done: timed out, or their worker gone. Compiled.

cut_at[w]       the first moment at which one of the worker's requests may have run
                for too long, or at which the worker is gone
leaves_at[w]    when an interrupted instance is gone
"""

from planning.fleet.batch import go_on, sift_down
from planning.fleet.compiled import compiled
from planning.fleet.fleet_state import (
    INF,
    LEAVING,
    MAX_QUEUE,
    NUM_TIMERS,
    OPEN,
    Fleet,
)
from planning.fleet.kept_requests import forget
from planning.fleet.queue import fill, set_queue_timers
from planning.fleet.smallest import place_of_smallest
from planning.fleet.worker_events import (
    begin_idling,
    book,
    kind_of,
    next_due,
    note_places,
    note_wait,
    relaunch,
    set_due,
    stop,
)


@compiled
def cut_off(fleet: Fleet, w: int, now: float) -> None:
    """``cut_at`` has come: the worker is gone, or ends what ran for too long."""
    go_on(fleet, w, now)
    if fleet.is_draining[w] >= LEAVING and fleet.leaves_at[w] <= now:
        _give_back(fleet, w, now)
        leave(fleet, w, now)
        _fill_free_places(fleet, now)
        return
    place = 0
    while place < fleet.num_running[w]:
        if fleet.kept_begun[w, place] + fleet.timeout_s <= now:
            _end(fleet, w, now, fleet.kept_arrived[w, place])
        else:
            place += 1
    _set_cut(fleet, w)
    if fleet.num_running[w] > 0:
        set_due(fleet, NUM_TIMERS + w, next_due(fleet, w))
    else:
        begin_idling(fleet, w, now)
    note_places(fleet, w)
    if fleet.is_draining[w] == OPEN:
        fill(fleet, w, now, False)
    elif fleet.num_running[w] == 0:
        leave(fleet, w, now)


@compiled
def leave(fleet: Fleet, w: int, now: float) -> None:
    """An empty instance that takes nothing more in: off, or started anew."""
    if fleet.is_draining[w] == LEAVING:
        relaunch(fleet, w, now)
    else:
        stop(fleet, w, now)


@compiled
def _set_cut(fleet: Fleet, w: int) -> None:
    """When to look again."""
    moment = INF
    for place in range(fleet.num_running[w]):
        moment = min(moment, fleet.kept_begun[w, place] + fleet.timeout_s)
    if fleet.is_draining[w] >= LEAVING:
        moment = min(moment, fleet.leaves_at[w])
    fleet.cut_at[w] = moment


@compiled
def _end(fleet: Fleet, w: int, now: float, arrived: float) -> None:
    """A request of the worker has run for too long, and is lost."""
    if not _drop_prompt(fleet, w, now, arrived):
        _drop_answer(fleet, w, arrived)
    if fleet.num_running[w] == 1:
        # What it spends from here on is not serving.
        book(fleet, w, now)
    forget(fleet, w, arrived)
    fleet.num_running[w] -= 1
    fleet.in_service -= 1
    fleet.in_service_serverless -= kind_of(fleet, w)
    fleet.num_timed_out += 1
    fleet.gave_up_wait_s += now - arrived


@compiled
def _drop_prompt(fleet: Fleet, w: int, now: float, arrived: float) -> bool:
    """Out of the ring of prompts, and what it had still to do with it; False where it
    is not there."""
    number, size, head = fleet.num_prompts[w], fleet.concurrency, fleet.prompt_head[w]
    before, at = fleet.prefill_clock[w], 0
    while at < number and fleet.prompt_arrived[w, (head + at) % size] != arrived:
        before = fleet.prompt_done[w, (head + at) % size]
        at += 1
    if at == number:
        return False
    left = fleet.prompt_done[w, (head + at) % size] - before
    for k in range(at, number - 1):
        here, there = (head + k) % size, (head + k + 1) % size
        fleet.prompt_done[w, here] = fleet.prompt_done[w, there] - left
        fleet.prompt_arrived[w, here] = fleet.prompt_arrived[w, there]
        fleet.prompt_decode[w, here] = fleet.prompt_decode[w, there]
    fleet.last_prompt_done[w] -= left
    fleet.num_prompts[w] -= 1
    if at == 0 and number > 1:
        note_wait(fleet, now - fleet.prompt_arrived[w, head])
    return True


@compiled
def _drop_answer(fleet: Fleet, w: int, arrived: float) -> None:
    """Out of the heap of those that decode: the last takes its place."""
    last = fleet.num_running[w] - fleet.num_prompts[w] - 1
    place = 0
    while place < last and fleet.arrived[w, place] != arrived:
        place += 1
    key, came = fleet.finish[w, last], fleet.arrived[w, last]
    while place > 0 and fleet.finish[w, (place - 1) // 2] > key:
        parent = (place - 1) // 2
        fleet.finish[w, place] = fleet.finish[w, parent]
        fleet.arrived[w, place] = fleet.arrived[w, parent]
        place = parent
    sift_down(fleet, w, place, last, key, came)


@compiled
def _give_back(fleet: Fleet, w: int, now: float) -> None:
    """All that an interrupted instance runs: to the front of the queue, or lost."""
    book(fleet, w, now)
    for place in range(fleet.num_running[w]):
        arrived = fleet.kept_arrived[w, place]
        fleet.in_service -= 1
        fleet.in_service_serverless -= kind_of(fleet, w)
        if fleet.is_retried and fleet.num_queued < MAX_QUEUE - 1:
            _queue_again(
                fleet,
                arrived,
                fleet.kept_prefill[w, place],
                fleet.kept_decode[w, place],
            )
        else:
            fleet.num_cut_off += 1
            fleet.gave_up_wait_s += now - arrived
    fleet.num_running[w] = 0
    fleet.num_prompts[w] = 0
    fleet.bin_max_queue = max(fleet.bin_max_queue, fleet.num_queued)
    set_queue_timers(fleet)


@compiled
def _queue_again(
    fleet: Fleet, arrived: float, prefill_s: float, decode_s: float
) -> None:
    """Before all that arrived later, which is nearly always the front."""
    place = (fleet.queue_head - 1) % MAX_QUEUE
    fleet.queue_head = place
    fleet.num_queued += 1
    fleet.num_retried += 1
    for _ in range(fleet.num_queued - 1):
        after = (place + 1) % MAX_QUEUE
        if fleet.queue_arrived[after] >= arrived:
            break
        fleet.queue_arrived[place] = fleet.queue_arrived[after]
        fleet.queue_prefill[place] = fleet.queue_prefill[after]
        fleet.queue_decode[place] = fleet.queue_decode[after]
        place = after
    fleet.queue_arrived[place] = arrived
    fleet.queue_prefill[place] = prefill_s
    fleet.queue_decode[place] = decode_s


@compiled
def _fill_free_places(fleet: Fleet, now: float) -> None:
    """What waits goes to whoever has room."""
    while fleet.num_queued > 0 and fleet.places[1] < INF:
        fill(fleet, place_of_smallest(fleet.places, fleet.num_leaves), now, False)
