"""How a step is shared, what a cluster sends, and how many cards a crowd needs."""

from datetime import date

from courseware.computed.models import GB, KIB, find_model
from courseware.computed.shown import Value
from planning.catalog.gpus import gpu
from planning.cluster.communication import communication
from planning.cluster.decode_step import batch_curve
from planning.cluster.demand import Demand, users_to_cards
from planning.errors import BadSetting
from planning.interval import GIB
from planning.memory.ranking import Need, settings_for
from planning.memory.sizing import estimate_memory
from planning.memory.weights import num_params
from planning.service.model_cost import weight_cost

MB = 1e6
BATCHES = (1, 512)


def gib_and_gb() -> dict[str, Value]:
    """How much more a gibibyte is than a gigabyte."""
    return {"gib_bytes": GIB, "percent_more": 100 * (GIB / GB - 1)}


def batch_limits(model: str, card: str, tokens: int) -> dict[str, Value]:
    """From how many requests in a step caches, or arithmetic, outweigh the weights.

    0: never.
    """
    need = Need(model=find_model(model), context=tokens)
    found = batch_curve(need, gpu(card), BATCHES, tokens)
    return {
        "model": need.model.name,
        "card": gpu(card).name,
        "tokens": tokens,
        "kv_overtakes": found.kv_overtakes_at or 0,
        "arithmetic_overtakes": found.arithmetic_overtakes_at or 0,
    }


def experts(model: str) -> dict[str, Value]:
    """Parameters of a mixture of experts, in all and those that compute one token."""
    found = find_model(model)
    if found.moe is None:
        raise BadSetting("model", f"{found.name} is no mixture of experts.")
    return {
        "model": found.name,
        "billions": num_params(found) / 1e9,
        "active_billions": weight_cost(found).active_params / 1e9,
        "experts": found.moe.num_experts,
        "chosen": found.moe.top_k,
    }


def tensor_traffic(model: str, tp: int) -> dict[str, Value]:
    """What tensor parallelism sends: exchanges a step, and bytes of a card a token."""
    found = find_model(model)
    sent = communication(found, tp)
    return {
        "model": found.name,
        "tp": tp,
        "all_reduces": sent.num_all_reduces,
        "kib_each": sent.tensor / sent.num_all_reduces / KIB,
        "mb_per_token": sent.tensor / MB,
    }


def models_on_cards(
    rows: str, card: str, other: str, context: int = 4096
) -> dict[str, Value]:
    """Weights, cache a token and users of several models on one of two cards.

    ``rows``: model, model:weights or model:weights:cache, with spaces between. The
    figures of a row begin with its letter: a, b, …
    """
    found: dict[str, Value] = {"context": context}
    for letter, row in zip("abcdefghij", rows.split(), strict=False):
        model, weights, cache = [*row.split(":"), "", ""][:3]
        need = Need(
            model=find_model(model, weights),
            context=context,
            kv_cache_dtype=cache or "auto",
        )
        for number, card_id in enumerate((card, other), start=1):
            estimate = estimate_memory(settings_for(need, gpu(card_id)))
            found[f"{letter}_users_{number}"] = int(estimate.users.value)
        found[f"{letter}_model"] = need.model.name
        found[f"{letter}_weights_gib"] = estimate.weights.value / GIB
        found[f"{letter}_kv_kib"] = estimate.kv_bytes_per_user / context / KIB
    return found


def crowd(
    model: str,
    card: str,
    tp: int,
    people: int,
    think_s: int,
    answer_s: int,
    prompt_tokens: int,
    output_tokens: int,
    headroom_percent: float,
    context: int,
    weights: str = "",
    cache: str = "auto",
) -> dict[str, Value]:
    """From people online to cards: Little's law, memory, arithmetic, headroom."""
    demand = Demand(
        num_people=people,
        think_s=think_s,
        prompt_tokens=prompt_tokens,
        output_tokens=output_tokens,
        answer_s=answer_s,
        headroom=1 + headroom_percent / 100,
    )
    need = Need(model=find_model(model, weights), kv_cache_dtype=cache, context=context)
    found = users_to_cards(demand, need, gpu(card), tp, today=date.today())
    offer = found.offer
    return {
        "model": need.model.name,
        "card": gpu(card).name,
        "people": people,
        "think_s": think_s,
        "answer_s": answer_s,
        "prompt_tokens": prompt_tokens,
        "output_tokens": output_tokens,
        "context": context,
        "rate_per_s": demand.requests_per_s,
        "at_once": found.at_once,
        "per_replica": found.users_per_replica,
        "replicas_by_memory": found.replicas_by_memory,
        "replicas_by_arithmetic": found.replicas_by_arithmetic,
        "share_percent": 100 * found.share,
        "headroom_percent": headroom_percent,
        "replicas": found.num_replicas,
        "at_once_each": found.at_once_each,
        "prompt_percent": 100 * found.prompt_share,
        "likely_answer_s": found.likely_answer_s,
        "cards": found.num_gpus,
        "price": ""
        if offer is None
        else f"At our list's lowest price that is ${offer.usd_per_hour:,.2f} an hour.",
    }
