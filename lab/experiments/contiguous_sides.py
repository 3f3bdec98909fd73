"""The two sides of contiguous against paged: who is held, and shares. Pure."""

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

from lab.allocators.observed import Observed, PagedBands
from lab.allocators.shadow import (
    ALLOCATORS,
    RESERVATIONS,
    Moment,
    NeverFits,
    Served,
    Shadow,
    replayed,
)

RESERVATION_WORDS = {
    "max": "Max: the longest possible",
    "pow2": "Pow2: rounded up",
    "oracle": "Oracle: what it will need",
}
ALLOCATOR_WORDS = {
    "buddy": "buddy: powers of two",
    "first-fit": "first fit: exact sizes",
}
SHORT = {"buddy": "buddy", "first-fit": "first fit"}


@dataclass(frozen=True)
class Memory:
    """The contiguous side of one run; sizes in tokens."""

    allocator: str
    reservation: str
    block_size: int
    num_tokens: int
    longest: int
    max_running: int

    def shadow(self) -> Shadow:
        """A new one, empty."""
        return Shadow(
            self.allocator,
            self.reservation,
            self.num_tokens,
            self.longest,
            self.max_running,
        )

    @property
    def name(self) -> str:
        """ "Max, buddy"."""
        return f"{self.reservation.title()}, {SHORT[self.allocator]}"


@dataclass(frozen=True)
class Side:
    """One side in sums over steps, of which each number is a share."""

    num_at_once: int
    num_steps: int
    """Until the last request was done."""
    of_held: float | None
    """Percent of what blocks or regions took that held tokens;"""
    while_waiting: tuple[float, ...] | None
    """percent of the pool, by band, while a request waited; None: none did."""


PAGED_BANDS = ("tokens", "empty", "others", "free")
BANDS = ("tokens", "to_come", "internal", "rounding", "external", "free")


def all_shadows(memory: Memory, served: Sequence[Served]) -> dict[Memory, list[Moment]]:
    """Every step of each allocator and reservation; none where one never fits."""
    found: dict[Memory, list[Moment]] = {}
    for allocator in ALLOCATORS:
        for reservation in RESERVATIONS:
            one = replace(memory, allocator=allocator, reservation=reservation)
            try:
                found[one] = replayed(one.shadow(), served)
            except NeverFits:
                found[one] = []
    return found


def most_empty(observed: Observed, own: Set[int], block_size: int) -> int:
    """The most places that one request had in its blocks without a token in them."""
    return max(
        (
            len(one.block_ids) * block_size - one.num_computed_tokens
            for seen in observed.frames
            for one in seen.requests
            if one.short_id in own and one.block_ids
        ),
        default=0,
    )


def _share(part: float, whole: float) -> float | None:
    return 100 * part / whole if whole else None


def contiguous_side(moments: Sequence[Moment]) -> Side:
    full = [one.bands for one in moments if one.num_waiting]
    pool = sum(bands.pool for bands in full)
    return Side(
        num_at_once=max(one.num_held for one in moments),
        num_steps=moments[-1].step,
        of_held=_share(
            sum(one.bands.tokens for one in moments),
            sum(one.bands.held for one in moments),
        ),
        while_waiting=tuple(
            100 * sum(getattr(bands, name) for bands in full) / pool for name in BANDS
        )
        if full
        else None,
    )


def paged_side(paged: Sequence[tuple[int, PagedBands]]) -> Side:
    """A frame counts for the steps since the one before it."""
    weighed = [
        (bands, step - before)
        for (step, bands), (before, _) in zip(paged[1:], paged[:-1], strict=True)
    ]
    full = [(bands, steps) for bands, steps in weighed if bands.num_waiting]
    pool = sum(bands.pool * steps for bands, steps in full)
    ends = [step for step, bands in paged if bands.num_held or bands.num_waiting]
    return Side(
        num_at_once=max(bands.num_held for _, bands in paged),
        num_steps=max(ends, default=0),
        of_held=_share(
            sum(bands.tokens * steps for bands, steps in weighed),
            sum((bands.tokens + bands.empty) * steps for bands, steps in weighed),
        ),
        while_waiting=tuple(
            100 * sum(getattr(bands, name) * steps for bands, steps in full) / pool
            for name in PAGED_BANDS
        )
        if pool
        else None,
    )
