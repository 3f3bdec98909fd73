"""What contiguous against paged came to: figures, bands, and all six shadows. Pure."""

from collections.abc import Sequence, Set

from lab.allocators.observed import Observed, PagedBands, paged_bands
from lab.allocators.shadow import Bands, Moment
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
ACROSS = "steps since the first came"
BLOCK_SERIES = (
    ("tokens", "tokens", "used"),
    ("empty", "internal fragmentation, in last blocks", "warning"),
    ("others", "blocks of others", "muted"),
    ("free", "free", "free"),
)
REGION_SERIES = (
    ("tokens", "tokens", "used"),
    ("to_come", "reserved, to come", "cached"),
    ("internal", "internal fragmentation", "warning"),
    ("rounding", "rounded up to a power of two", "link"),
    ("external", "external fragmentation", "ink"),
    ("free", "free", "free"),
)
"""Field, words and colour of each band, the lowest first."""


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
    busy = [bool(bands.num_held or bands.num_waiting) for _, bands in paged]
    paged = paged[: len(busy) - busy[::-1].index(True) + 1]  # and the frame after
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
        answer_kind="derived",
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
        return (
            f"{says} None had to wait there, so the memory was not full: more "
            "requests, or longer ones, would fill it."
        )
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
        Figure(
            "internal fragmentation of one request, in blocks, at most",
            emptiest,
            "tokens",
        ),
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
    last = paged[-1][0]
    until = max(last, moments[-1].step if moments else 0)
    grid = [*range(0, until, -(-until // MAX_POINTS) or 1), until]
    frames = [(step, _last_of(paged, step)) for step in grid if step <= last]
    regions = [moments[step] for step in grid if step < len(moments)]
    steps = [(one.step, one.bands) for one in regions]
    return [
        _bands("The memory in blocks, measured", BLOCK_SERIES, frames, until),
        _bands(
            f"The same memory in regions ({memory.name}), computed",
            REGION_SERIES,
            steps,
            until,
        ),
        _at_once(grid, last, paged, regions),
    ]


def _last_of(paged: Sequence[tuple[int, PagedBands]], step: int) -> PagedBands:
    """As the last frame up to this step told it."""
    return next(bands for at, bands in reversed(paged) if at <= step)


def _bands(
    title: str,
    named: Sequence[tuple[str, str, str]],
    points: Sequence[tuple[int, PagedBands | Bands]],
    until: int,
) -> Plot:
    """Stacked; a band that is empty all the time is left out."""
    series = [
        Series(
            words,
            [(float(step), float(getattr(bands, name))) for step, bands in points],
            role,
        )
        for name, words, role in named
    ]
    return Plot(
        title,
        ACROSS,
        "tokens",
        [one for one in series if any(y for _, y in one.points)],
        look="bands",
        until=float(until),
    )


def _at_once(
    grid: Sequence[int],
    last: int,
    paged: Sequence[tuple[int, PagedBands]],
    regions: Sequence[Moment],
) -> Plot:
    """Of blocks none after the last frame: all of these requests had gone."""
    held = [_last_of(paged, step).num_held if step <= last else 0 for step in grid]
    computed = [one.num_held for one in regions] + [0] * (len(grid) - len(regions))
    return Plot(
        "In memory at once",
        ACROSS,
        "requests",
        [
            Series("in blocks, measured", _points(grid, held), "used"),
            Series("in regions, computed", _points(grid, computed), "warning"),
        ],
    )


def _points(grid: Sequence[int], values: Sequence[int]) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in zip(grid, values, strict=True)]
