"""A shadow: the requests of a paged engine, in one region of memory each. Pure.

What it takes over from the engine is observed: when each request came, its prompt and
answer, and how many of its tokens were in memory after how many of its own steps
(Served). What it assumes:

- First come, first served. A request whose region does not fit waits, and so do all
  behind it; at most ``max_running`` are in memory.
- In memory it takes as many steps as it took in the engine, with the same tokens after
  each. What it computed twice there, because it was preempted, it computes once.
- A step is a step, whatever runs in it: times are compared in steps, not in seconds.

Reservations are those of the PagedAttention paper (Kwon et al., SOSP 2023, section
6.1): ``max`` the longest that the model takes; ``pow2`` prompt and the next power of
two from the answer on; ``oracle`` prompt and answer exactly. Sizes are in tokens; the
last token of an answer is sampled and never computed, so it has no place in memory.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lab.allocators.contiguous import BuddyAllocator, Region, order_of
from lab.allocators.first_fit import FirstFitAllocator


class Allocator(Protocol):
    """Regions of one pool."""

    def allocate(self, num_units: int) -> Region | None:
        """A region that holds so many units; None while none is free."""

    def free(self, region: Region) -> None:
        """Take it back."""

    def num_free_units(self) -> int:
        """Units in free pieces."""


ALLOCATORS: dict[str, Callable[[int], Allocator]] = {
    "buddy": BuddyAllocator,
    "first-fit": FirstFitAllocator,
}
RESERVATIONS = ("max", "pow2", "oracle")


def num_reserved(
    reservation: str, num_prompt: int, num_output: int, longest: int
) -> int:
    """Tokens that are set aside for a request when it is taken into memory."""
    if reservation == "max":
        return longest
    if reservation == "pow2":
        return min(num_prompt + (1 << order_of(num_output)), longest)
    if reservation == "oracle":
        return num_prompt + num_output - 1
    known = ", ".join(RESERVATIONS)
    raise ValueError(f"There is no reservation {reservation!r}: there are {known}.")


@dataclass
class Served:
    """One request as the engine served it, as far as that is known."""

    arrival: int
    """The step of the engine after which it was first seen."""
    num_prompt: int
    num_output: int = 0
    """Of its whole answer."""
    steps: list[int] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    """In memory from its own step ``steps[i]`` on; both ascend."""
    num_steps: int | None = None
    """Its steps from the first to the last; None while it is in the engine."""

    @property
    def num_held(self) -> int:
        """Its tokens in memory at the end."""
        return self.num_prompt + self.num_output - 1

    def tokens_at(self, step: int) -> int:
        """In memory at its own step, counted from 1: what was last told of it."""
        known = bisect_right(self.steps, step)
        return min(self.tokens[known - 1], self.num_held) if known else 0


@dataclass(frozen=True)
class Bands:
    """Where the places of a pool were at one step, in tokens; they sum to the pool."""

    tokens: int = 0
    """Hold keys and values of a request in memory."""
    to_come: int = 0
    """Reserved, and filled later."""
    internal: int = 0
    """Reserved, and never filled."""
    rounding: int = 0
    """In a region beyond what was reserved: a buddy is a power of two."""
    external: int = 0
    """Free, enough for who waits, and in no piece that holds it."""
    free: int = 0

    @property
    def held(self) -> int:
        """In regions."""
        return self.tokens + self.to_come + self.internal + self.rounding

    @property
    def pool(self) -> int:
        """All of them."""
        return self.held + self.external + self.free


@dataclass(frozen=True)
class Moment:
    """The shadow at one step."""

    step: int
    """From 0, when the first came."""
    bands: Bands
    num_held: int
    """Requests in memory,"""
    num_waiting: int
    """and waiting for it."""


class NeverFits(ValueError):
    """The empty pool has no room for a request; a sentence says so."""


@dataclass
class _Held:
    region: Region
    steps: int = 0


class Shadow:
    """A pool of ``num_tokens`` places, one step after the other."""

    def __init__(
        self,
        allocator: str,
        reservation: str,
        num_tokens: int,
        longest: int,
        max_running: int,
    ) -> None:
        self._num_tokens, self._longest = num_tokens, longest
        self._reservation, self._max_running = reservation, max_running
        self._pool = ALLOCATORS[allocator](num_tokens)
        self._waiting: deque[Served] = deque()
        self._held: list[tuple[Served, _Held]] = []
        self._step = -1

    @property
    def num_steps(self) -> int:
        """Taken so far."""
        return self._step + 1

    @property
    def is_idle(self) -> bool:
        """Nobody is in memory or waits."""
        return not (self._waiting or self._held)

    def arrive(self, served: Served) -> None:
        """A request comes; it may be taken in with the next step."""
        self._waiting.append(served)

    def step(self) -> Moment:
        """One step of the engine: who is done leaves, who fits is taken in.

        Raises NeverFits where the empty pool has no room for who is next.
        """
        self._step += 1
        for served, held in self._held:
            if served.num_steps is not None and held.steps >= served.num_steps:
                self._pool.free(held.region)
        self._held = [
            (served, held)
            for served, held in self._held
            if served.num_steps is None or held.steps < served.num_steps
        ]
        self._take_in()
        for _, held in self._held:
            held.steps += 1
        return self._moment()

    def _take_in(self) -> None:
        while self._waiting and len(self._held) < self._max_running:
            wanted = self._wanted(self._waiting[0])
            region = self._pool.allocate(wanted)
            if region is None:
                if not self._held:
                    raise NeverFits(
                        f"A region of {wanted:,} tokens does not fit into an empty "
                        f"pool of {self._num_tokens:,}."
                    )
                return
            self._held.append((self._waiting.popleft(), _Held(region)))

    def _wanted(self, served: Served) -> int:
        return num_reserved(
            self._reservation, served.num_prompt, served.num_output, self._longest
        )

    def _moment(self) -> Moment:
        tokens = to_come = internal = rounding = 0
        for served, held in self._held:
            now = served.tokens_at(held.steps)
            tokens += now
            to_come += served.num_held - now
            internal += held.region.reserved - served.num_held
            rounding += held.region.size - held.region.reserved
        free = self._pool.num_free_units()
        is_in_pieces = (
            bool(self._waiting)
            and len(self._held) < self._max_running
            and free >= self._wanted(self._waiting[0])
        )
        external, free = (free, 0) if is_in_pieces else (0, free)
        bands = Bands(tokens, to_come, internal, rounding, external, free)
        return Moment(self._step, bands, len(self._held), len(self._waiting))


def replayed(shadow: Shadow, served: Sequence[Served]) -> list[Moment]:
    """Every step of a new shadow until all of ``served`` are done, who are no longer
    in the engine. Raises NeverFits, and ValueError where one has not ended: it would
    hold its region for ever."""
    if unended := [one for one in served if one.num_steps is None]:
        raise ValueError(f"{len(unended)} of the requests have not ended.")
    coming = deque(sorted(served, key=lambda one: one.arrival))
    first = coming[0].arrival if coming else 0
    moments = []
    while coming or not shadow.is_idle:
        while coming and coming[0].arrival - first <= shadow.num_steps:
            shadow.arrive(coming.popleft())
        moments.append(shadow.step())
    return moments
