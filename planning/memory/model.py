"""What of a model's architecture decides its memory. Pure data; see config_json.

Names are those of Hugging Face's config.json and of vLLM.
"""

from dataclasses import dataclass, field
from typing import Literal

from planning.memory.quantization import UNQUANTIZED, Scheme
from planning.memory.state_layers import StateLayers

QkNorm = Literal["none", "head", "full"]
"""head: one weight a head dimension (Qwen3) · full: one a value of q and k (OLMo 2)."""


@dataclass(frozen=True)
class Traits:
    """What a family's code does that its config.json does not say."""

    qkv_bias: bool = False
    o_bias: bool = False
    mlp_bias: bool = False
    is_gated: bool = True
    """Gate and up projection before the activation (SwiGLU), or up alone."""
    norms_per_layer: int = 2
    norm_bias: bool = False
    qk_norm: QkNorm = "none"
    router_bias: bool = False
    lm_head_bias: bool = False
    has_sinks: bool = False
    has_rope: bool = True
    has_positions: bool = False
    """Learned position embeddings."""
    ties_embeddings: bool = False
    """Where config.json does not say."""
    shared_expert_gate: bool = False
    has_output_gate: bool = False
    """Whether the query projection also makes a gate on attention's output."""


@dataclass(frozen=True)
class Moe:
    """Layers whose MLP is a choice of experts."""

    num_experts: int
    top_k: int
    intermediate_size: int
    """Of one expert."""
    shared_intermediate_size: int = 0
    """Of all shared experts together; 0: none."""
    layers: frozenset[int] = frozenset()
    """The layers that have experts, from 0."""
    latent_size: int | None = None
    """Width that tokens are projected to before the experts; None: as they are."""


@dataclass(frozen=True)
class Mla:
    """Multi-head latent attention: one compressed row a token instead of K and V."""

    q_lora_rank: int | None
    kv_lora_rank: int
    qk_nope_head_dim: int
    qk_rope_head_dim: int
    v_head_dim: int
    index_head_dim: int = 0
    """Of sparse attention's indexer, which caches a row of its own; 0: none."""
    num_index_heads: int = 0
    index_layers: frozenset[int] | None = None
    """The layers with an indexer of their own; None: all."""

    @property
    def row_size(self) -> int:
        """Values cached a token and layer, shared by all heads."""
        return self.kv_lora_rank + self.qk_rope_head_dim

    def has_indexer(self, layer: int) -> bool:
        """Whether that layer, from 0, caches rows of an indexer."""
        is_own = self.index_layers is None or layer in self.index_layers
        return bool(self.index_head_dim) and is_own


@dataclass(frozen=True)
class Window:
    """Layers that attend to the last ``size`` tokens only (or a chunk of them)."""

    size: int
    layers: frozenset[int]
    is_chunked: bool = False


@dataclass(frozen=True)
class KvHeads:
    """The KV heads of some layers."""

    number: int
    head_dim: int


@dataclass(frozen=True)
class Compressed:
    """Layers that keep one row for several tokens (DeepSeek V4)."""

    ratios: tuple[int, ...]
    """Tokens a row, by layer; 0: only a window."""
    head_dim: int
    index_head_dim: int
    window: int


@dataclass(frozen=True)
class GroupedOutput:
    """DeepSeek V4's attention: queries and outputs of low rank, compressed keys."""

    q_lora_rank: int
    rank: int
    """Of the output projection, for each group of heads."""
    num_groups: int
    index_head_dim: int
    num_index_heads: int
    num_streams: int
    """Residual streams that each layer mixes (hyper-connections)."""
    ratios: tuple[int, ...]
    """Tokens a compressed key stands for, by layer; 0 or 1: none."""

    def ratio(self, layer: int) -> int:
        """Of that layer, from 0."""
        return self.ratios[layer] if layer < len(self.ratios) else 0

    def has_indexer(self, layer: int) -> bool:
        """Only layers that compress four tokens choose among the keys."""
        return self.ratio(layer) == 4

    def compressed(self, layer: int, head_dim: int) -> tuple[int, ...]:
        """Widths of the keys and gates that its compressors project to."""
        if self.ratio(layer) <= 1:
            return ()
        overlap = 2 if self.ratio(layer) == 4 else 1
        own = overlap * head_dim
        if self.has_indexer(layer):
            return (own, overlap * self.index_head_dim)
        return (own,)


