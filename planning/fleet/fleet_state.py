"""What the simulator carries from one event to the next: one record, nothing else.

    rules            what the plan says, in seconds and counts
    status[w], …     w < num_provisioned: instances; the rest: serverless workers
    prompt_done[w, :] ring of the requests of w that prefill: when on its clock, when
    prompt_arrived…  each arrived, and what it will decode
    finish[w, :]     heap of the times of its clock at which those that decode are done,
    arrived[w, :]    and when each of them arrived (see batch)
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

from planning.fleet.plan import MAX_WORKERS
from planning.fleet.smallest import Array, fill_tree

INF = np.inf
OFF, STARTING, READY = 0, 1, 2
PROVISIONED, SERVERLESS = 0, 1
NO_SCALER, QUEUE_DELAY, REQUEST_COUNT = 0, 1, 2

BUSY, IDLE, COLD, PING_SERVE, PING_COLD, PING_IDLE = range(6)
"""Phases. The last three are what keep-warm pings cause: serving one, a start that
one began, and idle time that would have ended without them."""
NUM_PHASES = 6

PING, TICK, BIN, ASK, GIVE_UP = range(5)
"""Timers, the first entries of ``due``: the next ping, look of the autoscaler, end of
a timeline bin, waiting request that asks for a worker, and one that gives up."""
NUM_TIMERS = 5

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
    ("target", "f8"),
    ("tick_s", "f8"),
    ("start_up_s", "f8"),
    ("cool_down_s", "f8"),
    ("bin_s", "f8"),
    ("num_bins", "i8"),
]
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
    ("bin", "i8"),
    ("bin_max_queue", "i8"),
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
    ("queue_arrived", "f8", (MAX_QUEUE,)),
    ("queue_prefill", "f8", (MAX_QUEUE,)),
    ("queue_decode", "f8", (MAX_QUEUE,)),
]
FLEET = np.dtype(
    RULES + POSITION + WORKERS + TREES + TALLY + TIMELINE + REQUESTS, align=True
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
    for name, *_ in POSITION + TALLY + TIMELINE:
        fleet[name] = 0
    for name, *_ in WORKERS:
        fleet[name][:num_workers] = 0
    for name, value in rules.items():
        fleet[name] = value
    num_instances = int(rules["num_provisioned"])
    kept = range(num_instances, num_instances + int(rules["num_kept"]))
    first = int(rules["min_instances"])
    is_up = np.zeros(num_workers, bool)
    is_up[:first] = True
    is_up[kept.start : kept.stop] = True
    fleet["status"][:num_workers] = np.where(is_up, READY, 0)
    fleet["idle_ends"][:num_workers] = np.where(is_up, INF, 0.0)
    fleet["num_active"] = first
    fleet["num_ready"] = first + len(kept)
    fleet["num_serverless"] = len(kept)
    fleet["num_used"] = kept.stop
    _plant(fleet, rules, is_up)


def _plant(fleet: Fleet, rules: dict[str, float], is_up: npt.NDArray[np.bool_]) -> None:
    """The three trees."""
    is_serverless = np.arange(len(is_up)) >= int(rules["num_provisioned"])
    due = np.full(NUM_TIMERS, INF)
    if rules["has_autoscaler"]:
        due[TICK] = rules["tick_s"]
    if rules["ping_every_s"] > 0:
        due[PING] = rules["ping_every_s"]
    if rules["num_bins"]:
        due[BIN] = rules["bin_s"]
    empty: Array = np.where(is_serverless, 2.0 * rules["concurrency"], 0.0)
    places = np.where(is_up, empty, INF)
    off = np.where(is_serverless & ~is_up, 0.0, INF)
    num_leaves = 1 << (NUM_TIMERS + len(is_up) - 1).bit_length()
    fleet["num_leaves"] = num_leaves
    for name, keys in (("due", due), ("places", places), ("off", off)):
        fill_tree(fleet[name], keys, num_leaves)


def begin_window(fleet: Fleet) -> None:
    """Forget what was counted, keep where everything stands."""
    for name, *_ in TALLY:
        fleet[name] = 0
