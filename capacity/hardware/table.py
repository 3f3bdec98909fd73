"""The table beside the bar: each part of one GPU's memory, and how it comes about."""

from dataclasses import dataclass, replace

from capacity.hardware.bar import Bar
from planning.catalog.gpus import Gpu
from planning.interval import GIB, Interval, Kind
from planning.memory.sizing import MemoryEstimate

_SHOWN_FROM_BYTES = 0.05 * GIB


@dataclass(frozen=True)
class Line:
    """A row: one part of one GPU's memory, GiB."""

    name: str
    letter: str
    label: str
    gib: float
    low_gib: float | None
    high_gib: float | None
    kind: Kind
    how: str


def lines_of(estimate: MemoryEstimate, card: Gpu, bar: Bar) -> list[Line]:
    lines = [_weights(estimate), *_overhead(estimate, card), *_cache(estimate)]
    letters = bar.letters()
    return [replace(one, letter=letters.get(one.name, "")) for one in lines]


def _weights(estimate: MemoryEstimate) -> Line:
    parts = ", ".join(
        f"{name} {size / GIB:,.1f}"
        for name, size in estimate.weight_parts.items()
        if size >= _SHOWN_FROM_BYTES
    )
    scheme = estimate.settings.model.scheme.title
    how = f"{scheme}, as vLLM allocates each tensor. GiB: {parts}."
    return _line("weights", "Weights", estimate.weights, "derived", how)


def _overhead(estimate: MemoryEstimate, card: Gpu) -> list[Line]:
    settings, overhead = estimate.settings, estimate.overhead
    step = (
        f"Peak of a step of {settings.max_num_batched_tokens:,} tokens and "
        f"{settings.max_num_seqs:,} requests; grows with the vocabulary."
    )
    logs = "No logs of this card were read: a wide guess."
    if card.is_calibrated:
        logs = "From logs of vLLM 0.19 on H100s."
    name, graphs = "overhead", "Taken off before the KV cache is sized."
    if not overhead.are_graphs_budgeted:
        name = ""
        graphs = "Captured after the KV cache is sized: beside it, from what is kept."
    kind: Kind = "estimated"
    return [
        _line("overhead", "Activations", overhead.activation, kind, step),
        _line("overhead", "CUDA, communication", overhead.non_torch, kind, logs),
        _line(name, "CUDA graphs", overhead.cuda_graphs, kind, graphs),
        *_cold(overhead.cold_start),
    ]


def _cold(size: Interval) -> list[Line]:
    how = (
        "What compiling leaves where the compile cache is cold; none where it is warm."
    )
    line = _line("overhead", "Cold start", size, "estimated", how)
    return [line] if size.high else []


def _cache(estimate: MemoryEstimate) -> list[Line]:
    settings = estimate.settings
    blocks = (
        f"{settings.users_of_an_engine:,} × {estimate.blocks_per_user:,} blocks of "
        f"{estimate.layout.block_bytes:,} bytes."
    )
    pool = (
        f"{settings.gpu_memory_utilization:g} × {estimate.total.value / GIB:,.2f} GiB "
        "less all of the above but the users."
    )
    of_users = estimate.kv_of_users
    kind: Kind = "estimated" if of_users.width else "derived"
    return [
        _line("kv", "KV cache of the users", of_users, kind, blocks),
        _line("free", "KV pool in all", estimate.pool, "estimated", pool),
    ]


def _line(name: str, label: str, size: Interval, kind: Kind, how: str) -> Line:
    has_interval = size.width > 0
    return Line(
        name,
        "",
        label,
        size.value / GIB,
        size.low / GIB if has_interval else None,
        size.high / GIB if has_interval else None,
        kind,
        how,
    )