@dataclass(frozen=True)
class Model:
    """One model; ``hf_id`` is its repository on Hugging Face, "" for an upload."""

    id: str
    name: str
    model_type: str
    num_hidden_layers: int
    hidden_size: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    intermediate_size: int
    """Of a dense layer's MLP."""
    vocab_size: int
    max_position_embeddings: int
    tie_word_embeddings: bool
    scaled_positions: int = 0
    """The longest context that scaled positions allow; 0: max_position_embeddings."""
    traits: Traits = field(default_factory=Traits)
    rotary_dim: int = 0
    rope_factor: float = 1
    """How much longer linear scaling makes the table of positions."""
    moe: Moe | None = None
    mla: Mla | None = None
    window: Window | None = None
    compressed: Compressed | None = None
    full_heads: KvHeads | None = None
    """Of the layers without a window, where they differ from the others."""
    per_layer_size: int = 0
    """Width of the embedding that each layer has of its own (Gemma 4); 0: none."""
    per_layer_vocab: int = 0
    possible_scheme: Scheme | None = None
    """What the weights are by the repository's name, where no config says so."""
    num_mtp_layers: int = 0
    """Layers of prediction that the repository has for speculative decoding."""
    num_kv_shared_layers: int = 0
    """The last layers, which read the cache of an earlier one and have none."""
    state: StateLayers | None = None
    attention_layers: frozenset[int] | None = None
    """The layers with attention; None: all."""
    mlp_layers: frozenset[int] | None = None
    """The layers with an MLP or experts; None: all."""
    grouped_output: GroupedOutput | None = None
    mlp_sizes: tuple[int, ...] = ()
    """Of each layer's MLP where they differ, 0 where it has none; else empty."""
    kv_heads_by_layer: tuple[int, ...] = ()
    """Where they differ; 0 where a layer has no attention."""
    has_mlp_beside_experts: bool = False
    """Whether a layer with experts has a dense MLP too (Gemma 4)."""
    vision_params: int = 0
    """Parameters of a vision tower and its projector, kept unquantised."""
    scheme: Scheme = UNQUANTIZED
    """As the repository ships its weights."""
    kv_format: str = "auto"
    """Of the KV cache, as the repository declares it; auto: it does not."""
    hf_id: str = ""
    aliases: tuple[str, ...] = ()
    """Other repositories of the same shape, such as its -Instruct."""
    is_guessed: bool = False
    """Whether the family is not known here and was taken for one like Llama."""
    doubts: tuple[str, ...] = ()
    """Sentences: what the estimate cannot know of this model."""
    source: str = ""
    note: str = ""
    published_params: int | None = None
    """Total of the repository's safetensors; None where no source was read."""

    @property
    def architecture(self) -> str:
        """MHA, GQA, MQA or MLA, with experts or windows where it has them."""
        if self.mla:
            attention = "MLA"
        elif self.num_key_value_heads == 1:
            attention = "MQA"
        elif self.num_key_value_heads == self.num_attention_heads:
            attention = "MHA"
        else:
            attention = "GQA"
        experts = f", {self.moe.num_experts} experts" if self.moe else ""
        windows = ", sliding windows" if self.window else ""
        states = f", {self.state.kind.value}" if self.state else ""
        return attention + experts + windows + states

    @property
    def is_hybrid(self) -> bool:
        """Whether kinds of layers mix: several KV cache groups."""
        if self.state is not None or self.compressed is not None:
            return True
        if self.window is None:
            return False
        return len(self.window.layers) < self.num_hidden_layers

    @property
    def longest_context(self) -> int:
        """Above it vLLM refuses to start (config/model.py, get_and_verify_max_len)."""
        return max(self.max_position_embeddings, self.scaled_positions)

    def has_attention(self, layer: int) -> bool:
        """Whether that layer, from 0, has attention."""
        return self.attention_layers is None or layer in self.attention_layers

    def has_own_cache(self, layer: int) -> bool:
        """Whether that layer, from 0, reads its own cache and not an earlier one's."""
        return layer < self.num_hidden_layers - self.num_kv_shared_layers

    def has_mlp(self, layer: int) -> bool:
        """Whether that layer, from 0, has an MLP or experts."""
        return self.mlp_layers is None or layer in self.mlp_layers

    def kv_heads(self, layer: int) -> tuple[int, int]:
        """Number and size of the KV heads of that layer, from 0."""
        is_windowed = self.window is not None and layer in self.window.layers
        if self.full_heads and not is_windowed:
            return self.full_heads.number, self.full_heads.head_dim
        if self.kv_heads_by_layer:
            return self.kv_heads_by_layer[layer], self.head_dim
        return self.num_key_value_heads, self.head_dim

    def mlp_size(self, layer: int) -> int:
        """Width of that layer's dense MLP; 0: it has none."""
        return self.mlp_sizes[layer] if self.mlp_sizes else self.intermediate_size

    def has_dense_mlp(self, layer: int) -> bool:
        """Whether that layer has an MLP besides, or instead of, experts."""
        has_experts = self.moe is not None and layer in self.moe.layers
        is_dense = not has_experts or self.has_mlp_beside_experts
        return is_dense and self.mlp_size(layer) > 0
