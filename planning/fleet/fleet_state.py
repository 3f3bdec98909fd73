"""What the simulator carries from one event to the next: one record, nothing else.

    rules            what the plan says, in seconds and counts
    status[w], …     w < num_provisioned: instances; the rest: serverless workers
    prompt_done[w, :] ring of the requests of w that prefill: when on its clock, when
    prompt_arrived…  each arrived, and what it will decode
    finish[w, :]     heap of the times of its clock at which those that decode are done,
    arrived[w, :]    and when each of them arrived (see batch)
    kept_…[w, :]     what a plan with time-outs or interruptions needs to know of each
                     request of w, in no order (see kept_requests)
    due[:]           when each timer and each worker next has something to do,
    places[:]        how a worker is preferred for a request, off[:] who may be started:
                     trees of the smallest key (see smallest)
    queue_arrived[:] ring of waiting requests, the oldest at queue_head
    seconds[k, p]    worker seconds of kind k (provisioned, serverless) by phase p
    tally            clock, counts, and areas under the curves

The sizes are fixed: compiled code knows every offset then, and numpy takes the memory
of what is never written from nowhere.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from planning.fleet.limits import MAX_WORKERS
from planning.fleet.smallest import Array, fill_tree

INF = np.inf
OFF, STARTING, READY = 0, 1, 2
PROVISIONED, SERVERLESS = 0, 1
NO_SCALER, QUEUE_DELAY, REQUEST_COUNT = 0, 1, 2

OPEN, DRAINING, LEAVING, ENDING = range(4)
"""How an instance takes part, in ``is_draining``: it takes requests in; the autoscaler
removes it once it is empty; it is interrupted, and started anew once it is gone; both,
and not started anew."""

BUSY, IDLE, COLD, PING_SERVE, PING_COLD, PING_IDLE, RESTART = range(7)
"""Phases. Three are what keep-warm pings cause: serving one, a start that one began,
and idle time that would have ended without them. RESTART is a start in the place of an
interrupted instance."""
NUM_PHASES = 7

PING, TICK, BIN, ASK, GIVE_UP, INTERRUPT = range(6)
"""Timers, the first entries of ``due``: the next ping, look of the autoscaler, end of
a timeline bin, waiting request that asks for a worker, one that gives up, and
interruption of a spot instance."""
NUM_TIMERS = 6

LOAD, PLACES, QUEUE = range(3)
LASTING, HIGHEST = range(2)
NUM_LOOKS = 4_096
"""Room for what the autoscaler saw at its last looks."""

MAX_CONCURRENCY = 256
MAX_LEAVES = 16_384
"""Room of a tree: a power of two, at least timers and workers."""
ROW = MAX_CONCURRENCY + 8
"""Room of a worker's requests. Not a power of two: rows that are a page apart would
share the few places of a processor's cache."""
MAX_QUEUE = 1_000_000
MAX_BINS = 1_024
BIN_QUEUE, BIN_SERVICE, BIN_READY, BIN_STARTING, BIN_MAX_QUEUE = range(5)

BUCKETS_PER_OCTAVE = 128
LEAST_S = 2.0**-20
NUM_BUCKETS = 46 * BUCKETS_PER_OCTAVE + 1
"""Histogram of seconds: bucket 0 is at most 2^-20 s, each further one 0.54 % wider."""

