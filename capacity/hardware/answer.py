"""The answer to a form: the engine chosen, its parts in words, and all cards ranked."""

from dataclasses import dataclass, replace
from datetime import date

from capacity.hardware.bar import Bar, bar_of
from capacity.hardware.query import CHEAPEST, FEWEST, FIELDS_OF_SETTINGS, Asked
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
from planning.memory.sizing import Estimate, estimate
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
    found: Estimate
    offer: Offer | None
    bar: Bar
    lines: tuple[Line, ...]
    verdict: str
    reasons: tuple[str, ...]
    sum_in_words: str
    ranking: tuple[Choice, ...]


def answer(asked: Asked, today: date) -> Answer:
    """Raises BadSetting with the form's name of the field."""
    try:
        need = asked.need()
        ranking = rank(need, today)
        card, found = _chosen(asked, need, ranking)
    except BadConfig as error:
        raise BadSetting("config", f"{error.field} {error.reason}") from error
    except BadSetting as error:
        name = FIELDS_OF_SETTINGS.get(error.field, error.field)
        raise BadSetting(name, error.reason) from error
    bar = bar_of(found)
    num_gpus = found.settings.num_gpus
    return Answer(
        model=need.model,
        num_params=num_params(need.model),
        gpu=card,
        num_gpus=num_gpus,
        found=found,
        offer=cheapest_offer(card.id, num_gpus, today),
        bar=bar,
        lines=tuple(_lines(found, card, bar)),
        verdict=verdict(found),
        reasons=reasons(found) + card_notes(card, found),
        sum_in_words=_sum_in_words(need.model, found),
        ranking=ranking,
    )


def _chosen(
    asked: Asked, need: Need, ranking: tuple[Choice, ...]
) -> tuple[Gpu, Estimate]:
    """The card asked for, or the first of the ranking, on as many as asked for."""
    card = ranking[0].gpu if asked.gpu == CHEAPEST else gpu(asked.gpu)
    if asked.tp != FEWEST:
        tp = int(asked.tp)
        return card, estimate(settings_for(need, card, tp, asked.pp))
    if asked.pp > 1:
        return card, estimate(settings_for(need, card, 1, asked.pp))
    mine = next(choice for choice in ranking if choice.gpu.id == card.id)
    if mine.found is None:
        return card, estimate(settings_for(need, card, GPU_COUNTS[0]))
    return card, mine.found


def _lines(found: Estimate, card: Gpu, bar: Bar) -> list[Line]:
    lines = [_weights(found), *_overhead(found, card), *_cache(found)]
    letters = bar.letters()
    return [replace(one, letter=letters.get(one.name, "")) for one in lines]


def _weights(found: Estimate) -> Line:
    parts = ", ".join(
        f"{name} {size / GIB:,.1f}"
        for name, size in found.weight_parts.items()
        if size >= _SHOWN_FROM_BYTES
    )
    scheme = found.settings.model.scheme.name
    how = f"{scheme}, as vLLM allocates each tensor. GiB: {parts}."
    return _line("weights", "Weights", found.weights, "derived", how)


def _overhead(found: Estimate, card: Gpu) -> list[Line]:
    settings, overhead = found.settings, found.overhead
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


def _cache(found: Estimate) -> list[Line]:
    settings = found.settings
    blocks = (
        f"{settings.num_users:,} × {found.blocks_per_user:,} blocks of "
        f"{found.layout.block_bytes:,} bytes."
    )
    pool = (
        f"{settings.gpu_memory_utilization:g} × {found.total.value / GIB:,.2f} GiB "
        "less all of the above but the users."
    )
    asked = Interval.exact(found.kv_bytes_asked)
    return [
        _line("kv", "KV cache of the users", asked, "derived", blocks),
        _line("free", "KV pool in all", found.pool, "estimated", pool),
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


def _sum_in_words(model: Model, found: Estimate) -> str:
    """The rule of thumb, with this model's numbers, over all GPUs, in GB."""
    settings = found.settings
    num_gpus = settings.num_gpus
    weights = found.weights.value * num_gpus / GB
    users = found.kv_bytes_asked * num_gpus / GB
    overhead = found.overhead.budgeted.value * num_gpus / GB
    people = "1 user" if settings.num_users == 1 else f"{settings.num_users:,} users"
    return (
        f"{num_params(model) / GB:,.1f} billion parameters in "
        f"{settings.model.scheme.bits:g} bit are {weights:,.1f} GB by themselves. "
        f"{people} with {settings.max_model_len:,} tokens each add {users:,.1f} GB of "
        f"KV cache, the engine takes {overhead:,.1f} GB besides: "
        f"{weights + users + overhead:,.1f} GB in all."
    )
