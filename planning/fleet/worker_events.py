"""What happens to one worker: it starts, admits, completes, idles, stops. Compiled."""

import numpy as np

from planning.fleet.batch import (
    empty_batch,
    go_on,
    next_done,
    pop_answer,
    pop_prompt,
    push_answer,
    push_prompt,
)
from planning.fleet.compiled import compiled
from planning.fleet.fleet_state import (
    BUCKETS_PER_OCTAVE,
    BUSY,
    COLD,
    IDLE,
    INF,
    LEAST_S,
    LEAVING,
    NUM_BUCKETS,
    NUM_TIMERS,
    OFF,
    PING_COLD,
    PING_IDLE,
    PING_SERVE,
    READY,
    RESTART,
    STARTING,
    Fleet,
)
from planning.fleet.kept_requests import forget, keep
from planning.fleet.smallest import set_key


@compiled
def kind_of(fleet: Fleet, w: int) -> int:
    """PROVISIONED or SERVERLESS."""
    return 1 if w >= fleet.num_provisioned else 0


@compiled
def may_stop(fleet: Fleet, w: int) -> bool:
    """Whether an idle timeout ends this worker."""
    return bool(w >= fleet.num_provisioned + fleet.num_kept)


@compiled
def is_kept(fleet: Fleet, w: int) -> bool:
    """Whether it is one of the serverless workers that are always on."""
    return bool(w >= fleet.num_provisioned and not may_stop(fleet, w))


@compiled
def bucket(seconds: float) -> int:
    """Place of ``seconds`` in a histogram; see NUM_BUCKETS."""
    if seconds <= LEAST_S:
        return 0
    place = int(np.log2(seconds / LEAST_S) * BUCKETS_PER_OCTAVE) + 1
    return min(place, NUM_BUCKETS - 1)


@compiled
def set_due(fleet: Fleet, event: int, moment: float) -> None:
    """When a timer, or the worker NUM_TIMERS before it, next has something to do."""
    set_key(fleet.due, fleet.num_leaves, event, moment)


@compiled
def note_places(fleet: Fleet, w: int) -> None:
    """How the worker is preferred for the next request, after a change in it.

    First the instance that serves the fewest, then the serverless worker that serves
    the most.
    """
    number, key = fleet.num_running[w], INF
    if fleet.status[w] == READY and number < fleet.concurrency:
        if w >= fleet.num_provisioned:
            key = 2.0 * fleet.concurrency - number
        elif not fleet.is_draining[w]:
            key = float(number)
    set_key(fleet.places, fleet.num_leaves, w, key)


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
        if fleet.is_restart[w]:
            phase = RESTART
        fleet.seconds[kind, phase] += elapsed
        fleet.billed_s[w] += elapsed * fleet.bills_cold
    elif fleet.num_running[w] > 0:
        fleet.seconds[kind, BUSY] += elapsed
        fleet.always_on_busy_s += elapsed * is_kept(fleet, w)
        fleet.billed_s[w] += elapsed
    else:
        pinging = max(min(now, fleet.ping_ends[w]) - began, 0.0)
        idle = max(min(now, fleet.idle_ends[w]) - began - pinging, 0.0)
        fleet.seconds[kind, PING_SERVE] += pinging
        fleet.seconds[kind, IDLE] += idle
        fleet.always_on_idle_s += idle * is_kept(fleet, w)
        fleet.seconds[kind, PING_IDLE] += elapsed - pinging - idle
        fleet.billed_s[w] += pinging + (elapsed - pinging) * fleet.bills_idle


@compiled
def start(fleet: Fleet, w: int, now: float, seconds: float, by_ping: bool) -> None:
    """Switch a worker on; it is ready after ``seconds``."""
    fleet.since[w] = now
    fleet.billed_s[w] = 0.0
    fleet.serves_since[w] = INF
    fleet.status[w] = STARTING
    fleet.by_ping[w] = by_ping
    fleet.is_draining[w] = 0
    fleet.is_restart[w] = 0
    set_due(fleet, NUM_TIMERS + w, now + seconds)
    fleet.num_starting += 1
    fleet.num_starts += not by_ping
    if w >= fleet.num_provisioned:
        fleet.num_serverless += 1
        set_key(fleet.off, fleet.num_leaves, w, INF)
    else:
        fleet.num_active += 1
        fleet.starting_instances += 1
    fleet.num_used = max(fleet.num_used, w + 1)


@compiled
def make_ready(fleet: Fleet, w: int, now: float) -> None:
    """The start is over: the worker may admit, and idles until it does."""
    book(fleet, w, now)
    fleet.status[w] = READY
    fleet.num_starting -= 1
    fleet.num_ready += 1
    fleet.starting_instances -= w < fleet.num_provisioned
    note_places(fleet, w)
    if not fleet.by_ping[w]:
        begin_idling(fleet, w, now)
        return
    fleet.ping_ends[w] = now + fleet.ping_s
    fleet.idle_ends[w] = fleet.ping_ends[w]
    set_due(fleet, NUM_TIMERS + w, fleet.ping_ends[w] + fleet.idle_timeout_s)