RULES: list[Any] = [
    ("num_provisioned", "i8"),
    ("replicas", "i8"),
    ("num_workers", "i8"),
    ("num_kept", "i8"),
    ("concurrency", "i8"),
    ("slowdown", "f8"),
    ("expert_slowdown", "f8"),
    ("expert_rest", "f8"),
    ("token_cost", "f8"),
    ("step_tokens", "f8"),
    ("is_split", "i8"),
    ("max_queue", "i8"),
    ("give_up_s", "f8"),
    ("idle_timeout_s", "f8"),
    ("scaler", "i8"),
    ("scaler_value", "f8"),
    ("cold_start_s", "f8"),
    ("bills_cold", "i8"),
    ("bills_idle", "i8"),
    ("rounding_s", "f8"),
    ("rounds_requests", "i8"),
    ("ping_every_s", "f8"),
    ("ping_s", "f8"),
    ("has_autoscaler", "i8"),
    ("min_instances", "i8"),
    ("tick_s", "f8"),
    ("start_up_s", "f8"),
    ("cool_down_s", "f8"),
    ("queue_weight", "f8"),
    ("service_weight", "f8"),
    ("target_load", "f8"),
    ("window_looks", "i8"),
    ("panic_looks", "i8"),
    ("panic_threshold", "f8"),
    ("up_delay_s", "f8"),
    ("scale_in", "i8"),
    ("cool_down_looks", "i8"),
    ("up_rate", "f8"),
    ("up_step", "f8"),
    ("down_rate", "f8"),
    ("up_factor", "f8"),
    ("down_factor", "f8"),
    ("tolerance", "f8"),
    ("wakes", "i8"),
    ("activation", "f8"),
    ("zero_looks", "i8"),
    ("zero_after_s", "f8"),
    ("zero_as_others", "i8"),
    ("keeps_requests", "i8"),
    ("timeout_s", "f8"),
    ("interrupted_every_s", "f8"),
    ("notice_s", "f8"),
    ("is_retried", "i8"),
    ("bin_s", "f8"),
    ("num_bins", "i8"),
    ("most_starts", "i8"),
]
STARTS: list[Any] = [("num_starts", "i8")]
"""Of workers in all windows of a run, pings' left out; at ``most_starts`` none starts
any more (see planning.fleet.bounded)."""
WORKERS: list[Any] = [
    ("status", "i8", (MAX_WORKERS,)),
    ("num_running", "i8", (MAX_WORKERS,)),
    ("is_draining", "i8", (MAX_WORKERS,)),
    ("by_ping", "i8", (MAX_WORKERS,)),
    ("num_prompts", "i8", (MAX_WORKERS,)),
    ("prompt_head", "i8", (MAX_WORKERS,)),
    ("is_prompt_next", "i8", (MAX_WORKERS,)),
    ("prefill_clock", "f8", (MAX_WORKERS,)),
    ("last_prompt_done", "f8", (MAX_WORKERS,)),
    ("decode_clock", "f8", (MAX_WORKERS,)),
    ("stamp", "f8", (MAX_WORKERS,)),
    ("since", "f8", (MAX_WORKERS,)),
    ("idle_ends", "f8", (MAX_WORKERS,)),
    ("ping_ends", "f8", (MAX_WORKERS,)),
    ("billed_s", "f8", (MAX_WORKERS,)),
    ("serves_since", "f8", (MAX_WORKERS,)),
    ("is_restart", "i8", (MAX_WORKERS,)),
    ("leaves_at", "f8", (MAX_WORKERS,)),
    ("cut_at", "f8", (MAX_WORKERS,)),
]
TREES: list[Any] = [
    ("due", "f8", (2 * MAX_LEAVES,)),
    ("places", "f8", (2 * MAX_LEAVES,)),
    ("off", "f8", (2 * MAX_LEAVES,)),
]
POSITION: list[Any] = [
    ("now", "f8"),
    ("num_used", "i8"),
    ("num_leaves", "i8"),
    ("num_active", "i8"),
    ("num_ready", "i8"),
    ("num_starting", "i8"),
    ("num_serverless", "i8"),
    ("in_service", "i8"),
    ("in_service_serverless", "i8"),
    ("queue_head", "i8"),
    ("num_queued", "i8"),
    ("num_asked", "i8"),
    ("next_cold", "i8"),
    ("tick_load_s", "f8"),
    ("enough_at", "f8"),
    ("num_looks", "i8"),
    ("seen_s", "f8"),
    ("not_more_at", "f8"),
    ("wanted_at", "f8"),
    ("panics_until", "f8"),
    ("starting_instances", "i8"),
    ("chance", "i8"),
    ("bin", "i8"),
    ("bin_max_queue", "i8"),
]
LOOKS: list[Any] = [
    ("seen", "f8", (NUM_LOOKS,)),
    ("wants", "f8", (NUM_LOOKS,)),
]
TALLY: list[Any] = [
    ("num_arrived", "i8"),
    ("num_found_empty", "i8"),
    ("num_started", "i8"),
    ("num_waited", "i8"),
    ("num_cold", "i8"),
    ("num_finished", "i8"),
    ("num_refused", "i8"),
    ("num_gave_up", "i8"),
    ("num_timed_out", "i8"),
    ("num_cut_off", "i8"),
    ("num_retried", "i8"),
    ("num_interruptions", "i8"),
    ("num_cold_starts", "i8"),
    ("num_ping_starts", "i8"),
    ("num_scale_outs", "i8"),
    ("wait_s", "f8"),
    ("gave_up_wait_s", "f8"),
    ("total_s", "f8"),
    ("work_s", "f8"),
    ("work2_s2", "f8"),
    ("prefill_s", "f8"),
    ("decode_s", "f8"),
    ("area_queue", "f8"),
    ("area_service", "f8"),
    ("area_ready", "f8"),
    ("area_starting", "f8"),
    ("empty_s", "f8"),
    ("seconds", "f8", (2, NUM_PHASES)),
    ("always_on_busy_s", "f8"),
    ("always_on_idle_s", "f8"),
    ("rounding", "f8"),
    ("waits", "i8", (NUM_BUCKETS,)),
    ("firsts", "i8", (NUM_BUCKETS,)),
    ("totals", "i8", (NUM_BUCKETS,)),
]
TIMELINE: list[Any] = [
    ("bins", "f8", (MAX_BINS, 5)),
    ("bin_areas", "f8", (4,)),
]
REQUESTS: list[Any] = [
    ("prompt_done", "f8", (MAX_WORKERS, ROW)),
    ("prompt_arrived", "f8", (MAX_WORKERS, ROW)),
    ("prompt_decode", "f8", (MAX_WORKERS, ROW)),
    ("finish", "f8", (MAX_WORKERS, ROW)),
    ("arrived", "f8", (MAX_WORKERS, ROW)),
    ("kept_arrived", "f8", (MAX_WORKERS, ROW)),
    ("kept_begun", "f8", (MAX_WORKERS, ROW)),
    ("kept_prefill", "f8", (MAX_WORKERS, ROW)),
    ("kept_decode", "f8", (MAX_WORKERS, ROW)),
    ("queue_arrived", "f8", (MAX_QUEUE,)),
    ("queue_prefill", "f8", (MAX_QUEUE,)),
    ("queue_decode", "f8", (MAX_QUEUE,)),
]
FLEET = np.dtype(
    RULES + STARTS + POSITION + WORKERS + TREES + LOOKS + TALLY + TIMELINE + REQUESTS,
    align=True,
)

