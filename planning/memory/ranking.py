"""All GPUs for one need, ranked: those that fit by price, then those that do not."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from math import ceil

from planning.catalog.gpus import Gpu, load_gpus
from planning.catalog.prices import Price, load_prices
from planning.errors import BadSetting
from planning.memory.drafter import Drafter
from planning.memory.engine_settings import EngineSettings
from planning.memory.lora import LoraSlots
from planning.memory.model import Model
from planning.memory.quantization import Scheme
from planning.memory.sizing import MemoryEstimate, estimate_memory
from planning.memory.verdict import shortfall

GPU_COUNTS = (1, 2, 4, 8)
"""Tensor-parallel sizes tried: more than 8 GPUs seldom share one fast link."""


@dataclass(frozen=True)
class Need:
    """What is asked for, before a GPU is chosen. None: vLLM's default on the card."""

    model: Model
    scheme: Scheme | None = None
    kv_cache_dtype: str = "auto"
    context: int = 8_192
    num_users: int = 1
    gpu_memory_utilization: float = 0.92
    vllm_version: str = "0.32"
    max_num_seqs: int | None = None
    max_num_batched_tokens: int | None = None
    enforce_eager: bool = False
    dp: int = 1
    is_expert_parallel: bool = False
    drafter: Drafter | None = None
    loras: LoraSlots | None = None
    model_runner: int | None = None
    is_cold: bool | None = None


def settings_for(need: Need, gpu: Gpu, tp: int = 1, pp: int = 1) -> EngineSettings:
    """The settings of an engine on so many of these cards."""
    tokens, seqs = gpu.step_limits
    return EngineSettings(
        model=need.model,
        total_gib=gpu.visible_gib,
        tp=tp,
        pp=pp,
        max_model_len=need.context,
        num_users=need.num_users,
        scheme=need.scheme,
        kv_cache_dtype=need.kv_cache_dtype,
        gpu_memory_utilization=need.gpu_memory_utilization,
        max_num_seqs=need.max_num_seqs or seqs,
        max_num_batched_tokens=need.max_num_batched_tokens or tokens,
        enforce_eager=need.enforce_eager,
        vllm_version=need.vllm_version,
        arch=gpu.arch,
        dp=need.dp,
        is_expert_parallel=need.is_expert_parallel,
        drafter=need.drafter,
        loras=need.loras,
        model_runner=need.model_runner,
        is_cold=need.is_cold,
    )


@dataclass(frozen=True)
class Offer:
    """The cheapest way to rent so many of a card."""

    price: Price
    num_offers: int
    """Whole offers: an instance of 8 GPUs is rented whole."""
    staleness: str
    """A sentence when the price is stale."""

    @property
    def usd_per_hour(self) -> float:
        """US dollars an hour for all offers together."""
        return self.price.usd_per_hour * self.num_offers


@dataclass(frozen=True)
class Choice:
    """One card of the ranking."""

    gpu: Gpu
    num_gpus: int
    estimate: MemoryEstimate | None
    """None where the model cannot be split over these cards at all."""
    offer: Offer | None
    """None where the catalog has no price."""
    why_not: str
    """What is too much, in a few words; "" where the users fit."""


def rank(need: Need, today: date) -> tuple[Choice, ...]:
    """One choice a GPU.

    First those that fit at the low end of the interval, the cheapest on top and unknown
    prices last, then those that fit by the estimate, then those that do not by the
    users they hold. Raises BadSetting where the need itself is wrong.
    """
    choices = [_choice(need, gpu, today) for gpu in load_gpus()]
    return tuple(sorted(choices, key=_order))


def cheapest_offer(gpu_id: str, num_gpus: int, today: date) -> Offer | None:
    """By the hour where there is such an offer, else by the second.

    A machine has to hold all the GPUs: several machines would have no fast link.
    """
    offers = [
        Offer(price, ceil(num_gpus / price.num_gpus), price.staleness(today))
        for price in load_prices()
        if price.gpu_id == gpu_id
        and (not price.is_machine or price.num_gpus >= num_gpus)
    ]
    if not offers:
        return None
    return min(offers, key=lambda o: (o.price.kind != "provisioned", o.usd_per_hour))


def _choice(need: Need, gpu: Gpu, today: date) -> Choice:
    """The fewest that hold the users surely, else by the estimate, else the most."""
    tried = list(_tried(need, gpu))
    if not tried:
        why = "its heads cannot be shared out over 1, 2, 4 or 8 GPUs"
        return Choice(gpu, need.dp, None, cheapest_offer(gpu.id, need.dp, today), why)
    surely = [pair for pair in tried if pair[1].fits_surely]
    likely = [pair for pair in tried if pair[1].fits]
    num_gpus, estimate = (surely or likely or tried[-1:])[0]
    offer = cheapest_offer(gpu.id, num_gpus, today)
    return Choice(gpu, num_gpus, estimate, offer, shortfall(estimate))


def _tried(need: Need, gpu: Gpu) -> Iterator[tuple[int, MemoryEstimate]]:
    for num_gpus in GPU_COUNTS:
        try:
            found = estimate_memory(settings_for(need, gpu, tp=num_gpus))
        except BadSetting as error:
            if error.field not in ("tp", "dp"):
                raise
            continue
        yield found.settings.num_gpus, found


def _order(choice: Choice) -> tuple[int, bool, float, float]:
    estimate, offer = choice.estimate, choice.offer
    price = offer.usd_per_hour if offer else 0.0
    if estimate is None or not estimate.fits:
        return 2, False, -estimate.users.value if estimate else 1.0, price
    return int(not estimate.fits_surely), offer is None, price, choice.num_gpus
