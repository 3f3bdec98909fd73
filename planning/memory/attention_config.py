"""Attention of a config.json: KV heads, latent rows, grouped outputs."""

from planning.errors import BadConfig
from planning.memory.config_json import Fields, shown
from planning.memory.config_limits import MAX_HEADS, MAX_LAYERS, MAX_SIZE
from planning.memory.layer_types import indexers_of
from planning.memory.model import GroupedOutput, KvHeads, Mla


def full_heads_of(text: Fields) -> KvHeads | None:
    """Of layers without a window where they have a shape of their own (Gemma 4)."""
    size = text.optional("global_head_dim", most=MAX_SIZE)
    if size is None:
        return None
    names = ["num_key_value_heads"]
    if text.flag("attention_k_eq_v", default=False):
        names.insert(0, "num_global_key_value_heads")
    return KvHeads(text.whole(*names, most=MAX_HEADS), size)


def kv_heads_of(text: Fields, heads: int, model_type: str, number: int) -> int:
    is_new = bool(text.config.get("new_decoder_architecture"))
    is_one = bool(text.config.get("multi_query")) and not is_new
    if is_one or (model_type == "gpt_bigcode" and "multi_query" not in text.config):
        return 1
    names = ("num_key_value_heads", "num_kv_heads", "n_head_kv")
    listed = text.config.get("num_key_value_heads")
    if isinstance(listed, list):
        return max(1, *text.whole_list("num_key_value_heads", number, heads))
    found = text.optional(*names, most=MAX_HEADS) or heads
    if found > heads or heads % found:
        reason = f"is {found}: it divides the {heads} attention heads."
        raise BadConfig(text.prefix + "num_key_value_heads", reason)
    return found


def mla_of(text: Fields) -> Mla | None:
    rank = text.optional("kv_lora_rank", most=MAX_SIZE)
    if rank is None:
        return None
    return Mla(
        q_lora_rank=text.optional("q_lora_rank", most=MAX_SIZE),
        kv_lora_rank=rank,
        qk_nope_head_dim=text.whole("qk_nope_head_dim", most=MAX_SIZE),
        qk_rope_head_dim=text.whole("qk_rope_head_dim", most=MAX_SIZE),
        v_head_dim=text.whole("v_head_dim", most=MAX_SIZE),
        index_head_dim=text.optional("index_head_dim", most=MAX_SIZE) or 0,
        num_index_heads=text.optional("index_n_heads", most=MAX_HEADS) or 0,
        index_layers=indexers_of(text),
    )


def grouped_output_of(text: Fields) -> GroupedOutput | None:
    rank = text.optional("o_lora_rank", most=MAX_SIZE)
    if rank is None:
        return None
    ratios = text.config.get("compress_ratios") or []
    if not isinstance(ratios, list) or not all(
        isinstance(one, int) and 0 <= one <= MAX_SIZE for one in ratios[:MAX_LAYERS]
    ):
        reason = f"is a list of whole numbers, one a layer, not {shown(ratios)}."
        raise BadConfig(text.prefix + "compress_ratios", reason)
    return GroupedOutput(
        q_lora_rank=text.whole("q_lora_rank", most=MAX_SIZE),
        rank=rank,
        num_groups=text.whole("o_groups", most=MAX_HEADS),
        index_head_dim=text.optional("index_head_dim", most=MAX_SIZE) or 0,
        num_index_heads=text.optional("index_n_heads", most=MAX_HEADS) or 0,
        num_streams=text.optional("hc_mult", most=64) or 1,
        ratios=tuple(ratios[:MAX_LAYERS]),
    )
