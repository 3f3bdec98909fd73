"""What contiguous against paged came to: figures, bands, and all six shadows. Pure."""

from collections.abc import Sequence, Set
from typing import TypeVar

from lab.allocators.observed import Observed, PagedBands, paged_bands
from lab.allocators.shadow import Moment
from lab.experiments.contiguous_sides import (
    BANDS,
    Memory,
    Side,
    all_shadows,
    contiguous_side,
    most_empty,
    paged_side,
)
from lab.experiments.outcome import Figure, Outcome, Plot, Series, Table
from lab.messages import RequestReport

MAX_POINTS = 120
T = TypeVar("T")


def outcome(
    memory: Memory,
    observed: Observed,
    own: Set[int],
    reports: Sequence[RequestReport],
) -> Outcome:
    """``own``: short ids of the run's requests, each of which has left the engine."""
    served = [observed.served[one] for one in sorted(own)]
    first = min(one.arrival for one in served)
    paged = [
        (seen.step - first, paged_bands(seen, own, memory.block_size))
        for seen in observed.frames
        if seen.step >= first
    ]
    shadows = all_shadows(memory, served)
    sides = {
        one.name: contiguous_side(moments) if moments else None
        for one, moments in shadows.items()
    }
    chosen = shadows[memory]
    blocks, regions = paged_side(paged), sides[memory.name]
    emptiest = most_empty(observed, own, memory.block_size)
    return Outcome(
        answer=float(regions.num_at_once) if regions else 0.0,
        says=_says(memory, blocks, regions, len(reports)),
        figures=_figures(memory, blocks, regions, emptiest),
        tables=[_table(blocks, sides)],
        plots=_plots(memory, paged, chosen),
    )


def _says(memory: Memory, blocks: Side, regions: Side | None, number: int) -> str:
    held = f"In blocks {blocks.num_at_once} of the {number} were in memory at once"
    if regions is None:
        return (
            f"{held}. A region of {memory.longest:,} tokens does not fit this pool of "
            f"{memory.num_tokens:,} even when it is empty, so none could be served."
        )
    says = (
        f"{held}, measured; in regions ({memory.name}) {regions.num_at_once} of the "
        f"same requests, computed from how these ran."
    )
    if regions.while_waiting is None:
        return f"{says} None had to wait there, so the memory was not full."
    return (
        f"{says} While requests waited for a region, {regions.while_waiting[0]:.0f} % "
        "of the memory held tokens."
    )


def _figures(
    memory: Memory, blocks: Side, regions: Side | None, emptiest: int
) -> list[Figure]:
    none = Side(0, 0, None, None)
    there = regions or none
    figures = [
        Figure("in memory at once, in blocks", blocks.num_at_once, "requests"),
        Figure(
            f"in memory at once, in regions ({memory.name})",
            there.num_at_once,
            "requests",
            "derived",
        ),
        Figure("of the blocks' places held tokens", blocks.of_held, "%"),
        Figure("of the regions' places held tokens", there.of_held, "%", "derived"),
        Figure("most empty places of a request's blocks", emptiest, "tokens"),
        Figure("steps until the last was done, in blocks", blocks.num_steps),
    ]
    if regions is not None:
        figures.append(
            Figure(
                "steps until the last was done, in regions",
                regions.num_steps,
                "",
                "derived",
            )
        )
    if blocks.while_waiting:
        label = "of the pool held tokens while requests waited, in blocks"
        figures.append(Figure(label, blocks.while_waiting[0], "%"))
    if there.while_waiting:
        label = "of the pool held tokens while requests waited, in regions"
        figures.append(Figure(label, there.while_waiting[0], "%", "derived"))
    return figures


def _table(blocks: Side, sides: dict[str, Side | None]) -> Table:
    """All six, and blocks; the shares are of the pool while a request waited."""
    unknown: tuple[float | None, ...] = (None,) * len(BANDS)
    rows: list[list[object]] = []
    for name, side in sides.items():
        if side is None:
            rows.append([name, 0, None, "never fits", *unknown])
            continue
        shares = side.while_waiting or ("none waited",) * len(BANDS)
        rows.append([name, side.num_at_once, side.num_steps, side.of_held, *shares])
    tokens, empty, _, free = blocks.while_waiting or ("none waited",) * 4
    measured = [blocks.num_at_once, blocks.num_steps, blocks.of_held]
    rows.append(["blocks, measured", *measured, tokens, 0, empty, 0, 0, free])
    return Table(
        "All reservations and allocators; of the pool while a request waited, in %",
        [
            "",
            "at once",
            "steps",
            "tokens, % of what is held",
            "tokens",
            "reserved, to come",
            "internal fragmentation",
            "rounding",
            "external fragmentation",
            "free",
        ],
        rows,
    )


def _plots(
    memory: Memory,
    paged: Sequence[tuple[int, PagedBands]],
    moments: Sequence[Moment],
) -> list[Plot]:
    until = float(max(paged[-1][0], moments[-1].step if moments else 0))
    across = "steps since the first came"
    frames, steps = _some(paged), _some(moments)

    def of_blocks(name: str) -> list[tuple[float, float]]:
        return [(float(step), float(getattr(bands, name))) for step, bands in frames]

    def of_regions(name: str) -> list[tuple[float, float]]:
        return [(float(one.step), float(getattr(one.bands, name))) for one in steps]

    blocks = [
        Series("tokens", of_blocks("tokens"), "used"),
        Series("empty in the last blocks", of_blocks("empty"), "warning"),
        Series("blocks of others", of_blocks("others"), "muted"),
        Series("free", of_blocks("free"), "free"),
    ]
    regions = [
        Series("tokens", of_regions("tokens"), "used"),
        Series("reserved, to come", of_regions("to_come"), "cached"),
        Series("internal fragmentation", of_regions("internal"), "warning"),
        Series("rounded up to a power of two", of_regions("rounding"), "link"),
        Series("external fragmentation", of_regions("external"), "ink"),
        Series("free", of_regions("free"), "free"),
    ]
    at_once = [
        Series(
            "in blocks",
            [(float(step), float(bands.num_held)) for step, bands in frames],
            "used",
        ),
        Series(
            "in regions",
            [(float(one.step), float(one.num_held)) for one in steps],
            "link",
        ),
    ]
    kept = [one for one in blocks + regions if any(y for _, y in one.points)]
    return [
        Plot(
            "The memory in blocks, measured",
            across,
            "tokens",
            [one for one in blocks if one in kept],
            look="bands",
            until=until,
        ),
        Plot(
            f"The same memory in regions ({memory.name}), computed",
            across,
            "tokens",
            [one for one in regions if one in kept],
            look="bands",
            until=until,
        ),
        Plot("In memory at once", across, "requests", at_once, until=until),
    ]


def _some(points: Sequence[T]) -> list[T]:
    """Evenly, the last among them."""
    every = -(-len(points) // MAX_POINTS) or 1
    return [*points[:-1:every], *points[-1:]]
