"""The queue: one ring, first come, first served. Compiled."""

from planning.fleet.compiled import compiled
from planning.fleet.fleet_state import ASK, GIVE_UP, INF, MAX_QUEUE, QUEUE_DELAY, Fleet
from planning.fleet.worker_events import admit, set_due


@compiled
def enqueue(fleet: Fleet, now: float, prefill_s: float, decode_s: float) -> None:
    """A request begins to wait."""
    place = (fleet.queue_head + fleet.num_queued) % MAX_QUEUE
    fleet.queue_arrived[place] = now
    fleet.queue_prefill[place] = prefill_s
    fleet.queue_decode[place] = decode_s
    fleet.num_queued += 1
    fleet.bin_max_queue = max(fleet.bin_max_queue, fleet.num_queued)
    set_queue_timers(fleet)


@compiled
def fill(fleet: Fleet, w: int, now: float, is_cold: bool) -> None:
    """Give the worker's free places to the oldest waiting requests."""
    while fleet.num_queued > 0 and fleet.num_running[w] < fleet.concurrency:
        arrived = fleet.queue_arrived[fleet.queue_head]
        prefill_s = fleet.queue_prefill[fleet.queue_head]
        decode_s = fleet.queue_decode[fleet.queue_head]
        _dequeue(fleet)
        admit(fleet, w, now, arrived, prefill_s, decode_s, is_cold)


@compiled
def give_up(fleet: Fleet) -> None:
    """The oldest request has waited long enough and leaves."""
    fleet.num_gave_up += 1
    fleet.gave_up_wait_s += fleet.now - fleet.queue_arrived[fleet.queue_head]
    _dequeue(fleet)


@compiled
def _dequeue(fleet: Fleet) -> None:
    fleet.queue_head = (fleet.queue_head + 1) % MAX_QUEUE
    fleet.num_queued -= 1
    fleet.num_asked = max(fleet.num_asked - 1, 0)
    set_queue_timers(fleet)


@compiled
def set_queue_timers(fleet: Fleet) -> None:
    """When the oldest gives up, and when the next one asks for a worker."""
    if fleet.give_up_s < INF:
        gives_up_at = fleet.queue_arrived[fleet.queue_head] + fleet.give_up_s
        gives_up_at = max(gives_up_at, fleet.now)
        set_due(fleet, GIVE_UP, gives_up_at if fleet.num_queued > 0 else INF)
    if fleet.scaler == QUEUE_DELAY:
        place = (fleet.queue_head + fleet.num_asked) % MAX_QUEUE
        asks_at = max(fleet.queue_arrived[place] + fleet.scaler_value, fleet.now)
        set_due(fleet, ASK, asks_at if fleet.num_asked < fleet.num_queued else INF)
