"""Memory in one region per request, as servers did before pages: a buddy allocator.

Regions are powers of two of a unit (here one KV block), as the PagedAttention paper
assumes for its re-implementations of Orca (Kwon et al., SOSP 2023, section 6.1). A
pool whose size is no power of two is a row of buddies, the largest first:

    364 units  =  256 | 64 | 32 | 8 | 4

What a policy sets aside for a request: ``max`` the longest possible, ``pow2`` the next
power of two above what it will need (told the length roughly), ``oracle`` exactly what
it will need (told the length). Pure: no Django, no clock.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

POLICIES = ("max", "pow2", "oracle")


@dataclass(frozen=True)
class Region:
    """Units ``start`` to ``start + size``, of which ``reserved`` were asked for."""

    start: int
    size: int
    reserved: int


class BuddyAllocator:
    """Gives out regions; the smallest free piece that fits is halved until it does."""

    def __init__(self, num_units: int) -> None:
        if num_units < 1:
            raise ValueError(f"A pool has 1 unit or more, not {num_units}.")
        self.num_units = num_units
        self._free: dict[int, set[int]] = {}
        start = 0
        for order in reversed(range(num_units.bit_length())):
            if num_units >> order & 1:
                self._free.setdefault(order, set()).add(start)
                start += 1 << order
        self._roots = {
            (order, start) for order in self._free for start in self._free[order]
        }

    def allocate(self, num_units: int) -> Region | None:
        """A region of at least ``num_units``; None while no free piece holds it."""
        wanted = order_of(num_units)
        order = min((o for o, s in self._free.items() if s and o >= wanted), default=-1)
        if order < 0:
            return None
        start = min(self._free[order])
        self._free[order].remove(start)
        while order > wanted:
            order -= 1
            self._free.setdefault(order, set()).add(start + (1 << order))
        return Region(start, 1 << wanted, num_units)

    def free(self, region: Region) -> None:
        """Take a region back and join it with its buddy while that one is free."""
        order, start = order_of(region.size), region.start
        while (order, start) not in self._roots:
            base = self._root_of(start)
            buddy = base + ((start - base) ^ (1 << order))
            if buddy not in self._free.get(order, set()):
                break
            self._free[order].remove(buddy)
            start = min(start, buddy)
            order += 1
        self._free.setdefault(order, set()).add(start)

    def num_free_units(self) -> int:
        """Units in free pieces, whatever their sizes."""
        return sum(len(starts) << order for order, starts in self._free.items())

    def _root_of(self, start: int) -> int:
        return max(root for _, root in self._roots if root <= start)


def order_of(num_units: int) -> int:
    """The exponent of the smallest power of two that is at least ``num_units``."""
    if num_units < 1:
        raise ValueError(f"A region has 1 unit or more, not {num_units}.")
    return (num_units - 1).bit_length()


@dataclass(frozen=True)
class Work:
    """A request as it ran: when it came, and its tokens in memory at each step."""

    arrival: int
    tokens: Sequence[int]
    """Tokens whose keys and values are held, at its 1st, 2nd, … step in the engine."""


@dataclass(frozen=True)
class Holding:
    """One request in the pool at one step."""

    request: int
    region: Region
    num_tokens: int
    num_final_tokens: int


@dataclass(frozen=True)
class Moment:
    """The pool at one step: who is in it, and how many wait and are done."""

    holdings: list[Holding]
    num_waiting: int
    num_finished: int


def reserved_units(policy: str, final_units: int, longest_units: int) -> int:
    """Units that ``policy`` sets aside for a request that will need ``final_units``."""
    if policy == "max":
        return longest_units
    if policy == "pow2":
        return min(1 << order_of(final_units), longest_units)
    if policy == "oracle":
        return final_units
    raise ValueError(f"There is no policy {policy!r}: there are {', '.join(POLICIES)}.")


def replay(
    works: Sequence[Work], num_units: int, unit_tokens: int, longest: int, policy: str
) -> list[Moment]:
    """The same requests, first come first served, each in one region for its life.

    ``works`` in order of arrival (steps), ``longest`` in tokens. Every request needs as
    many steps as it took in the engine. Ends when all are done.
    """
    pool = BuddyAllocator(num_units)
    waiting: deque[int] = deque()
    running: dict[int, tuple[int, Region]] = {}
    moments: list[Moment] = []
    arrivals = deque(range(len(works)))
    num_finished, step = 0, 0
    while num_finished < len(works):
        while arrivals and works[arrivals[0]].arrival <= step:
            waiting.append(arrivals.popleft())
        for index in [
            i for i, (at, _) in running.items() if at == len(works[i].tokens)
        ]:
            pool.free(running.pop(index)[1])
            num_finished += 1
        while waiting:
            units = -(-max(works[waiting[0]].tokens) // unit_tokens)
            wanted = reserved_units(policy, units, -(-longest // unit_tokens))
            region = pool.allocate(wanted)
            if region is None:
                if not running:
                    raise ValueError(f"{wanted} units never fit into {num_units}.")
                break
            running[waiting.popleft()] = (0, region)
        holdings = [
            Holding(i, region, works[i].tokens[at], max(works[i].tokens))
            for i, (at, region) in running.items()
        ]
        moments.append(Moment(holdings, len(waiting), num_finished))
        running = {i: (at + 1, region) for i, (at, region) in running.items()}
        step += 1
    return moments
