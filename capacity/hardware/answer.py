"""The answer to a form: the engine chosen, its parts in words, and all cards ranked."""

from dataclasses import dataclass, replace
from datetime import date

from capacity.hardware.bar import Bar, bar_of
from capacity.hardware.query import CHEAPEST, FEWEST, FIELDS_OF_SETTINGS, HardwareQuery
from planning.catalog.gpus import Gpu, gpu
from planning.errors import BadConfig, BadSetting
from planning.interval import GIB, Interval, Kind
from planning.memory.model import Model
from planning.memory.ranking import (
    GPU_COUNTS,
    Choice,
    Need,
    Offer,
    cheapest_offer,
    rank,
    settings_for,
)
from planning.memory.sizing import MemoryEstimate, estimate_memory
from planning.memory.verdict import card_notes, reasons, verdict
from planning.memory.weights import num_params

GB = 10**9
_SHOWN_FROM_BYTES = 0.05 * GIB


@dataclass(frozen=True)
class Line:
    """A row of the table beside the bar: one part of one GPU's memory, GiB."""

    name: str
    letter: str
    label: str
    gib: float
    low_gib: float | None
    high_gib: float | None
    kind: Kind
    how: str


@dataclass(frozen=True)
class Answer:
    """All that the page shows of one question."""

    model: Model
    num_params: int
    gpu: Gpu
    num_gpus: int
    estimate: MemoryEstimate
    offer: Offer | None
    bar: Bar
    lines: tuple[Line, ...]
    verdict: str
    reasons: tuple[str, ...]
    sum_in_words: str
    ranking: tuple[Choice, ...]


def answer(query: HardwareQuery, today: date) -> Answer:
    """Raises BadSetting with the form's name of the field."""
    try:
        need = query.need()
        ranking = rank(need, today)
        card, estimate = _chosen(query, need, ranking)
    except BadConfig as error:
        raise BadSetting("config", f"{error.field} {error.reason}") from error
    except BadSetting as error:
        name = FIELDS_OF_SETTINGS.get(error.field, error.field)
        raise BadSetting(name, error.reason) from error
    bar = bar_of(estimate)
    num_gpus = estimate.settings.num_gpus
    return Answer(
        model=need.model,
        num_params=num_params(need.model),
        gpu=card,
        num_gpus=num_gpus,
        estimate=estimate,
        offer=cheapest_offer(card.id, num_gpus, today),
        bar=bar,
        lines=tuple(_lines(estimate, card, bar)),
        verdict=verdict(estimate),
        reasons=reasons(estimate) + card_notes(card, estimate),
        sum_in_words=_sum_in_words(need.model, estimate),
        ranking=ranking,
    )


def _chosen(
    query: HardwareQuery, need: Need, ranking: tuple[Choice, ...]
) -> tuple[Gpu, MemoryEstimate]:
    """The card asked for, or the first of the ranking, on as many as asked for."""
    card = ranking[0].gpu if query.gpu == CHEAPEST else gpu(query.gpu)
    if query.tp != FEWEST:
        tp = int(query.tp)
        return card, estimate_memory(settings_for(need, card, tp, query.pp))
    if query.pp > 1:
        return card, estimate_memory(settings_for(need, card, 1, query.pp))
    mine = next(choice for choice in ranking if choice.gpu.id == card.id)
    if mine.estimate is None:
        return card, estimate_memory(settings_for(need, card, GPU_COUNTS[0]))
    return card, mine.estimate


def _lines(estimate: MemoryEstimate, card: Gpu, bar: Bar) -> list[Line]:
    lines = [_weights(estimate), *_overhead(estimate, card), *_cache(estimate)]
    letters = bar.letters()
    return [replace(one, letter=letters.get(one.name, "")) for one in lines]


def _weights(estimate: MemoryEstimate) -> Line:
    parts = ", ".join(
        f"{name} {size / GIB:,.1f}"
        for name, size in estimate.weight_parts.items()
        if size >= _SHOWN_FROM_BYTES
    )
    scheme = estimate.settings.model.scheme.name
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
    ]


def _cache(estimate: MemoryEstimate) -> list[Line]:
    settings = estimate.settings
    blocks = (
        f"{settings.num_users:,} × {estimate.blocks_per_user:,} blocks of "
        f"{estimate.layout.block_bytes:,} bytes."
    )
    pool = (
        f"{settings.gpu_memory_utilization:g} × {estimate.total.value / GIB:,.2f} GiB "
        "less all of the above but the users."
    )
    of_users = Interval.exact(estimate.kv_bytes_asked)
    return [
        _line("kv", "KV cache of the users", of_users, "derived", blocks),
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


def _sum_in_words(model: Model, estimate: MemoryEstimate) -> str:
    """The rule of thumb, with this model's numbers, over all GPUs, in GB."""
    settings = estimate.settings
    num_gpus = settings.num_gpus
    weights = estimate.weights.value * num_gpus / GB
    users = estimate.kv_bytes_asked * num_gpus / GB
    overhead = estimate.overhead.budgeted.value * num_gpus / GB
    people = "1 user" if settings.num_users == 1 else f"{settings.num_users:,} users"
    return (
        f"{num_params(model) / GB:,.1f} billion parameters in "
        f"{settings.model.scheme.bits:g} bit are {weights:,.1f} GB by themselves. "
        f"{people} with {settings.max_model_len:,} tokens each add {users:,.1f} GB of "
        f"KV cache, the engine takes {overhead:,.1f} GB besides: "
        f"{weights + users + overhead:,.1f} GB in all."
    )
