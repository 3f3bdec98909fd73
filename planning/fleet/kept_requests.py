"""What is kept of each running request where it may be cut off. Compiled.

A batch knows of a request when it arrived and when it will be done (see batch). A
time-out needs to know since when it runs, and a retry what it takes: these stand in the
rows ``kept_…[w, :num_running[w]]`` of its worker, in no order, and are found by the
time of arrival. Of two that arrived at the same moment either will do.
"""

from planning.fleet.compiled import compiled
from planning.fleet.fleet_state import Fleet


@compiled
def keep(
    fleet: Fleet, w: int, now: float, arrived: float, prefill_s: float, decode_s: float
) -> None:
    """A request that the worker takes in now, before it is counted as running."""
    place = fleet.num_running[w]
    fleet.kept_arrived[w, place] = arrived
    fleet.kept_begun[w, place] = now
    fleet.kept_prefill[w, place] = prefill_s
    fleet.kept_decode[w, place] = decode_s


@compiled
def forget(fleet: Fleet, w: int, arrived: float) -> None:
    """One that arrived then is done, and still counted as running."""
    last = fleet.num_running[w] - 1
    for place in range(last):
        if fleet.kept_arrived[w, place] == arrived:
            fleet.kept_arrived[w, place] = fleet.kept_arrived[w, last]
            fleet.kept_begun[w, place] = fleet.kept_begun[w, last]
            fleet.kept_prefill[w, place] = fleet.kept_prefill[w, last]
            fleet.kept_decode[w, place] = fleet.kept_decode[w, last]
            return
