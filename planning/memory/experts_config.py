"""Experts of a config.json: how many, how wide, in which layers."""

from planning.errors import BadConfig
from planning.memory.config_json import Fields, shown
from planning.memory.config_limits import MAX_EXPERTS, MAX_LAYERS, MAX_SIZE
from planning.memory.layer_types import LayerTypes
from planning.memory.model import Moe


def moe_of(text: Fields, model_type: str, kinds: LayerTypes) -> Moe | None:
    num_experts = text.optional(
        *("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts"),
        most=MAX_EXPERTS,
        least=0,
    )
    if not num_experts:
        return None
    top_k = text.whole(
        *("num_experts_per_tok", "num_experts_per_token", "top_k_experts"),
        *("moe_topk", "moe_k", "moe_top_k"),
        most=MAX_EXPERTS,
    )
    inner = text.whole(
        *("moe_intermediate_size", "expert_intermediate_size", "intermediate_size"),
        most=MAX_SIZE,
    )
    return Moe(
        num_experts,
        top_k,
        inner,
        _shared_experts(text, model_type, inner),
        _moe_layers(text, kinds),
        text.optional("moe_latent_size", "routed_expert_hidden_size", most=MAX_SIZE),
    )


def _shared_experts(text: Fields, model_type: str, inner: int) -> int:
    """Width of all shared experts together."""
    names = ("n_shared_experts", "num_shared_experts")
    count = text.optional(*names, most=64, least=0) or 0
    each = text.optional("moe_shared_expert_intermediate_size", most=MAX_SIZE)
    if each is not None:
        return each * count
    shared = text.optional(
        *("shared_expert_intermediate_size", "shared_intermediate_size"),
        "share_expert_dim",
        most=MAX_SIZE,
        least=0,
    )
    if shared is None:
        shared = inner * (1 if model_type == "llama4_text" else count)
    return shared


def _moe_layers(text: Fields, kinds: LayerTypes) -> frozenset[int]:
    if kinds.experts is not None:
        return kinds.experts
    number = kinds.number
    words = text.config.get("mlp_layer_types")
    if isinstance(words, list) and len(words) == number:
        return frozenset(i for i, word in enumerate(words) if word == "sparse")
    if (period := text.optional("expert_layer_period", most=MAX_LAYERS)) is not None:
        offset = text.optional("expert_layer_offset", most=MAX_LAYERS, least=0) or 0
        return frozenset(i for i in range(number) if i % period == offset)
    names = ("first_k_dense_replace", "num_dense_layers")
    first = text.optional(*names, most=MAX_LAYERS, least=0) or 0
    layers = set(range(first, number))
    flags = text.whole_list("moe_layer_freq", number, MAX_LAYERS)
    if flags:
        layers &= {i for i, flag in enumerate(flags) if flag}
    else:
        every = text.optional("moe_layer_freq", most=MAX_LAYERS, least=0) or 1
        layers = {i for i in layers if i % every == 0}
    step = text.optional("decoder_sparse_step", most=MAX_LAYERS, least=0)
    step = step or text.optional("interleave_moe_layer_step", most=MAX_LAYERS, least=0)
    layers = {i for i in layers if (i + 1) % (step or 1) == 0}
    dense = text.config.get("mlp_only_layers") or []
    if not isinstance(dense, list) or not all(isinstance(i, int) for i in dense):
        reason = f"is a list of layer numbers, not {shown(dense)}."
        raise BadConfig(text.prefix + "mlp_only_layers", reason)
    listed = text.config.get("moe_layers_enum")
    if isinstance(listed, str) and listed:
        layers &= {int(i) for i in listed.split(",") if i.strip().isdecimal()}
    return frozenset(layers - set(dense))
