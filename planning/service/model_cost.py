"""What a step of a model reads and computes, counted from its tensors and its cache.

    weights    read whole in every step, but for the experts and the embedding's table
    experts    of ``t`` tokens that choose k of E at random, 1 − (1 − k/E)^t are read
    attention  each request reads its cache; a prompt's token computes 4 × heads × size
               FLOPs for each token before it (QKᵀ and the product with V, 2 each)

All figures are of all GPUs together. A weight is multiplied once a token: 2 FLOPs.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache

from planning.memory.engine_settings import EngineSettings
from planning.memory.kv_groups import Kind
from planning.memory.layer_caches import caches_of
from planning.memory.model import Model
from planning.memory.module_names import EXPERTS
from planning.memory.split import Split
from planning.memory.tensors import end_tensors, layer_tensors

FLOPS_A_WEIGHT = 2
PACKED_BITS = 4


@dataclass(frozen=True)
class Attention:
    """Layers that see the same tokens."""

    reach: int
    """Tokens of a window or a chunk; 0: all."""
    token_bytes: float
    """Of a cached token."""
    pair_flops: float
    """Of a token with one before it, or with itself."""

    def seen(self, context: float) -> float:
        """Tokens that one token attends to."""
        return min(context, self.reach) if self.reach else context

    def pairs(self, num_tokens: float) -> float:
        """Tokens with those before them, of a prompt computed up to there."""
        if not self.reach or num_tokens <= self.reach:
            return num_tokens * num_tokens / 2
        return self.reach * (num_tokens - self.reach / 2)


@dataclass(frozen=True)
class WeightCost:
    """Bytes and FLOPs of a model's weights in one format, of all GPUs together."""

    weight_bytes: float
    expert_bytes: float
    """Of all experts that are chosen among; 0: none."""
    expert_share: float
    """Of the experts, that one token takes: k ÷ E."""
    token_flops: float
    """Of a token's way through all layers, without attention's pairs and experts."""
    expert_flops: float
    """Of the experts that a token takes."""
    sample_flops: float
    """Of the logits of one token."""
    num_params: float
    has_packed_weights: bool
    """Whether weights have 4 bits or less, which kernels unpack first."""
    has_packed_experts: bool

    @property
    def active_params(self) -> float:
        """Parameters that a token is multiplied with on its way to the next one."""
        flops = self.token_flops + self.expert_flops + self.sample_flops
        return flops / FLOPS_A_WEIGHT

    def read_experts(self, num_tokens: float) -> float:
        """Bytes of experts that a step of so many tokens reads."""
        unread: float = (1 - self.expert_share) ** num_tokens
        return self.expert_bytes * (1 - unread)

    def read_weights(self, num_tokens: float) -> float:
        """Bytes of all weights that a step of so many tokens reads."""
        return self.weight_bytes + self.read_experts(num_tokens)


@dataclass(frozen=True)
class ModelCost(WeightCost):
    """Bytes and FLOPs of one model as an engine keeps it, with its cache."""

    attention: tuple[Attention, ...]
    state_bytes: float
    """Of a request's states, read and written in each step."""
    num_layers: int
    hidden_size: int

    def read_cache(self, context: float) -> float:
        """Bytes that one decoding request reads besides."""
        kv = sum(one.token_bytes * one.seen(context) for one in self.attention)
        return kv + 2 * self.state_bytes

    def decode_flops(self, context: float) -> float:
        """Attention of one decoding request."""
        return sum(one.pair_flops * one.seen(context) for one in self.attention)

    def prompt_flops(self, first: float, last: float) -> float:
        """Attention of a prompt's tokens from ``first`` to before ``last``."""
        return sum(
            one.pair_flops * (one.pairs(last) - one.pairs(first))
            for one in self.attention
        )


@lru_cache(maxsize=256)
def weight_cost(model: Model, tp: int = 1) -> WeightCost:
    """Of a model whose layers so many GPUs share; what each has whole is read by each.

    Experts are read as if a token chose them at random: routers that send most tokens
    to a few read less.
    """
    values: defaultdict[str, float] = defaultdict(float)
    num_bytes: defaultdict[str, float] = defaultdict(float)
    for tensor in (*layer_tensors(model, Split(tp)), *end_tensors(model, Split(tp))):
        values[tensor.part] += tensor.num_values * tp
        num_bytes[tensor.part] += tensor.num_bytes * tp
    is_tied = model.tie_word_embeddings
    head = "embedding" if is_tied else "lm_head"
    unread = {"experts", "rope", "vision"} | (set() if is_tied else {"embedding"})
    # Decoding multiplies with the copies in place of what they were made from.
    replaced = {"attention kv_b"}
    share = model.moe.top_k / model.moe.num_experts if model.moe else 0.0
    layers = sum(n for part, n in values.items() if part not in unread | {head})
    return WeightCost(
        weight_bytes=sum(
            n for part, n in num_bytes.items() if part not in unread | replaced
        ),
        expert_bytes=num_bytes["experts"],
        expert_share=share,
        token_flops=FLOPS_A_WEIGHT * layers,
        expert_flops=FLOPS_A_WEIGHT * share * values["experts"],
        sample_flops=FLOPS_A_WEIGHT * values[head],
        num_params=sum(values.values()),
        has_packed_weights=(
            model.scheme.bits <= PACKED_BITS and not model.scheme.experts_only
        ),
        has_packed_experts=model.scheme.of(EXPERTS).bits <= PACKED_BITS,
    )


def model_cost(settings: EngineSettings) -> ModelCost:
    """Of a model as an engine with these settings keeps it; the pipeline's and tensor
    parallel GPUs together."""
    model, tp = settings.model, settings.tp
    state = model.state
    return ModelCost(
        **vars(weight_cost(model, tp)),
        attention=_attention(settings),
        state_bytes=(
            state.state_bytes(tp, settings.element_bytes) * tp * len(state.layers)
            if state
            else 0.0
        ),
        num_layers=model.num_hidden_layers,
        hidden_size=model.hidden_size,
    )


def _attention(settings: EngineSettings) -> tuple[Attention, ...]:
    """Layers by what they see. The cache is that of vLLM's layers, and layers that
    share another's cache read it like their own."""
    model = settings.model
    cache: defaultdict[int, float] = defaultdict(float)
    flops: defaultdict[int, float] = defaultdict(float)
    for one in caches_of(settings):
        if one.spec.kind is not Kind.STATE:
            reach = one.spec.reach
            cache[reach] += one.spec.page_bytes / one.spec.block_size * settings.tp
    windowed = model.window.layers if model.window else frozenset()
    for layer in range(model.num_hidden_layers):
        if model.has_attention(layer):
            is_near = layer in windowed and model.window is not None
            reach = model.window.size if is_near and model.window else 0
            flops[reach] += _pair_flops(model, layer)
    return tuple(
        Attention(reach, cache[reach], flops[reach])
        for reach in sorted(cache.keys() | flops.keys())
    )


def _pair_flops(model: Model, layer: int) -> float:
    """Of all heads of a layer: QKᵀ and the product with V."""
    heads = model.num_attention_heads
    if model.mla:
        query = model.mla.qk_nope_head_dim + model.mla.qk_rope_head_dim
        return 2.0 * heads * (query + model.mla.v_head_dim)
    number, size = model.kv_heads(layer)
    return 4.0 * heads * size if number else 0.0
