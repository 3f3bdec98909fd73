"""How many workers are up where a window of the month begins in the middle of traffic.

A window has a lead-in, in which the fleet finds the size that its traffic needs. At
high rates a sample affords less than a start takes, or the queue of the start is longer
than a lead-in; there the window begins with the workers that the traffic of its lead-in
needs in the mean. A batch of n requests that
decode takes pace(n) / n of a second for a second of each (see planning.fleet.batch), a
prompt its seconds of the whole worker, or of the cards of its own.
"""

import math

from planning.fleet.fleet_state import NO_SCALER, REQUEST_COUNT, Fleet, switch_on
from planning.fleet.pace import pace_of
from planning.fleet.workload import Chunk


def begin_warm(
    fleet: Fleet, chunks: list[Chunk], length_s: float, warm_from: int
) -> None:
    """Switch on what the requests of the first ``length_s`` need, where that is at
    least ``warm_from`` more workers than are up. The fleet is at its time 0."""
    prefill_s = sum(float(one.prefills.sum()) for one in chunks) / length_s
    decode_s = sum(float(one.decodes.sum()) for one in chunks) / length_s
    instances, serverless = workers_for(fleet, prefill_s, decode_s)
    if instances + serverless - int(fleet["num_ready"]) >= warm_from:
        idle_until = max(float(fleet["idle_timeout_s"]), length_s)
        switch_on(fleet, instances, serverless, idle_until)


def workers_for(fleet: Fleet, prefill_s: float, decode_s: float) -> tuple[int, int]:
    """Instances, and serverless workers for what these leave over; ``prefill_s`` and
    ``decode_s`` are the seconds of work that come a second. A plan's rules do for the
    fleet."""
    most, places = int(fleet["num_provisioned"]), fleet["concurrency"]
    instances = most
    if fleet["has_autoscaler"]:
        share = min(fleet["target_load"], places)
        wanted = math.ceil(_busy(fleet, prefill_s, decode_s, share))
        instances = min(max(wanted, int(fleet["min_instances"])), most)
    if fleet["scaler"] == NO_SCALER:
        return instances, 0
    needed = _busy(fleet, prefill_s, decode_s, places)
    left = max(needed - instances, 0.0)
    if fleet["scaler"] == REQUEST_COUNT:
        left = max(left, left * places / fleet["scaler_value"])
    room = int(fleet["num_workers"]) - most
    return instances, min(max(math.ceil(left), int(fleet["num_kept"])), room)


def _busy(fleet: Fleet, prefill_s: float, decode_s: float, batch: float) -> float:
    """Workers that are busy with batches of that many."""
    number = max(batch, 1.0)
    pace = pace_of(
        float(number),
        float(fleet["slowdown"]),
        float(fleet["expert_slowdown"]),
        float(fleet["expert_rest"]),
        float(fleet["token_cost"]),
    )
    answer_s = decode_s * pace / number
    return max(prefill_s, answer_s) if fleet["is_split"] else prefill_s + answer_s
