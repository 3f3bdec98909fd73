"""What happens to one worker: it starts, admits, completes, idles, stops. Compiled."""

import numpy as np

from planning.fleet.compiled import compiled
from planning.fleet.fleet_state import (
    BUCKETS_PER_OCTAVE,
    BUSY,
    COLD,
    IDLE,
    INF,
    LEAST_S,
    NUM_BUCKETS,
    NUM_TIMERS,
    OFF,
    PING_COLD,
    PING_IDLE,
    PING_SERVE,
    READY,
    STARTING,
    Fleet,
)


@compiled
def kind_of(fleet: Fleet, w: int) -> int:
    """PROVISIONED or SERVERLESS."""
    return 1 if w >= fleet.num_provisioned else 0


@compiled
def may_stop(fleet: Fleet, w: int) -> bool:
    """Whether an idle timeout ends this worker."""
    return bool(w >= fleet.num_provisioned + fleet.num_kept)


@compiled
def bucket(seconds: float) -> int:
    """Place of ``seconds`` in a histogram; see NUM_BUCKETS."""
    if seconds <= LEAST_S:
        return 0
    place = int(np.log2(seconds / LEAST_S) * BUCKETS_PER_OCTAVE) + 1
    return min(place, NUM_BUCKETS - 1)


@compiled
def book(fleet: Fleet, w: int, now: float) -> None:
    """Put the seconds since the last booking under what the worker did in them."""
    began = fleet.since[w]
    elapsed = now - began
    fleet.since[w] = now
    kind = kind_of(fleet, w)
    if fleet.status[w] == OFF:
        return
    if fleet.status[w] == STARTING:
        phase = PING_COLD if fleet.by_ping[w] else COLD
        fleet.seconds[kind, phase] += elapsed
        fleet.billed_s[w] += elapsed * fleet.bills_cold
    elif fleet.num_running[w] > 0:
        fleet.seconds[kind, BUSY] += elapsed
        fleet.billed_s[w] += elapsed
    else:
        pinging = max(min(now, fleet.ping_ends[w]) - began, 0.0)
        idle = max(min(now, fleet.idle_ends[w]) - began - pinging, 0.0)
        fleet.seconds[kind, PING_SERVE] += pinging
        fleet.seconds[kind, IDLE] += idle
        fleet.seconds[kind, PING_IDLE] += elapsed - pinging - idle
        fleet.billed_s[w] += pinging + (elapsed - pinging) * fleet.bills_idle


@compiled
def start(fleet: Fleet, w: int, now: float, seconds: float, by_ping: bool) -> None:
    """Switch a worker on; it is ready after ``seconds``."""
    fleet.since[w] = now
    fleet.billed_s[w] = 0.0
    fleet.status[w] = STARTING
    fleet.by_ping[w] = by_ping
    fleet.is_draining[w] = 0
    fleet.due[NUM_TIMERS + w] = now + seconds
    fleet.num_starting += 1
    fleet.num_serverless += kind_of(fleet, w)
    fleet.num_used = max(fleet.num_used, w + 1)


@compiled
def make_ready(fleet: Fleet, w: int, now: float) -> None:
    """The start is over: the worker may admit, and idles until it does."""
    book(fleet, w, now)
    fleet.status[w] = READY
    fleet.num_starting -= 1
    fleet.num_ready += 1
    fleet.ping_ends[w] = now
    if fleet.by_ping[w]:
        fleet.ping_ends[w] = now + fleet.ping_s
        fleet.idle_ends[w] = fleet.ping_ends[w]
        fleet.due[NUM_TIMERS + w] = fleet.ping_ends[w] + fleet.idle_timeout_s
        return
    fleet.idle_ends[w] = now + fleet.idle_timeout_s if may_stop(fleet, w) else INF
    fleet.due[NUM_TIMERS + w] = fleet.idle_ends[w]


