"""What a model needs on its GPUs, and what fits: weights, overhead, KV cache, users.

The identity that vLLM's logs keep to 0.01 GiB:

    requested = visible memory × gpu_memory_utilization
    KV pool   = requested − weights − activation peak − non-torch (− CUDA graphs)
    blocks    = ⌊KV pool ÷ bytes of a block⌋, the fewest of all pipeline stages

``estimate_memory`` is the one call; ``startup_log`` feeds it from a log's settings.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from planning.interval import Interval
from planning.memory.drafter import drafter_bytes
from planning.memory.engine_settings import EngineSettings
from planning.memory.kv_cache import KvLayout, kv_layout
from planning.memory.lora import slots_bytes
from planning.memory.model import Model
from planning.memory.overhead import Overhead, overhead
from planning.memory.quantization import MXFP4, MXFP4_PADDED
from planning.memory.settings_check import check
from planning.memory.versions import version_of
from planning.memory.weights import (
    stage_layers,
    weight_bytes,
    weight_bytes_by_part,
)

NULL_BLOCK_SINCE = (0, 27)
"""Since then the start-up check leaves out the pool's null block: read in 0.32, where
0.26.0 did not."""


@dataclass(frozen=True)
class MemoryEstimate:
    """Of one GPU of the tightest pipeline stage. Bytes, where nothing else is said."""

    settings: EngineSettings
    total: Interval
    requested: Interval
    weights: Interval
    weight_parts: dict[str, float]
    overhead: Overhead
    pool: Interval
    """For the KV cache; 0 where nothing is left."""
    missing: Interval
    """What weights and overhead exceed ``requested`` by; 0 where they do not."""
    layout: KvLayout
    num_blocks: Interval
    num_tokens: Interval
    """What vLLM would log as the size of the KV cache."""
    blocks_per_user: int
    """Of one request of max_model_len tokens."""
    users: Interval
    """Requests of max_model_len tokens that fit at once, in all data-parallel engines
    together; whole numbers. 0 where vLLM refuses to start with that context, whatever
    the memory holds."""

    @property
    def kv_bytes_per_user(self) -> int:
        """On one GPU, whole blocks."""
        return self.blocks_per_user * self.layout.block_bytes

    @property
    def kv_bytes_asked(self) -> int:
        """Of all users that one engine has of those asked for, on one GPU."""
        return self.kv_bytes_per_user * self.settings.users_of_an_engine

    @property
    def kv_of_users(self) -> Interval:
        """The same with its doubt: of pages of a state in versions that were not read,
        and of the layer of a drafter that is guessed."""
        each = self.layout.blocks_per_user.times(self.layout.block_bytes)
        found = each.times(self.settings.users_of_an_engine)
        drafter = self.settings.drafter
        if drafter is None or not drafter.is_guessed:
            return found
        layer = found.value / self.layout.num_layers
        return Interval(found.low - layer, found.value, found.high + layer)

    @property
    def fixed(self) -> Interval:
        """Weights and overhead, which err independently of each other."""
        return Interval.independent_sum(self.weights, self.overhead.budgeted)

    @property
    def needed(self) -> Interval:
        """Weights, overhead and the KV cache of all users, on one GPU."""
        return self.fixed + Interval.exact(self.kv_bytes_asked)

    @property
    def is_too_long(self) -> bool:
        """Whether the model has fewer positions than the context."""
        return self.settings.max_model_len > self.settings.model.longest_context

    @property
    def fits(self) -> bool:
        """Whether all users fit by the estimate itself."""
        return self.users.value >= self.settings.num_users

    @property
    def fits_surely(self) -> bool:
        """Whether they fit at the interval's low end."""
        return self.users.low >= self.settings.num_users

    @property
    def fits_perhaps(self) -> bool:
        """Whether they fit at its high end."""
        return self.users.high >= self.settings.num_users


