"""Cards, and who fits on them: the numbers of the hardware calculator."""

from courseware.computed.models import find_model
from courseware.computed.shown import Value, span
from planning.catalog.gpus import Gpu, gpu
from planning.interval import GIB
from planning.memory.ranking import Need, settings_for
from planning.memory.sizing import MemoryEstimate, estimate_memory


def estimate_on(
    card: Gpu,
    model: str,
    weights: str,
    context: int,
    users: int = 1,
    gpu_memory_utilization: float = 0.92,
    tp: int = 1,
) -> MemoryEstimate:
    """The calculator's estimate on ``tp`` such cards, of each; raises BadSetting."""
    need = Need(
        model=find_model(model, weights),
        context=context,
        num_users=users,
        gpu_memory_utilization=gpu_memory_utilization,
    )
    return estimate_memory(settings_for(need, card, tp))


def visible(card: Gpu) -> str:
    """GiB that an engine can see of it: one number where a log was read, or a range."""
    return span(card.visible_gib)


def card(card: str) -> dict[str, Value]:
    """A card as the catalog has it, with what its sources say."""
    found = gpu(card)
    return {
        "card": found.name,
        "memory_gb": found.memory_gb,
        "visible_gib": visible(found),
        "visible_value_gib": found.visible_gib.value,
        "bandwidth_gb_s": found.mem_bw_gbs,
        "tflops_16_bit": found.fp16_dense_tflops,
    }


def specifications(cards: str) -> dict[str, Value]:
    """Memory as it is sold and as a program sees it, and bandwidth, of cards.

    In GB, GiB and GB/s; ``cards`` are ids of the catalog with spaces between.
    """
    values: dict[str, Value] = {}
    for one in (gpu(name) for name in cards.split()):
        key = one.id.replace("-", "_")
        values[f"{key}_memory_gb"] = one.memory_gb
        values[f"{key}_visible_gib"] = visible(one)
        values[f"{key}_gb_s"] = one.mem_bw_gbs
    return values


def compare_cards(card: str, other: str) -> dict[str, Value]:
    """One card's bandwidth and 16-bit arithmetic as shares of another's."""
    one, two = gpu(card), gpu(other)
    return {
        "card": one.name,
        "other": two.name,
        "bandwidth_percent": 100 * one.mem_bw_gbs / two.mem_bw_gbs,
        "tflops_percent": 100 * one.fp16_dense_tflops / two.fp16_dense_tflops,
    }


def users_on_card(
    card: str,
    model: str,
    weights: str = "",
    context: int = 4096,
    users: int = 1,
    gpu_memory_utilization: float = 0.92,
    tp: int = 1,
) -> dict[str, Value]:
    """The hardware calculator's estimate of a card, vLLM 0.32 with its defaults."""
    on = gpu(card)
    found = estimate_on(on, model, weights, context, users, gpu_memory_utilization, tp)
    kv_user = found.kv_bytes_per_user / GIB
    overhead = found.overhead.budgeted
    fixed = (found.weights.value + overhead.value) / GIB
    return {
        "card": on.name,
        "cards": tp,
        "model": found.settings.model.name,
        "visible_gib": on.visible_gib.value,
        "visible": visible(on),
        "percent": 100 * gpu_memory_utilization,
        "share": gpu_memory_utilization,
        "budget_gib": found.requested.value / GIB,
        "weights_gib": found.weights.value / GIB,
        "overhead_gib": overhead.value / GIB,
        "overhead": span(overhead.times(1 / GIB), ".1f"),
        "overhead_low_gib": overhead.low / GIB,
        "overhead_high_gib": overhead.high / GIB,
        "pool_gib": found.pool.value / GIB,
        "pool": span(found.pool.times(1 / GIB), ".1f"),
        "context": context,
        "kv_user_gib": kv_user,
        "asked": users,
        "kv_asked_gib": kv_user * users,
        "needed_gib": fixed + kv_user * users,
        "users": int(found.users.value),
        "users_low": int(found.users.low),
        "users_high": int(found.users.high),
        "users_span": span(found.users, ",.0f"),
        "next": int(found.users.value) + 1,
    }
