"""What each layer of a model is, as its config.json tells it: attention, state, MLP.

Families name it differently: a word a layer, a letter a layer, every n-th layer, lists
of layer numbers. What a state measures is told by the fields that are there, whatever
the family's name. Fields as in transformers 5 and vLLM 0.32 (read 2026-11).
"""

from dataclasses import dataclass
from typing import Any

from planning.errors import BadConfig
from planning.memory.config_json import Fields, shown
from planning.memory.model import Compressed
from planning.memory.state_config import LIGHTNING, state_of
from planning.memory.state_layers import StateLayers

MAX_LISTED = 1_000
_MAX = 1_000_000
_COUNTS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
WINDOWED = ("sliding_attention", "chunked_attention")
ATTENTION = (
    "full_attention",
    "attention",
    "indexed_attention",
    "deepseek_sparse_attention",
    *WINDOWED,
)
COMPRESSED = {"compressed_sparse_attention": 4, "heavily_compressed_attention": 128}
"""DeepSeek V4's layers, and the tokens that share a row in them."""
STATES = ("linear_attention", "mamba", "mamba2", "conv", "kda")
ALONE = ("mlp", "moe")
"""Layers that are nothing but an MLP or experts (Nemotron-H)."""
BOTH = "hybrid"
_WORDS = (*ATTENTION, *COMPRESSED, *STATES, *ALONE, BOTH)
_LETTERS = {"M": "mamba", "*": "attention", "-": "mlp", "E": "moe"}
_PARALLEL = ("falcon_h1",)
"""Families whose every layer has attention and a state side by side."""
_SINGLE = ("nemotron_h",)
"""Families whose layers are one thing each."""


@dataclass(frozen=True)
class LayerTypes:
    """As in Model; None: all layers."""

    number: int
    state: StateLayers | None = None
    attention: frozenset[int] | None = None
    mlp: frozenset[int] | None = None
    experts: frozenset[int] | None = None
    """Those that have experts where a word a layer says so; None: see the family."""


def num_layers(text: Fields) -> int:
    """Layers, counted from their list where no number is given."""
    most = MAX_LISTED
    found = text.optional(*_COUNTS, most=most)
    for name in ("layers_block_type", "hybrid_override_pattern"):
        listed = text.config.get(name)
        if found is None and isinstance(listed, list | str) and listed:
            found = len(listed)
    if found is None:
        return text.whole(*_COUNTS, most=most)
    if found > most:
        reason = f"has {found:,} layers: at most {most:,} are computed."
        raise BadConfig(text.prefix + _COUNTS[0], reason)
    return found


def layer_types_of(text: Fields, model_type: str) -> LayerTypes:
    """The kinds of the layers; raises BadConfig with the field."""
    number = num_layers(text)
    words = _words(text, model_type, number)
    if words is None:
        return LayerTypes(number)
    with_state = _where(words, (*STATES, BOTH))
    is_single = model_type in _SINGLE
    if not with_state and not is_single:
        return LayerTypes(number)
    return LayerTypes(
        number,
        state_of(text, model_type, with_state) if with_state else None,
        _where(words, (*ATTENTION, BOTH)),
        _where(words, ALONE) if is_single else None,
        _where(words, ("moe",)) if is_single else None,
    )


def _where(words: list[str], kinds: tuple[str, ...]) -> frozenset[int]:
    return frozenset(i for i, word in enumerate(words) if word in kinds)


def _words(text: Fields, model_type: str, number: int) -> list[str] | None:
    """A word a layer; None where all layers are attention."""
    for name in ("layers_block_type", "layer_types"):
        if (listed := text.config.get(name)) is not None:
            return _checked(text, name, listed, number)
    pattern = text.text("hybrid_override_pattern", most=MAX_LISTED)
    if pattern:
        letters = [_LETTERS.get(letter, letter) for letter in pattern]
        return _checked(text, "hybrid_override_pattern", letters, number)
    if model_type in _PARALLEL:
        return [BOTH] * number
    return _by_rule(text, model_type, number)