def estimate_memory(settings: EngineSettings) -> MemoryEstimate:
    """The memory of one GPU; raises BadSetting."""
    if settings.scheme not in (None, settings.model.scheme):
        model = replace(settings.model, scheme=settings.scheme, kv_format="auto")
        settings = replace(settings, model=model)
    check(settings)
    settings = replace(settings, model=_laid_out(settings))
    stages = [_stage(settings, rank) for rank in range(settings.pp)]
    return min(stages, key=lambda stage: (stage.num_blocks.value, -stage.missing.value))


def _laid_out(settings: EngineSettings) -> Model:
    """The model as this card's kernels keep it.

    On Hopper the experts of one GPU need no padding of their outputs (Triton); all
    other kernels of MXFP4 pad them.
    """
    model = settings.model
    is_bare = settings.arch == "hopper" and settings.split.num_expert_gpus == 1
    if model.scheme.id != MXFP4.id or is_bare:
        return model
    padded = replace(model.scheme, row_padding=MXFP4_PADDED.row_padding)
    return replace(model, scheme=padded)


def _stage(settings: EngineSettings, rank: int) -> MemoryEstimate:
    total = settings.total_gib.times(2**30)
    requested = total.times(settings.gpu_memory_utilization)
    weights = weight_bytes(settings.model, settings.split, rank)
    weights = weights.times(settings.element_bytes / 2)
    added = added_weights(settings, rank)
    for one in added.values():
        weights += one
    besides = overhead(settings, rank)
    left = requested - Interval.independent_sum(weights, besides.budgeted)
    pool = left.at_least_zero()
    layout = kv_layout(settings, rank)
    blocks = Interval(
        *(layout.num_blocks(p) for p in (pool.low, pool.value, pool.high))
    )
    per_user = layout.blocks_per_user
    return MemoryEstimate(
        settings=settings,
        total=total,
        requested=requested,
        weights=weights,
        weight_parts=_parts(settings, rank) | {n: i.value for n, i in added.items()},
        overhead=besides,
        pool=pool,
        missing=Interval(-left.high, -left.value, -left.low).at_least_zero(),
        layout=layout,
        num_blocks=blocks,
        num_tokens=_each(blocks, layout.num_tokens),
        blocks_per_user=int(per_user.value),
        users=_users(settings, blocks, per_user),
    )


def _users(settings: EngineSettings, blocks: Interval, per_user: Interval) -> Interval:
    """Whole requests; the fewest blocks with the most that one may take.

    0 where vLLM refuses to start: with a context beyond the model's positions, and
    where one request and the block that is never given out take more than there are
    (v1/core/kv_cache_utils.py, get_kv_cache_configs).
    """
    if settings.max_model_len > settings.model.longest_context:
        return Interval.exact(0)
    spare = int(version_of(settings.vllm_version) >= NULL_BLOCK_SINCE)
    pairs = (
        (blocks.low, per_user.high),
        (blocks.value, per_user.value),
        (blocks.high, per_user.low),
    )
    fit = (n // each if n - spare >= each else 0 for n, each in pairs)
    return Interval(*fit).times(settings.dp)


def added_weights(settings: EngineSettings, rank: int) -> dict[str, Interval]:
    """What is loaded beside the model on one GPU of that stage, by its name."""
    model, split = settings.model, settings.split
    found = {}
    if settings.loras:
        layers = range(*stage_layers(model.num_hidden_layers, settings.pp)[rank])
        slots = slots_bytes(model, settings.loras, split, layers, is_first=rank == 0)
        found["LoRA slots"] = slots
    if settings.drafter and rank == settings.pp - 1:
        found["drafter"] = drafter_bytes(settings.drafter, model, split)
    return found


def _parts(settings: EngineSettings, rank: int) -> dict[str, float]:
    parts = weight_bytes_by_part(settings.model, settings.split, rank)
    return {name: size * settings.element_bytes / 2 for name, size in parts.items()}


def _each(blocks: Interval, rule: Callable[[int], int]) -> Interval:
    values = (int(number) for number in (blocks.low, blocks.value, blocks.high))
    return Interval(*(rule(number) for number in values))
