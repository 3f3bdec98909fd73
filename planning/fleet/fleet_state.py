"""What the simulator carries from one event to the next: one record, nothing else.

    rules            what the plan says, in seconds and counts
    status[w], …     w < num_provisioned: instances; the rest: serverless workers
    finish[w, :]     heap of the virtual times at which the requests of w are done,
    arrived[w, :]    and when each of them arrived
    due[:]           when each timer and each worker next has something to do
    queue_arrived[:] ring of waiting requests, the oldest at queue_head
    seconds[k, p]    worker seconds of kind k (provisioned, serverless) by phase p
    tally            clock, counts, and areas under the curves

A worker that serves n requests gives each of them 1 / (1 + slowdown * (n - 1)) seconds
of progress a second. Its virtual time counts that progress, so a request admitted at
virtual time v with s seconds of work is done at v + s whatever comes later.

The sizes are fixed: compiled code knows every offset then, and numpy takes the memory
of what is never written from nowhere.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

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

MAX_WORKERS = 256
MAX_CONCURRENCY = 256
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
    ("max_queue", "i8"),
    ("give_up_s", "f8"),
    ("idle_timeout_s", "f8"),
    ("scaler", "i8"),
    ("scaler_value", "f8"),
    ("cold_start_s", "f8"),
    ("bills_cold", "i8"),
    ("bills_idle", "i8"),
    ("rounding_s", "f8"),
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
    ("virtual_s", "f8", (MAX_WORKERS,)),
    ("stamp", "f8", (MAX_WORKERS,)),
    ("since", "f8", (MAX_WORKERS,)),
    ("idle_ends", "f8", (MAX_WORKERS,)),
    ("ping_ends", "f8", (MAX_WORKERS,)),
    ("billed_s", "f8", (MAX_WORKERS,)),
    ("due", "f8", (NUM_TIMERS + MAX_WORKERS,)),
]
POSITION: list[Any] = [
    ("now", "f8"),
    ("num_used", "i8"),
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
    ("area_queue", "f8"),
    ("area_service", "f8"),
    ("area_ready", "f8"),
    ("area_starting", "f8"),
    ("empty_s", "f8"),
    ("seconds", "f8", (2, NUM_PHASES)),
    ("rounding", "f8"),
    ("waits", "i8", (NUM_BUCKETS,)),
    ("totals", "i8", (NUM_BUCKETS,)),
]
TIMELINE: list[Any] = [
    ("bins", "f8", (MAX_BINS, 5)),
    ("bin_areas", "f8", (4,)),
]
REQUESTS: list[Any] = [
    ("finish", "f8", (MAX_WORKERS, MAX_CONCURRENCY)),
    ("arrived", "f8", (MAX_WORKERS, MAX_CONCURRENCY)),
    ("queue_arrived", "f8", (MAX_QUEUE,)),
    ("queue_work", "f8", (MAX_QUEUE,)),
]
FLEET = np.dtype(RULES + POSITION + WORKERS + TALLY + TIMELINE + REQUESTS, align=True)

Fleet = Any
"""One record of FLEET, as numpy and numba hand it out."""
Array = npt.NDArray[np.float64]


def new_fleet(rules: dict[str, float]) -> Fleet:
    """A fleet at time 0, in memory of its own."""
    fleet = np.zeros(1, FLEET)[0]
    reset(fleet, rules)
    return fleet


def reset(fleet: Fleet, rules: dict[str, float]) -> None:
    """Back to time 0: what is kept running runs, everything else is off."""
    for name, *_ in POSITION + WORKERS + TALLY + TIMELINE:
        fleet[name] = 0
    for name, value in rules.items():
        fleet[name] = value
    fleet["due"] = INF
    first = int(rules["num_provisioned"])
    kept = range(first, first + int(rules["num_kept"]))
    if rules["has_autoscaler"]:
        first = int(rules["min_instances"])
        fleet["due"][TICK] = rules["tick_s"]
    for w in (*range(first), *kept):
        fleet["status"][w] = READY
        fleet["idle_ends"][w] = INF
    fleet["num_ready"] = first + len(kept)
    fleet["num_serverless"] = len(kept)
    fleet["num_used"] = kept.stop
    if rules["ping_every_s"] > 0:
        fleet["due"][PING] = rules["ping_every_s"]
    if rules["num_bins"]:
        fleet["due"][BIN] = rules["bin_s"]


def begin_window(fleet: Fleet) -> None:
    """Forget what was counted, keep where everything stands."""
    for name, *_ in TALLY:
        fleet[name] = 0