def _checked(text: Fields, name: str, listed: Any, number: int) -> list[str]:
    if not isinstance(listed, list) or len(listed) > MAX_LISTED:
        raise BadConfig(text.prefix + name, f"is a list of words, not {shown(listed)}.")
    for word in listed:
        if word not in _WORDS:
            reason = (
                f"lists {shown(word)}: what such a layer keeps is not known here. "
                f"Known: {', '.join(_WORDS)}."
            )
            raise BadConfig(text.prefix + name, reason)
    if len(listed) != number:
        reason = f"names {len(listed)} layers, but num_hidden_layers is {number}."
        raise BadConfig(text.prefix + name, reason)
    return listed


def _by_rule(text: Fields, model_type: str, number: int) -> list[str] | None:
    """Where a number or lists of layers say which have attention."""
    full: set[int] | None = None
    kda = text.part("linear_attn_config")
    if kda:
        full = {i - 1 for i in _numbers(kda, "full_attn_layers")}
    elif "linear_num_value_heads" in text.config:
        every = text.optional("full_attention_interval", most=number) or 4
        full = set(range(every - 1, number, every))
    elif "attn_layer_indices" in text.config:
        full = set(_numbers(text, "attn_layer_indices"))
    elif "attn_layer_period" in text.config:
        every = text.whole("attn_layer_period", most=number)
        first = text.optional("attn_layer_offset", most=number, least=0) or 0
        full = {i for i in range(number) if i % every == first}
    elif "attn_type_list" in text.config:
        full = {i for i, one in enumerate(_numbers(text, "attn_type_list")) if one}
    elif model_type in LIGHTNING and "layer_group_size" in text.config:
        every = text.whole("layer_group_size", most=number)
        full = set(range(every - 1, number, every))
    if full is None:
        return None
    return ["attention" if i in full else "linear_attention" for i in range(number)]


def indexers_of(text: Fields) -> frozenset[int] | None:
    """The layers whose sparse attention has an indexer of its own; None: all."""
    kinds = text.config.get("indexer_types")
    if kinds is None:
        return None
    if not isinstance(kinds, list) or len(kinds) > MAX_LISTED:
        reason = f"is a list of words, not {shown(kinds)}."
        raise BadConfig(text.prefix + "indexer_types", reason)
    return frozenset(i for i, kind in enumerate(kinds) if kind != "shared")


def compressed_of(text: Fields, number: int) -> Compressed | None:
    """Layers that keep one row for several tokens; raises BadConfig."""
    words = text.config.get("layer_types") or []
    if text.config.get("compress_ratios") is not None:
        ratios = _numbers(text, "compress_ratios")
    elif any(word in COMPRESSED for word in words):
        ratios = [COMPRESSED.get(word, 0) for word in words]
    else:
        return None
    if len(ratios) < number:
        reason = f"names {len(ratios)} layers, but num_hidden_layers is {number}."
        raise BadConfig(text.prefix + "compress_ratios", reason)
    head_dim = text.whole("head_dim", most=_MAX)
    for name, found, known in (
        ("compress_ratios", set(ratios) - {0, 1, 4, 128}, "0, 4 and 128"),
        ("head_dim", {head_dim} - {512}, "512"),
    ):
        if found:
            reason = f"has {shown(sorted(found))}: rows are known here for {known}."
            raise BadConfig(text.prefix + name, reason)
    return Compressed(
        tuple(ratios),
        head_dim,
        text.whole("index_head_dim", most=_MAX),
        text.whole("sliding_window", most=_MAX),
    )


def _numbers(fields: Fields, name: str) -> list[int]:
    listed = fields.config.get(name)
    if not isinstance(listed, list) or not _are_numbers(listed):
        reason = f"is a list of whole numbers, not {shown(listed)}."
        raise BadConfig(fields.prefix + name, reason)
    return listed


def _are_numbers(listed: list[Any]) -> bool:
    return len(listed) <= MAX_LISTED and all(type(one) is int for one in listed)
