"""The autoscaler of instances: what it sees, what it wants, how far it goes. Compiled.

At each look, every ``tick_s``:

    seen      the signal (waiting, in progress or both), averaged over a window
    want      seen ÷ target_load, rounded up; nearer to what there is by a factor, or
              nothing where the change is within the tolerance
    panic     the same over a shorter window; where it wants panic_threshold times the
              ready instances or more, the larger of both counts, and nothing is
              removed until the threshold has not been met for a window
    up        at once, or after a while in which each look wanted more; a rate bounds it
    down      after a while in which no look wanted as many as there are, or never below
              the most that was wanted in that while; a rate bounds it
    zero      the last instance stays for a time of its own; the first one starts with a
              request, or at a look

Panic and rates are those of Knative's autoscaler (knative/serving,
pkg/autoscaler/scaling/autoscaler.go), delays and factors those of Ray Serve
(ray/serve/autoscaling_policy.py), the highest want and the tolerance those of the
HorizontalPodAutoscaler.
"""

import numpy as np

from planning.fleet.compiled import compiled
from planning.fleet.fleet_state import (
    DRAINING,
    HIGHEST,
    NUM_LOOKS,
    OFF,
    OPEN,
    TICK,
    Fleet,
)
from planning.fleet.queue import fill
from planning.fleet.worker_events import note_places, set_due, start, stop

SHORT_S = 1e-6
"""Less than this is rounding: looks are added up."""


@compiled
def autoscale(fleet: Fleet, now: float) -> None:
    """A look."""
    fleet.num_looks += 1
    fleet.seen_s += fleet.tick_load_s
    fleet.seen[fleet.num_looks % NUM_LOOKS] = fleet.seen_s
    load = _mean_load(fleet, fleet.window_looks)
    fleet.tick_load_s, last_s = 0.0, fleet.tick_load_s
    set_due(fleet, TICK, now + fleet.tick_s)
    if fleet.window_looks == 1:
        load = last_s / fleet.tick_s
    if fleet.min_instances == 0 and fleet.num_active == 0:
        fleet.wants[fleet.num_looks % NUM_LOOKS] = 0.0
        if fleet.num_looks % fleet.zero_looks == 0:
            wake(fleet, now)
        return
    wanted = _rounded(fleet, load)
    if fleet.num_active == 1 and load <= fleet.activation:
        wanted = 0
    if fleet.panic_looks > 0:
        wanted = _panicking(fleet, wanted, now)
    wanted = min(max(wanted, fleet.min_instances), fleet.num_provisioned)
    if wanted > 0:
        fleet.wanted_at = now
    _scale_to(fleet, wanted, now)


@compiled
def wake(fleet: Fleet, now: float) -> None:
    """From zero, the first instance, where enough requests are here."""
    if fleet.num_queued + fleet.in_service > fleet.activation:
        fleet.wanted_at = now
        fleet.enough_at = now
        _scale_out(fleet, 1, now)


@compiled
def _load_now(fleet: Fleet) -> float:
    return float(
        fleet.queue_weight * fleet.num_queued + fleet.service_weight * fleet.in_service
    )


@compiled
def _mean_load(fleet: Fleet, num_looks: int) -> float:
    """Of the last looks, or those that there were; the moment's for none."""
    if num_looks == 0:
        return _load_now(fleet)
    number = min(num_looks, fleet.num_looks)
    before = fleet.seen[(fleet.num_looks - number) % NUM_LOOKS]
    return float((fleet.seen_s - before) / (number * fleet.tick_s))


@compiled
def _rounded(fleet: Fleet, load: float) -> int:
    """Instances for that load."""
    wanted, active = load / fleet.target_load, fleet.num_active
    change = wanted - active
    if fleet.tolerance > 0 and abs(change) <= fleet.tolerance * active:
        return int(active)
    factor = fleet.up_factor if change > 0 else fleet.down_factor
    if factor == 1.0:
        return int(np.ceil(wanted - 1e-9))
    number = int(np.ceil(active + factor * change - 1e-9))
    if np.ceil(wanted - 1e-9) < active and number == active:
        number -= 1
    return int(max(number, 0))


@compiled
def _panicking(fleet: Fleet, wanted: int, now: float) -> int:
    """The want of a panic, where there is one."""
    load = _mean_load(fleet, fleet.panic_looks)
    at_once = int(np.ceil(load / fleet.target_load - 1e-9))
    ready = max(fleet.num_active - fleet.starting_instances, 1)
    if at_once >= fleet.panic_threshold * ready:
        window = max(fleet.window_looks, fleet.panic_looks)
        fleet.panics_until = now + window * fleet.tick_s
    if now <= fleet.panics_until:
        return int(max(wanted, at_once, fleet.num_active))
    return wanted


@compiled
def _scale_to(fleet: Fleet, wanted: int, now: float) -> None:
    """As far as delays and rates let it go now."""
    active = fleet.num_active
    fleet.wants[fleet.num_looks % NUM_LOOKS] = wanted
    if wanted <= active:
        fleet.not_more_at = now
    if wanted >= active:
        fleet.enough_at = now
        most = active + fleet.up_step
        if fleet.up_rate > 0:
            most = max(most, np.ceil(fleet.up_rate * max(active, 1)))
            wanted = int(min(wanted, most))
        lasts_s = now - fleet.not_more_at - fleet.tick_s
        if wanted > active and lasts_s >= fleet.up_delay_s - SHORT_S:
            fleet.not_more_at = now
            _scale_out(fleet, wanted - active, now)
        return
    least = max(wanted, 1)
    if fleet.scale_in == HIGHEST:
        least = max(least, _highest_want(fleet))
    elif now - fleet.enough_at < fleet.cool_down_s:
        least = active
    if fleet.down_rate > 0:
        least = max(least, int(active / fleet.down_rate))
    since = fleet.enough_at if fleet.zero_as_others else fleet.wanted_at
    if wanted == 0 and active == 1 and now - since >= fleet.zero_after_s:
        least = 0
    if least < active:
        fleet.enough_at = now
        _scale_in(fleet, active - least, now)


@compiled
def _highest_want(fleet: Fleet) -> int:
    """Of the looks in the time that must pass before instances are removed."""
    number = min(fleet.cool_down_looks, fleet.num_looks - 1)
    highest = 0.0
    for k in range(number + 1):
        highest = max(highest, fleet.wants[(fleet.num_looks - k) % NUM_LOOKS])
    return int(highest)


@compiled
def _scale_out(fleet: Fleet, number: int, now: float) -> None:
    """First take back what is being drained, then start instances."""
    for w in range(fleet.num_provisioned):
        if number > 0 and fleet.is_draining[w] == DRAINING:
            fleet.is_draining[w] = OPEN
            fleet.num_active += 1
            note_places(fleet, w)
            fill(fleet, w, now, False)
            number -= 1
    if fleet.num_starts >= fleet.most_starts:
        return
    for w in range(fleet.num_provisioned):
        if number > 0 and fleet.status[w] == OFF:
            start(fleet, w, now, fleet.start_up_s, False)
            fleet.num_scale_outs += 1
            number -= 1


@compiled
def _scale_in(fleet: Fleet, number: int, now: float) -> None:
    """The last instances stop, at once or when their requests are done."""
    for w in range(fleet.num_provisioned - 1, -1, -1):
        if number > 0 and fleet.status[w] != OFF and fleet.is_draining[w] == OPEN:
            number -= 1
            if fleet.num_running[w] > 0:
                fleet.is_draining[w] = DRAINING
                fleet.num_active -= 1
                note_places(fleet, w)
            else:
                stop(fleet, w, now)