Fleet = Any
"""One record of FLEET, as numpy and numba hand it out."""


def new_fleet(rules: dict[str, float]) -> Fleet:
    """A fleet at time 0, in memory of its own."""
    fleet = np.zeros(1, FLEET)[0]
    reset(fleet, rules)
    return fleet


def reset(fleet: Fleet, rules: dict[str, float]) -> None:
    """Back to time 0. A record keeps the number of its workers."""
    num_workers = int(rules["num_workers"])
    for name, *_ in POSITION + LOOKS + TALLY + TIMELINE:
        fleet[name] = 0
    for name, *_ in WORKERS:
        fleet[name][:num_workers] = 0
    for name, value in rules.items():
        fleet[name] = value
    switch_on(fleet, int(rules["min_instances"]), int(rules["num_kept"]))


def switch_on(
    fleet: Fleet, instances: int, serverless: int, idle_until: float = 0.0
) -> None:
    """So many workers are ready at time 0, and all others off.

    Serverless ones beyond those that are always on stop at ``idle_until`` [s] if they
    got nothing to do by then.
    """
    num_workers, num_instances = (
        int(fleet["num_workers"]),
        int(fleet["num_provisioned"]),
    )
    place = np.arange(num_workers)
    is_up = (place < instances) | (
        (place >= num_instances) & (place < num_instances + serverless)
    )
    stops = is_up & (place >= num_instances + int(fleet["num_kept"]))
    fleet["status"][:num_workers] = np.where(is_up, READY, 0)
    fleet["idle_ends"][:num_workers] = np.where(is_up, INF, 0.0)
    fleet["idle_ends"][:num_workers][stops] = idle_until
    fleet["num_active"] = instances
    fleet["num_ready"] = instances + serverless
    fleet["num_serverless"] = serverless
    fleet["num_used"] = num_instances + serverless
    _plant(fleet, is_up, np.where(stops, idle_until, INF))


def _plant(fleet: Fleet, is_up: npt.NDArray[np.bool_], stops_at: Array) -> None:
    """The three trees."""
    is_serverless = np.arange(len(is_up)) >= int(fleet["num_provisioned"])
    due = np.full(NUM_TIMERS, INF)
    if fleet["has_autoscaler"]:
        due[TICK] = fleet["tick_s"]
    if fleet["ping_every_s"] > 0:
        due[PING] = fleet["ping_every_s"]
    if fleet["num_bins"]:
        due[BIN] = fleet["bin_s"]
    empty: Array = np.where(is_serverless, 2.0 * fleet["concurrency"], 0.0)
    places = np.where(is_up, empty, INF)
    off = np.where(is_serverless & ~is_up, 0.0, INF)
    num_leaves = 1 << (NUM_TIMERS + len(is_up) - 1).bit_length()
    fleet["num_leaves"] = num_leaves
    due = np.concatenate((due, stops_at))
    for name, keys in (("due", due), ("places", places), ("off", off)):
        fill_tree(fleet[name], keys, num_leaves)


def begin_window(fleet: Fleet) -> None:
    """Forget what was counted, keep where everything stands."""
    for name, *_ in TALLY:
        fleet[name] = 0
