"""The answer to a form: the engine chosen, its parts in words, and all cards ranked."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from capacity.hardware.bar import Bar, bar_of
from capacity.hardware.deployment import Deployment, deployment
from capacity.hardware.query import CHEAPEST, FEWEST, FIELDS_OF_SETTINGS, HardwareQuery
from capacity.hardware.table import Line, lines_of
from planning.catalog.gpus import Gpu, gpu
from planning.errors import BadConfig, BadSetting
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
    deployment: Deployment | None
    """How to start it; None where it would not."""


def answer(query: HardwareQuery, today: date) -> Answer:
    """Raises BadSetting with the form's name of the field."""
    with _in_the_forms_words():
        need = query.need()
        ranking = rank(need, today)
        card, estimate = _chosen(query, need, ranking)
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
        lines=tuple(lines_of(estimate, card, bar)),
        verdict=verdict(estimate),
        reasons=reasons(estimate) + card_notes(card, estimate),
        sum_in_words=_sum_in_words(need.model, estimate),
        ranking=ranking,
        deployment=deployment(query, need.model, card, estimate),
    )


def chosen(query: HardwareQuery, today: date) -> tuple[Gpu, MemoryEstimate]:
    """The card and the engine's memory alone; raises BadSetting likewise."""
    with _in_the_forms_words():
        need = query.need()
        return _chosen(query, need, rank(need, today))


@contextmanager
def _in_the_forms_words() -> Iterator[None]:
    """Faults about an engine's setting, by the form's field."""
    try:
        yield
    except BadConfig as error:
        raise BadSetting("config", f"{error.field} {error.reason}") from error
    except BadSetting as error:
        name = FIELDS_OF_SETTINGS.get(error.field, error.field)
        raise BadSetting(name, error.reason) from error


def _chosen(
    query: HardwareQuery, need: Need, ranking: tuple[Choice, ...]
) -> tuple[Gpu, MemoryEstimate]:
    """The card asked for, or the first of the ranking, on as many as asked for."""
    card = ranking[0].gpu if query.gpu == CHEAPEST else gpu(query.gpu)
    if card.part_of:
        if query.pp > 1 or query.dp > 1 or query.tp not in (FEWEST, "1"):
            raise BadSetting("tp", "is more than a MIG slice: no link joins slices.")
        return card, estimate_memory(settings_for(need, card))
    if query.tp != FEWEST:
        tp = int(query.tp)
        return card, estimate_memory(settings_for(need, card, tp, query.pp))
    if query.pp > 1:
        return card, estimate_memory(settings_for(need, card, 1, query.pp))
    mine = next(choice for choice in ranking if choice.gpu.id == card.id)
    if mine.estimate is None:
        return card, estimate_memory(settings_for(need, card, GPU_COUNTS[0]))
    return card, mine.estimate


def _sum_in_words(model: Model, estimate: MemoryEstimate) -> str:
    """The rule of thumb, with this model's numbers, over all GPUs, in GB."""
    settings = estimate.settings
    num_gpus = settings.num_gpus
    weights = estimate.weights.value * num_gpus / GB
    users = estimate.kv_bytes_asked * num_gpus / GB
    overhead = estimate.overhead.budgeted.value * num_gpus / GB
    how = "are {:,.1f} GB by themselves"
    if settings.loras or settings.drafter:
        how = "with all that is loaded beside them are {:,.1f} GB"
    elif settings.dp > 1:
        how = f"take {{:,.1f}} GB in {settings.dp} engines together"
    people = "1 user" if settings.num_users == 1 else f"{settings.num_users:,} users"
    return (
        f"{num_params(model) / GB:,.1f} billion parameters in "
        f"{settings.model.scheme.bits:g} bit {how.format(weights)}. "
        f"{people} with {settings.max_model_len:,} tokens each add {users:,.1f} GB of "
        f"KV cache, the engine takes {overhead:,.1f} GB besides: "
        f"{weights + users + overhead:,.1f} GB in all."
    )
