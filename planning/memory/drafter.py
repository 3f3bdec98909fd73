"""Speculative decoding: the drafter's weights, and layers whose cache it keeps.

| Method | Weights beside the model's | Layers with a cache |
|---|---|---|
| ngram | none | none |
| draft_model | a whole model | all of its own |
| eagle | one layer, and a projection of two hidden states | 1 |
| eagle3 | one layer of twice the inputs, a projection of three, an lm_head | 1 |
| mtp | the repository's own layers of prediction, a projection each | 1 each |

EAGLE and MTP share the model's embedding where there are no pipeline stages. Source:
vLLM 0.32, models/llama_eagle3.py, llama_eagle.py, deepseek_mtp.py and qwen3_5_mtp.py,
v1/spec_decode/llm_base_proposer.py (_maybe_share_embeddings, _maybe_share_lm_head).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, get_args

from planning.errors import BadSetting
from planning.interval import Interval
from planning.memory.model import Model
from planning.memory.quantization import UNQUANTIZED
from planning.memory.split import Split
from planning.memory.tensors import ELEMENT_BYTES, Tensor, end_tensors, layer_tensors

Method = Literal["ngram", "draft_model", "eagle", "eagle3", "mtp"]
METHODS: tuple[Method, ...] = get_args(Method)
MAX_TOKENS = 64
MTP_FAMILIES = frozenset(
    "deepseek_v3 deepseek_v32 glm_moe_dsa glm4_moe mimo qwen3_next qwen3_5_text "
    "qwen3_5_moe_text".split()
)
"""Whose layers of prediction are one decoder layer each that sees all tokens."""
AUX_STATES = 3
"""Hidden states of the model that EAGLE-3 projects, where its config does not say."""
HEAD_VOCAB = 32_000
"""Tokens that published EAGLE-3 heads choose among."""
SHARE_OF_DOUBT = 0.02
SHARE_OF_DOUBT_GUESSED = 0.35
"""Of a head that is taken for one layer like the model's."""


@dataclass(frozen=True)
class Drafter:
    """As --speculative-config has it."""

    method: Method
    num_tokens: int
    """Tokens drafted a step, num_speculative_tokens."""
    model: Model | None = None
    """The draft model, or EAGLE's layer; None: no layers, or guessed from the model."""
    draft_vocab_size: int = HEAD_VOCAB

    @property
    def num_lookahead_tokens(self) -> int:
        """Slots of the cache that a request holds beyond its tokens while at work."""
        return 0 if self.method == "ngram" else self.num_tokens

    @property
    def is_guessed(self) -> bool:
        """Whether its layers are not known but taken for ones like the model's."""
        return self.method in ("eagle", "eagle3") and self.model is None

    def check(self, target: Model) -> None:
        """Raises BadSetting for what is not computed, or refused by vLLM."""
        if not 1 <= self.num_tokens <= MAX_TOKENS:
            reason = f"is a whole number from 1 to {MAX_TOKENS}, not {self.num_tokens}."
            raise BadSetting("num_speculative_tokens", reason)
        if target.compressed and self.method != "ngram":
            reason = f"beside the packed cache of {target.name} is not computed here."
            raise BadSetting("drafter", reason)
        if self.method == "draft_model" and self.model is None:
            raise BadSetting("drafter", "is a draft model: say which.")
        if self.method == "mtp":
            self._check_mtp(target)

    def _check_mtp(self, target: Model) -> None:
        if not target.num_mtp_layers:
            reason = f"is MTP, but {target.name} declares no layers of prediction."
            raise BadSetting("drafter", reason)
        if target.model_type not in MTP_FAMILIES:
            reason = (
                f"is MTP: what such layers of {target.model_type!r} keep is not known "
                "here."
            )
            raise BadSetting("drafter", reason)

    def layers_of(self, target: Model) -> Model | None:
        """The layers that keep a cache, as a model of their own; None: none do."""
        if self.method == "ngram":
            return None
        if self.method == "mtp":
            return _alike(target, target.num_mtp_layers)
        return self.model or _guessed(target)