@compiled
def begin_idling(fleet: Fleet, w: int, now: float) -> None:
    """From now on it serves nobody, until the idle timeout."""
    if fleet.rounds_requests and may_stop(fleet, w) and fleet.serves_since[w] < now:
        _round_up(fleet, now - fleet.serves_since[w])
    fleet.ping_ends[w] = now
    fleet.idle_ends[w] = now + fleet.idle_timeout_s if may_stop(fleet, w) else INF
    set_due(fleet, NUM_TIMERS + w, fleet.idle_ends[w])


@compiled
def stop(fleet: Fleet, w: int, now: float) -> None:
    """Switch a worker off and round up what it is billed for since its start."""
    book(fleet, w, now)
    if kind_of(fleet, w) == 1 and not fleet.rounds_requests:
        _round_up(fleet, fleet.billed_s[w])
    if fleet.status[w] == STARTING:
        fleet.num_starting -= 1
        fleet.starting_instances -= w < fleet.num_provisioned
    else:
        fleet.num_ready -= 1
    if w >= fleet.num_provisioned:
        fleet.num_serverless -= 1
        set_key(fleet.off, fleet.num_leaves, w, 0.0)
    elif not fleet.is_draining[w]:
        fleet.num_active -= 1
    fleet.status[w] = OFF
    fleet.is_draining[w] = 0
    note_places(fleet, w)
    set_due(fleet, NUM_TIMERS + w, INF)


@compiled
def _round_up(fleet: Fleet, billed_s: float) -> None:
    """Count what is billed besides so many seconds of a serverless worker."""
    if fleet.rounding_s > 0:
        num_units = np.ceil(billed_s / fleet.rounding_s - 1e-9)
        rounding = num_units * fleet.rounding_s - billed_s
        fleet.rounding += max(rounding, 0.0)


@compiled
def relaunch(fleet: Fleet, w: int, now: float) -> None:
    """Another instance starts in the place of one that was interrupted."""
    fleet.num_active -= fleet.is_draining[w] == LEAVING
    stop(fleet, w, now)
    start(fleet, w, now, fleet.start_up_s, False)
    fleet.is_restart[w] = 1


@compiled
def next_due(fleet: Fleet, w: int) -> float:
    """When something is next to be done with a worker that serves someone."""
    moment = next_done(fleet, w)
    if fleet.keeps_requests:
        moment = min(moment, fleet.cut_at[w])
    return float(moment)


@compiled
def admit(
    fleet: Fleet,
    w: int,
    now: float,
    arrived: float,
    prefill_s: float,
    decode_s: float,
    is_cold: bool,
) -> None:
    """Take in a request that came ``arrived``; alone it would take so many seconds."""
    if fleet.num_running[w] == 0:
        book(fleet, w, now)
        empty_batch(fleet, w, now)
        fleet.serves_since[w] = now
    else:
        go_on(fleet, w, now)
    if fleet.keeps_requests:
        keep(fleet, w, now, arrived, prefill_s, decode_s)
        if fleet.num_running[w] == 0:
            fleet.cut_at[w] = now + fleet.timeout_s
    if prefill_s > 0:
        push_prompt(fleet, w, arrived, prefill_s, decode_s)
        if fleet.num_prompts[w] == 1:
            note_wait(fleet, now - arrived)
    else:
        push_answer(fleet, w, arrived, decode_s)
        note_wait(fleet, now - arrived)
        fleet.firsts[bucket(now - arrived)] += 1
    fleet.num_running[w] += 1
    set_due(fleet, NUM_TIMERS + w, next_due(fleet, w))
    note_places(fleet, w)
    fleet.in_service += 1
    fleet.in_service_serverless += kind_of(fleet, w)
    fleet.num_started += 1
    fleet.num_cold += is_cold
    work = prefill_s + decode_s
    fleet.work_s += work
    fleet.work2_s2 += work * work


@compiled
def note_wait(fleet: Fleet, wait: float) -> None:
    """A request's wait is over: its prompt begins, as vLLM counts its queue time."""
    fleet.num_waited += wait > 0
    fleet.wait_s += wait
    fleet.waits[bucket(wait)] += 1


@compiled
def begin_answer(fleet: Fleet, w: int, now: float) -> None:
    """The first of the worker's prompts is done; the next one begins."""
    go_on(fleet, w, now)
    arrived = pop_prompt(fleet, w)
    fleet.firsts[bucket(now - arrived)] += 1
    if fleet.num_prompts[w] > 0:
        head = fleet.prompt_head[w]
        note_wait(fleet, now - fleet.prompt_arrived[w, head])
    set_due(fleet, NUM_TIMERS + w, next_due(fleet, w))


@compiled
def complete(fleet: Fleet, w: int, now: float) -> None:
    """The first of the worker's answers is done."""
    go_on(fleet, w, now)
    arrived = pop_answer(fleet, w)
    if fleet.keeps_requests:
        forget(fleet, w, arrived)
    total = now - arrived
    fleet.in_service -= 1
    fleet.in_service_serverless -= kind_of(fleet, w)
    fleet.num_finished += 1
    fleet.total_s += total
    fleet.totals[bucket(total)] += 1
    if fleet.num_running[w] > 1:
        fleet.num_running[w] -= 1
        set_due(fleet, NUM_TIMERS + w, next_due(fleet, w))
    else:
        book(fleet, w, now)
        fleet.num_running[w] = 0
        begin_idling(fleet, w, now)
    note_places(fleet, w)
