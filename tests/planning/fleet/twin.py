"""A second simulator of autoscaled instances, as naive as can be, to hold the compiled
one against. It shares no code with it: plain lists, loads integrated from the whole
history, and each autoscaler written down as its own source has it.
"""

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, field

TICK, ARRIVAL, DONE, READY = range(4)


@dataclass
class Instance:
    """One that is starting, ready or, when it is draining, on its way out."""

    is_ready: bool = False
    is_draining: bool = False
    num_running: int = 0


@dataclass
class Twin:
    """Requests that all take ``service_s``, on instances of ``concurrency`` places."""

    concurrency: int
    service_s: float
    start_up_s: float
    most: int
    tick_s: float
    decide: Callable[["Twin", float], int]
    wakes: bool = False
    slots: list[Instance | None] = field(default_factory=list)
    queue: int = 0
    history: list[tuple[float, int]] = field(default_factory=lambda: [(0.0, 0)])
    trajectory: list[int] = field(default_factory=list)

    def run(self, arrivals: list[float], until: float) -> list[int]:
        """Instances that are meant to be there, after each look."""
        self.slots += [None] * (self.most - len(self.slots))
        self._events: list[tuple[float, int, int]] = []
        for time in arrivals:
            heapq.heappush(self._events, (time, ARRIVAL, 0))
        heapq.heappush(self._events, (self.tick_s, TICK, 0))
        while self._events and self._events[0][0] <= until:
            now, kind, slot = heapq.heappop(self._events)
            self._happen(now, kind, slot)
            self.history.append((now, self.load))
        return self.trajectory

    @property
    def load(self) -> int:
        """Requests that wait or run."""
        return self.queue + sum(one.num_running for one in self.slots if one)

    @property
    def active(self) -> int:
        """Instances that are starting or take requests in."""
        return sum(1 for one in self.slots if one and not one.is_draining)

    @property
    def ready(self) -> int:
        """Of those, the ones that take requests in."""
        return sum(
            1 for one in self.slots if one and one.is_ready and not one.is_draining
        )

    def mean_load(self, now: float, window_s: float) -> float:
        """Over the last seconds, or since time 0."""
        begin = max(now - window_s, 0.0)
        area, ends = 0.0, [time for time, _ in self.history[1:]] + [now]
        for (time, load), end in zip(self.history, ends, strict=True):
            area += load * max(end - max(time, begin), 0.0)
        return area / (now - begin)

    def _happen(self, now: float, kind: int, slot: int) -> None:
        if kind == TICK:
            heapq.heappush(self._events, (now + self.tick_s, TICK, 0))
            self._scale_to(now, self.decide(self, now))
            self.trajectory.append(self.active)
        elif kind == ARRIVAL:
            self.queue += 1
            if self.wakes and self.active == 0:
                self._scale_to(now, 1)
        elif kind == READY:
            one = self.slots[slot]
            assert one is not None
            one.is_ready = True
        else:
            one = self.slots[slot]
            assert one is not None
            one.num_running -= 1
            if one.is_draining and one.num_running == 0:
                self.slots[slot] = None
        self._admit(now)

    def _admit(self, now: float) -> None:
        while self.queue:
            free = [
                (one.num_running, slot)
                for slot, one in enumerate(self.slots)
                if one and one.is_ready and not one.is_draining
                if one.num_running < self.concurrency
            ]
            if not free:
                return
            slot = min(free)[1]
            one = self.slots[slot]
            assert one is not None
            one.num_running += 1
            self.queue -= 1
            heapq.heappush(self._events, (now + self.service_s, DONE, slot))

    def _scale_to(self, now: float, wanted: int) -> None:
        for one in self.slots:
            if one and one.is_draining and self.active < wanted:
                one.is_draining = False
        for slot, one in enumerate(self.slots):
            if one is None and self.active < wanted:
                self.slots[slot] = Instance()
                heapq.heappush(self._events, (now + self.start_up_s, READY, slot))
        for slot, one in reversed(list(enumerate(self.slots))):
            if one and not one.is_draining and self.active > wanted:
                one.is_draining = one.num_running > 0
                if not one.is_draining:
                    self.slots[slot] = None
                    self._events = [
                        event for event in self._events if event[1:] != (READY, slot)
                    ]
                    heapq.heapify(self._events)