@compiled
def stop(fleet: Fleet, w: int, now: float) -> None:
    """Switch a worker off and round up what it is billed for since its start."""
    book(fleet, w, now)
    if fleet.rounding_s > 0 and kind_of(fleet, w) == 1:
        num_units = np.ceil(fleet.billed_s[w] / fleet.rounding_s - 1e-9)
        rounding = num_units * fleet.rounding_s - fleet.billed_s[w]
        fleet.rounding += max(rounding, 0.0)
    if fleet.status[w] == STARTING:
        fleet.num_starting -= 1
    else:
        fleet.num_ready -= 1
    fleet.num_serverless -= kind_of(fleet, w)
    fleet.status[w] = OFF
    fleet.is_draining[w] = 0
    fleet.due[NUM_TIMERS + w] = INF


@compiled
def pace(fleet: Fleet, w: int) -> float:
    """Seconds that one second of work takes in the worker's batch."""
    return float(1.0 + fleet.slowdown * (fleet.num_running[w] - 1))


@compiled
def note_next_done(fleet: Fleet, w: int) -> None:
    """When the first of the worker's requests is done if nothing else comes."""
    left = max(fleet.finish[w, 0] - fleet.virtual_s[w], 0.0)
    fleet.due[NUM_TIMERS + w] = fleet.stamp[w] + left * pace(fleet, w)


@compiled
def admit(
    fleet: Fleet, w: int, now: float, arrived: float, work: float, is_cold: bool
) -> None:
    """Begin a request that came ``arrived``; alone it would take ``work`` seconds."""
    if fleet.num_running[w] == 0:
        book(fleet, w, now)
        fleet.virtual_s[w] = 0.0
    else:
        fleet.virtual_s[w] += (now - fleet.stamp[w]) / pace(fleet, w)
    fleet.stamp[w] = now
    _push(fleet, w, fleet.virtual_s[w] + work, arrived)
    fleet.num_running[w] += 1
    note_next_done(fleet, w)
    fleet.in_service += 1
    fleet.in_service_serverless += kind_of(fleet, w)
    fleet.num_started += 1
    fleet.num_cold += is_cold
    fleet.work_s += work
    fleet.work2_s2 += work * work
    wait = now - arrived
    fleet.num_waited += wait > 0
    fleet.wait_s += wait
    fleet.waits[bucket(wait)] += 1


@compiled
def complete(fleet: Fleet, w: int, now: float) -> None:
    """The first of the worker's requests is done."""
    fleet.virtual_s[w] = fleet.finish[w, 0]
    fleet.stamp[w] = now
    total = now - _pop(fleet, w)
    fleet.in_service -= 1
    fleet.in_service_serverless -= kind_of(fleet, w)
    fleet.num_finished += 1
    fleet.total_s += total
    fleet.totals[bucket(total)] += 1
    if fleet.num_running[w] > 1:
        fleet.num_running[w] -= 1
        note_next_done(fleet, w)
        return
    book(fleet, w, now)
    fleet.num_running[w] = 0
    fleet.ping_ends[w] = now
    fleet.idle_ends[w] = now + fleet.idle_timeout_s if may_stop(fleet, w) else INF
    fleet.due[NUM_TIMERS + w] = fleet.idle_ends[w]


@compiled
def _push(fleet: Fleet, w: int, key: float, arrived: float) -> None:
    """Into the worker's heap, the smallest virtual time first."""
    place = fleet.num_running[w]
    while place > 0:
        parent = (place - 1) // 2
        if fleet.finish[w, parent] <= key:
            break
        fleet.finish[w, place] = fleet.finish[w, parent]
        fleet.arrived[w, place] = fleet.arrived[w, parent]
        place = parent
    fleet.finish[w, place] = key
    fleet.arrived[w, place] = arrived


@compiled
def _pop(fleet: Fleet, w: int) -> float:
    """When the request that is done first had arrived; it leaves the heap."""
    first = fleet.arrived[w, 0]
    last = fleet.num_running[w] - 1
    key = fleet.finish[w, last]
    arrived = fleet.arrived[w, last]
    place, child = 0, 1
    while child < last:
        if child + 1 < last and fleet.finish[w, child + 1] < fleet.finish[w, child]:
            child += 1
        if fleet.finish[w, child] >= key:
            break
        fleet.finish[w, place] = fleet.finish[w, child]
        fleet.arrived[w, place] = fleet.arrived[w, child]
        place, child = child, 2 * child + 1
    fleet.finish[w, place] = key
    fleet.arrived[w, place] = arrived
    return float(first)