def method_of(name: str) -> Method:
    """The method of that name in vLLM; raises BadSetting."""
    alias = "mtp" if name.endswith("_mtp") else name
    for method in METHODS:
        if method == alias:
            return method
    reason = f"is one of {', '.join(METHODS)}, not {name[:40]!r}."
    raise BadSetting("drafter", reason)


def _alike(target: Model, number: int) -> Model:
    """So many layers like the model's own that see everything."""
    last = target.num_hidden_layers - 1
    moe = target.moe
    if moe and moe.layers:
        last = max(moe.layers)
        moe = replace(moe, layers=frozenset(range(number)))
    kv_heads = target.full_heads
    return replace(
        target,
        num_hidden_layers=number,
        num_key_value_heads=kv_heads.number if kv_heads else target.num_key_value_heads,
        head_dim=kv_heads.head_dim if kv_heads else target.head_dim,
        scheme=replace(
            target.scheme,
            exceptions=tuple(
                replace(one, layers=frozenset(range(number)))
                for one in target.scheme.exceptions
                if last in one.layers
            ),
        ),
        moe=moe,
        mla=replace(target.mla, index_layers=None) if target.mla else None,
        window=None,
        full_heads=None,
        num_kv_shared_layers=0,
        state=None,
        attention_layers=None,
        mlp_layers=None,
        mlp_sizes=(),
        kv_heads_by_layer=(),
        vision_params=0,
    )


def _guessed(target: Model) -> Model:
    """One dense layer as wide as the model's, in 16 bit."""
    layer = _alike(target, 1)
    return replace(
        layer,
        model_type="llama",
        moe=None,
        mla=None,
        grouped_output=None,
        scheme=UNQUANTIZED,
        vocab_size=HEAD_VOCAB,
        tie_word_embeddings=False,
    )


def drafter_bytes(drafter: Drafter, target: Model, split: Split) -> Interval:
    """Of its weights on one GPU of the last pipeline stage."""
    layers = drafter.layers_of(target)
    if layers is None:
        return Interval.exact(0)
    one_stage = replace(split, pp=1)
    if drafter.method == "draft_model":
        tensors = (*layer_tensors(layers, one_stage), *end_tensors(layers, one_stage))
        return _sum(tensors, SHARE_OF_DOUBT)
    found = [
        *layer_tensors(layers, one_stage),
        *_beside(drafter, layers, target, split),
    ]
    if drafter.method != "mtp":
        share = SHARE_OF_DOUBT_GUESSED if drafter.is_guessed else SHARE_OF_DOUBT
        return _sum(found, share)
    plain = replace(layers, scheme=UNQUANTIZED)
    most = [*layer_tensors(plain, one_stage), *_beside(drafter, plain, target, split)]
    packed, whole = _sum(found, SHARE_OF_DOUBT), _sum(most, SHARE_OF_DOUBT)
    return Interval(packed.low, packed.value, max(packed.high, whole.high))


def _beside(
    drafter: Drafter, layers: Model, target: Model, split: Split
) -> Iterator[Tensor]:
    """What is not in its decoder layers."""
    hidden, number = layers.hidden_size, layers.num_hidden_layers
    if drafter.method == "mtp":
        yield _values(number * (2 * hidden * hidden + 3 * hidden))
    elif drafter.method == "eagle":
        yield _values(2 * hidden * hidden)
    else:
        heads = layers.num_attention_heads + 2 * layers.num_key_value_heads
        yield _values(heads * layers.head_dim * hidden / split.tp)
        yield _values(AUX_STATES * target.hidden_size * hidden + 2 * hidden)
        yield _values(drafter.draft_vocab_size * hidden / split.tp)
    if split.pp > 1:
        yield _values(target.vocab_size * hidden / split.tp)


def _values(number: float) -> Tensor:
    return Tensor("drafter", number, number * ELEMENT_BYTES)


def _sum(tensors: tuple[Tensor, ...] | list[Tensor], share: float) -> Interval:
    total = sum(one.num_bytes for one in tensors)
    return Interval.around(total, total * share)