@dataclass
class Knative:
    """knative/serving, pkg/autoscaler/scaling/autoscaler.go, and the last instance kept
    for ``grace_s``."""

    target: float
    stable_s: float = 60.0
    panic_s: float = 6.0
    threshold: float = 2.0
    max_up: float = 1000.0
    max_down: float = 2.0
    grace_s: float = 30.0
    panic_time: float | None = None
    max_panic: int = 0
    wanted_at: float = 0.0

    def __call__(self, twin: Twin, now: float) -> int:
        if twin.active == 0:
            return 0
        ready = max(1, twin.ready)
        stable = math.ceil(twin.mean_load(now, self.stable_s) / self.target - 1e-9)
        panic = math.ceil(twin.mean_load(now, self.panic_s) / self.target - 1e-9)
        if panic / ready >= self.threshold:
            self.panic_time = now
        elif self.panic_time is not None and self.panic_time + self.stable_s < now:
            self.panic_time, self.max_panic = None, 0
        wanted = stable
        if self.panic_time is not None:
            self.max_panic = max(self.max_panic, panic, stable, twin.active)
            wanted = self.max_panic
        wanted = min(wanted, math.ceil(self.max_up * max(1, twin.active)), twin.most)
        wanted = max(wanted, math.floor(twin.active / self.max_down))
        if stable > 0:
            self.wanted_at = now
        if wanted == 0:
            return 0 if now - self.wanted_at >= self.grace_s else 1
        return wanted


@dataclass
class RayServe:
    """ray/serve/autoscaling_policy.py, at each arrival of metrics."""

    target: float
    look_back_s: float = 30.0
    up_delay_s: float = 30.0
    down_delay_s: float = 600.0
    up_factor: float = 1.0
    down_factor: float = 1.0
    least: int = 1
    over_since: float | None = None
    under_since: float | None = None

    def __call__(self, twin: Twin, now: float) -> int:
        current = twin.active
        desired = twin.mean_load(now, self.look_back_s) / self.target
        factor = self.up_factor if desired > current else self.down_factor
        scaled = math.ceil(current + factor * (desired - current) - 1e-9)
        if math.ceil(desired - 1e-9) < current and scaled == current:
            scaled -= 1
        bounded = max(self.least, min(twin.most, scaled))
        if bounded > current:
            self.under_since = None
            if self.over_since is None:
                self.over_since = now
            if now - self.over_since >= self.up_delay_s - 1e-6:
                self.over_since = None
                return bounded
        elif bounded < current:
            self.over_since = None
            if self.under_since is None:
                self.under_since = now - twin.tick_s
            if now - self.under_since >= self.down_delay_s - 1e-6:
                self.under_since = now
                return bounded
        else:
            self.over_since = self.under_since = None
        return current


@dataclass
class Keda:
    """A HorizontalPodAutoscaler between one and many, and KEDA's cooldown to zero."""

    target: float
    window_s: float = 300.0
    cooldown_s: float = 300.0
    tolerance: float = 0.1
    every_zero_look: int = 2
    looks: int = 0
    active_at: float = 0.0
    recommendations: list[tuple[float, int]] = field(default_factory=list)

    def __call__(self, twin: Twin, now: float) -> int:
        self.looks += 1
        load, current = twin.load, twin.active
        if current == 0:
            self.recommendations.append((now, 0))
            if self.looks % self.every_zero_look == 0 and load > 0:
                self.active_at = now
                return 1
            return 0
        if load > 0:
            self.active_at = now
        ratio = load / self.target / current
        recommended = math.ceil(load / self.target - 1e-9)
        if load > 0 and abs(ratio - 1) <= self.tolerance:
            recommended = current
        recommended = min(recommended, twin.most)
        self.recommendations.append((now, recommended))
        if recommended >= current:
            return min(recommended, max(2 * current, current + 4))
        highest = max(
            number
            for time, number in self.recommendations
            if time >= now - self.window_s - 1e-6
        )
        if (
            recommended == 0
            and current == 1
            and now - self.active_at >= self.cooldown_s
        ):
            return 0
        return min(max(highest, 1), current)
